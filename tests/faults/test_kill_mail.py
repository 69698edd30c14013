"""A process killed while it sends: before a mail was taken nothing is lost, after it the second one has the same id."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from siscon.engine.moments import wall_ms
from siscon.store import outbox
from siscon.store.sqlite import open_database
from support.mail_server import MailBox, mail_server

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


async def check(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "siscon", "--config", str(folder / "config.yaml"), "notices", "check"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@pytest.mark.long
@pytest.mark.parametrize("taken", [False, True])
async def test_a_kill_in_the_middle_of_a_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    killed: list[int] = []
    takes = MailBox.handle_DATA

    async def kills_first(box: MailBox, server: Any, session: Any, envelope: Any) -> str:
        answer = "451 not now"
        if taken or killed:
            answer = await takes(box, server, session, envelope)
        if not killed:
            killed.append(process.pid)
            os.kill(process.pid, signal.SIGKILL)
        return answer

    monkeypatch.setattr(MailBox, "handle_DATA", kills_first)
    async with mail_server() as box:
        (tmp_path / "config.yaml").write_text(CONFIG.format(home=tmp_path / "home", port=box.port))
        (tmp_path / "home").mkdir(mode=0o700)
        db = await open_database(tmp_path / "home" / "siscon.db", synchronous="normal")
        try:
            async with db.transaction() as c:
                await outbox.put(c, subject="s", text="t", channel="ops", key="k", now_ms=wall_ms())
        finally:
            await db.close()
        process = await check(tmp_path)
        assert await process.wait() == -signal.SIGKILL
        again = await check(tmp_path)
        assert await again.wait() == 0
        third = await check(tmp_path)
        await third.wait()

    ids = [str(one["Message-ID"]) for one in box.taken]
    assert len(ids) == (2 if taken else 1)
    assert len(set(ids)) == 1
