"""Webhooks by commands: a receiver as a process, one sent to try it, what came listed, and the doctor's word on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from siscon import receiving, runtime
from siscon.cli import commands
from siscon.domain.roles import Role
from siscon.ops.webhook_checks import nobody_receives
from siscon.webhooks import trial
from support.flood import Served, served_receiver
from support.hooks import KEY, sender

CONFIG = """
home: here
webhooks: {{port: 0}}
integrations:
  north:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${{NORTH_SECRET:-s3cr3t-canary}}
    webhook: {{scheme: standard-webhooks, secrets: "${{NORTH_HOOK:-{key}}}"}}
  south:
    provider: powerschool
    base_url: http://127.0.0.1:9
    client_id: abc
    client_secret: ${{NORTH_SECRET:-s3cr3t-canary}}
{more}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.format(key=KEY, more=""), encoding="utf-8")
    return file


@pytest.fixture
def served(config: Path) -> Iterator[Served]:
    with served_receiver(runtime.load_settings(config)) as there:
        yield there


def ran(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> tuple[int, str, str]:
    code = commands.run([*arguments, "--config", str(config)])
    told = capsys.readouterr()
    return code, told.out, told.err


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_is_sent_and_seen_in_the_lists_and_by_the_doctor(
    capsys: pytest.CaptureFixture[str], config: Path, served: Served
) -> None:
    at = ("--url", f"http://127.0.0.1:{served.port}/webhooks/north")
    code, out, _ = ran(capsys, config, "webhooks", "test", "north", "--id", "4101", "--json", *at)
    assert (code, rows(out)[0]["status"], rows(out)[0]["outcome"]) == (0, 202, "accepted")
    code, out, _ = ran(capsys, config, "webhooks", "test", "north", "--event", "invoice.paid", "--json", *at)
    assert (code, rows(out)[0]["outcome"]) == (0, "ignored")
    code, out, _ = ran(capsys, config, "webhooks", "test", "north", "--json", "--url", at[1] + "x")
    assert (code, rows(out)[0]["status"]) == (1, 404)

    arrivals = rows(ran(capsys, config, "webhooks", "list", "--arrivals", "--json")[1])
    counts = rows(ran(capsys, config, "webhooks", "list", "--integration", "north", "--json")[1])
    examined = {row["check"]: row for row in rows(ran(capsys, config, "doctor", "--quick", "--json")[1])}

    assert [(one["event"], one["records"], one["state"]) for one in arrivals] == [
        ("invoice.paid", [], "ignored"),
        ("student.changed", ["student 1"], "waiting"),
    ]
    assert {(one["outcome"], one["count"]) for one in counts} == {
        ("accepted", 1),
        ("ignored", 1),
        ("waiting now", 1),
    }
    assert examined["receiver"]["seen"] == "it takes any port that is free"
    assert examined["webhook north"]["seen"] == "2 taken, 0 refused in 24 h; 1 wait"


def test_the_doctor_tells_of_short_keys_and_of_nobody_who_receives(
    capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    text = config.read_text(encoding="utf-8").replace("port: 0", "port: 9")
    text = text.replace("standard-webhooks", "hmac-sha256").replace(KEY, "short")
    config.write_text(text, encoding="utf-8")
    assert ran(capsys, config, "webhooks", "list")[0] == 0
    examined = {row["check"]: row for row in rows(ran(capsys, config, "doctor", "--quick", "--json")[1])}

    quiet = runtime.load_settings(config)
    config.write_text(text.replace("port: 9", "port: 9, in_serve: true"), encoding="utf-8")
    deaf = runtime.load_settings(config)

    assert (examined["receiver"]["state"], examined["webhook north"]["state"]) == ("warn", "warn")
    assert [asyncio.run(nobody_receives(one)) for one in (quiet, deaf)] == [
        "",
        "nobody receives webhooks at 127.0.0.1, port 9",
    ]
    assert "fewer than 16 characters" in examined["webhook north"]["seen"]


def test_what_cannot_be_sent_or_served_is_said(capsys: pytest.CaptureFixture[str], config: Path) -> None:
    nowhere = ("--url", "http://127.0.0.1:9/webhooks/north")
    for words, code, said in (
        (("test", "nobody"), 2, "Known are: north, south"),
        (("test", "south"), 2, "has no 'webhook' section"),
        (("test", "north"), 2, "webhooks.port is 0"),
        (("test", "north", *nowhere), 1, "Nobody answers at 127.0.0.1:9"),
        (("test", "north", "--url", "ftp://somewhere"), 2, "That is no address"),
    ):
        found, _out, err = ran(capsys, config, "webhooks", *words)
        assert (found, said in err) == (code, True), err
    config.write_text(CONFIG.format(key=KEY, more="").replace("    webhook:", "    #"), encoding="utf-8")
    code, _out, err = ran(capsys, config, "webhooks", "serve")
    assert (code, "nobody could send anything" in err) == (2, True)
    assert ran(capsys, config, "webhooks", "list")[1] == "Nothing came in the last 24 h.\n"


def test_a_viewer_cannot_have_anything_fetched_by_a_webhook(
    capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "role_here", lambda _rules: ("ann(1000)", Role.VIEWER))
    monkeypatch.setattr(runtime, "role_here", lambda _rules: ("ann(1000)", Role.VIEWER))
    at = ("--url", "http://127.0.0.1:9/webhooks/north")
    code, _out, err = ran(capsys, config, "webhooks", "test", "north", *at)

    assert (code, "operator" in err) == (2, True), err


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8480/webhooks/harbor"),
        ("0.0.0.0", "http://127.0.0.1:8480/webhooks/harbor"),
        ("::", "http://[::1]:8480/webhooks/harbor"),
        ("hooks.example", "http://hooks.example:8480/webhooks/harbor"),
    ],
)
def test_the_receiver_is_found_where_it_listens(host: str, url: str) -> None:
    assert trial.address_for(sender(), host, 8480) == url
