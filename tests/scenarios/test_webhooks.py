"""From a day that passes in the SIS to the roster, by nothing but webhooks: two engines, one port, one killed."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from siscon import runtime
from siscon.domain.runs import RunStatus
from siscon.sandbox.hooks import INVENTED_KEY
from siscon.store import webhook_inbox
from siscon.store.sqlite import open_database
from support.clock import until
from support.processes import ServedHouse, config_for, running_sandbox, served_houses

pytestmark = pytest.mark.long
MORE = """
    webhook: {{scheme: standard-webhooks, secrets: ["${{SISCON_SANDBOX_HOOK:-{key}}}"]}}
webhooks: {{in_serve: true, port: {port}}}
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def test_what_a_day_changes_is_in_the_roster_and_another_engine_takes_the_port(tmp_path: Path) -> None:
    port = free_port()
    told = ("--webhook", f"http://127.0.0.1:{port}/webhooks")
    with running_sandbox(tmp_path / "sis", students=100, more=told) as sandbox, served_houses() as children:
        file = config_for(tmp_path / "home", sandbox).file
        file.write_text(
            file.read_text().rstrip() + MORE.format(key=INVENTED_KEY, port=port), encoding="utf-8"
        )
        settings = runtime.load_settings(file)
        settings.home.mkdir()
        db = await open_database(settings.database)
        house = ServedHouse(settings, db, children)

        async def students() -> int:
            async with db.read() as c:
                row = await c.one("SELECT count(*) AS n FROM students")
            return 0 if row is None else int(row["n"])

        async def is_all_done() -> bool:
            async with db.read() as c:
                found = await webhook_inbox.page(c, limit=100)
            return any(one.event == "enrollment.changed" for one in found) and all(
                one.state == "done" for one in found
            )

        def is_open() -> bool:
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", port)) == 0

        first = await house.serve()
        await house.serve()
        await house.ask_for_import()
        await house.reaches(RunStatus.COMPLETED, RunStatus.WITH_ERRORS, RunStatus.WITH_WARNINGS)
        before = await students()
        await until(is_open)
        day = sandbox.control("advance", {})["counts"]["powerschool"]
        await until(is_all_done)
        assert await students() == before + day["joined"] > before

        house.end(first, signal.SIGKILL)
        await until(is_open)
        await db.close()
