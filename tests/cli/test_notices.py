"""``siscon notices`` as people and cron call it, over a real mail server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from siscon.cli import commands
from siscon.domain.events import EventKind, Level
from siscon.engine.moments import wall_ms
from siscon.store import events
from siscon.store.sqlite import open_database
from support.databases import activate
from support.mail_server import mail_server

CONFIG = """
home: {home}
notices:
  channels:
    ops:
      kind: email
      host: 127.0.0.1
      port: {port}
      security: none
      sender: siscon@example.org
      to: [oncall@example.org]
"""


Said = tuple[int, list[dict[str, object]], str]
Siscon = Callable[..., Awaitable[Said]]


@pytest.fixture
def siscon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Siscon:
    """Runs a command beside the server's loop; its exit code, its rows of JSON, all that it said."""

    async def run(*words: str) -> Said:
        line = ["--config", str(tmp_path / "config.yaml"), "notices", *words]
        code = await asyncio.to_thread(commands.run, line)
        told = capsys.readouterr()
        rows = [json.loads(one) for one in told.out.splitlines() if one.startswith("{")]
        return code, rows, told.out + told.err

    return run


def configure(folder: Path, port: int) -> None:
    (folder / "config.yaml").write_text(CONFIG.format(home=folder / "home", port=port))


async def test_a_test_is_sent_and_a_refusal_is_said_in_the_servers_words(
    tmp_path: Path, siscon: Siscon
) -> None:
    async with mail_server() as box:
        configure(tmp_path, box.port)
        code, rows, said = await siscon("test", "ops", "--json")
        assert code == 0, said
        assert rows[0]["state"] == "sent"
        assert "Test" in str(box.taken[0]["Subject"])

        box.to_rcpt["oncall@example.org"] = ["550 no such user"]
        code, _, said = await siscon("test", "ops")
        assert code == 1
        assert "550 no such user" in said
        code, rows, _ = await siscon("list", "--messages", "--json")
    assert [one["state"] for one in rows] == ["refused", "sent"]
    assert code == 0


async def test_a_check_by_cron_sends_once_and_its_code_says_that_something_is_open(
    tmp_path: Path, siscon: Siscon
) -> None:
    async with mail_server() as box:
        configure(tmp_path, box.port)
        code, _, said = await siscon("check")
        assert (code, "No cause is open." in said) == (0, True), said

        db = await open_database(tmp_path / "home" / "siscon.db", synchronous="normal")
        try:
            async with db.transaction() as c:
                await activate(c, "harbor")
                text = "harbor got no new token: the district must allow it again"
                told = {"integration": "harbor", "at_ms": wall_ms()}
                await events.append(c, EventKind.TOKEN_FAILED, Level.ERROR, text, **told)  # type: ignore[arg-type]
        finally:
            await db.close()
        for _ in range(2):
            code, rows, said = await siscon("check", "--json")
            assert code == 1, said
            assert (rows[0]["trouble"], rows[0]["state"]) == ("login", "notified")
        assert [str(one["Subject"]) for one in box.taken] == [
            "[siscon] LOGIN harbor: harbor got no new token: the district must allow it again"
        ]

        number = str(rows[0]["id"])
        code, rows, said = await siscon("mute", number, "--for", "2h", "--json")
        assert (code, rows[0]["state"]) == (0, "muted"), said
        code, _, said = await siscon("mute", "99", "--for", "2h")
    assert code == 2
    assert "no open cause 99" in said


async def test_what_a_mail_server_refused_goes_out_once_when_somebody_has_it_sent_again(
    tmp_path: Path, siscon: Siscon
) -> None:
    async with mail_server() as box:
        configure(tmp_path, box.port)
        box.to_rcpt["oncall@example.org"] = ["550 no such user"] * 2
        assert (await siscon("test", "ops"))[0] == 1
        code, _, said = await siscon("retry", "ops")
        assert (code, "550 no such user" in said) == (1, True), said
        code, _, said = await siscon("retry", "ops")
        assert (code, "1 message for ops is sent now, 1 of them refused" in said) == (0, True), said
        code, _, said = await siscon("retry", "ops")
        assert (code, "Nothing waits for ops" in said) == (0, True), said
        assert (await siscon("retry", "nowhere"))[0] == 2
    assert len(box.taken) == 1


async def test_a_test_of_a_channel_that_is_down_says_so_although_others_wait_before_it(
    tmp_path: Path, siscon: Siscon
) -> None:
    async with mail_server() as box:
        configure(tmp_path, box.port)
    for _ in range(2):  # nobody listens there any more
        code, _, said = await siscon("test", "ops")
        assert (code, "cannot be reached" in said) == (1, True), said
