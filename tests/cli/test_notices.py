"""``siscon notices`` as people and cron call it, over a real mail server, in processes of their own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

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


async def siscon(folder: Path, *words: str) -> tuple[int, list[dict[str, object]], str]:
    """Run a command; its exit code, its rows of JSON, what it said beside them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "siscon", "--config", str(folder / "config.yaml"), "notices", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    rows = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
    return process.returncode or 0, rows, out.decode() + said.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def configure(folder: Path, port: int) -> None:
    (folder / "config.yaml").write_text(CONFIG.format(home=folder / "home", port=port))


async def test_a_test_is_sent_and_a_refusal_is_said_in_the_servers_words(folder: Path) -> None:
    async with mail_server() as box:
        configure(folder, box.port)
        code, rows, said = await siscon(folder, "test", "ops", "--json")
        assert code == 0, said
        assert rows[0]["state"] == "sent"
        assert "Test" in str(box.taken[0]["Subject"])

        box.to_rcpt["oncall@example.org"] = ["550 no such user"]
        code, _, said = await siscon(folder, "test", "ops")
        assert code == 1
        assert "550 no such user" in said
        code, rows, _ = await siscon(folder, "list", "--messages", "--json")
    assert [one["state"] for one in rows] == ["refused", "sent"]
    assert code == 0


async def test_a_check_by_cron_sends_once_and_its_code_says_that_something_is_open(folder: Path) -> None:
    async with mail_server() as box:
        configure(folder, box.port)
        code, _, said = await siscon(folder, "check")
        assert (code, "No cause is open." in said) == (0, True), said

        db = await open_database(folder / "home" / "siscon.db", synchronous="normal")
        try:
            async with db.transaction() as c:
                await activate(c, "harbor")
                text = "harbor got no new token: the district must allow it again"
                told = {"integration": "harbor", "at_ms": wall_ms()}
                await events.append(c, EventKind.TOKEN_FAILED, Level.ERROR, text, **told)  # type: ignore[arg-type]
        finally:
            await db.close()
        for _ in range(2):
            code, rows, said = await siscon(folder, "check", "--json")
            assert code == 1, said
            assert (rows[0]["trouble"], rows[0]["state"]) == ("login", "notified")
        assert [str(one["Subject"]) for one in box.taken] == [
            "[siscon] LOGIN harbor: harbor got no new token: the district must allow it again"
        ]

        number = str(rows[0]["id"])
        code, rows, said = await siscon(folder, "mute", number, "--for", "2h", "--json")
        assert (code, rows[0]["state"]) == (0, "muted"), said
        code, _, said = await siscon(folder, "mute", "99", "--for", "2h")
    assert code == 2
    assert "no open cause 99" in said
