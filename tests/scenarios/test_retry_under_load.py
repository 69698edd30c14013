"""A thousand records tried again at 60 requests a minute beside an import: the one somebody waits for goes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon import runtime
from siscon.domain.commands import CancelRun, Command, CommandStatus, RetryDead, StartRun
from siscon.domain.runs import Run, RunStatus
from siscon.ops.actor import current_actor
from siscon.store import commands, dead_records, runs
from siscon.store.dead_records import Chosen
from support.bare_oneroster import bare_oneroster
from support.clock import until
from support.processes import ServedHouse, served_houses

CONFIG = """
home: here
guard: {{dead_share: 1}}
integrations:
  open:
    provider: oneroster
    base_url: {origin}
    client_id: abc
    client_secret: ${{OPEN_SECRET:-invented}}
    requests_per_minute: {rate}
    settings:
      token_url: {origin}/token
"""
MANY = 1_000


async def ask(house: ServedHouse, command: Command) -> int:
    """Leave a command; the run that the engine has queued for it."""
    async with house.db.transaction() as c:
        left = await commands.leave(c, command, actor=current_actor(), now_ms=1)
    run_id: list[int] = []

    async def is_answered() -> bool:
        async with house.db.read() as c:
            row = await commands.get(c, left)
        assert row is not None
        assert row.status is not CommandStatus.REFUSED, row.answer
        run_id[:] = [row.run_id] if row.run_id else []
        return row.status is CommandStatus.DONE

    await until(is_answered)
    return run_id[0]


async def run_of(house: ServedHouse, run_id: int) -> Run:
    async with house.db.read() as c:
        run = await runs.get(c, run_id)
    assert run is not None
    return run


async def rests(house: ServedHouse, run_id: int, *wanted: RunStatus) -> None:
    async def is_there() -> bool:
        return (await run_of(house, run_id)).status in wanted

    await until(is_there)


@pytest.mark.long
async def test_who_waits_for_one_record_goes_first_and_a_stop_takes_no_time(tmp_path: Path) -> None:
    with (
        bare_oneroster(students=MANY, cut=20, limit=100_000, window_s=1.0) as server,
        served_houses() as children,
    ):
        for one in server.lists["students"]:
            one["familyName"] = ""
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(origin=server.origin, rate=0), encoding="utf-8")
        settings = runtime.load_settings(config)
        async with runtime.open_house(settings) as opened:
            house = ServedHouse(settings, opened.db, children)
            engine = await house.serve()
            await rests(house, await ask(house, StartRun("open")), RunStatus.WITH_ERRORS)
            async with house.db.read() as c:
                found = await dead_records.list_open(c, Chosen("open"), limit=2 * MANY + MANY * 4)
            students = [one for one in found if one.entity == "student"]
            assert len(students) == MANY
            house.end(engine)

            config.write_text(CONFIG.format(origin=server.origin, rate=60), encoding="utf-8")
            await house.serve()
            begun = len(server.asked)
            bulk = await ask(house, StartRun("open", full=True))
            where = {"entity": "student", "code": students[0].code}
            many = await ask(house, RetryDead("open", (), where, MANY))

            async def both_read() -> bool:
                states = [(await run_of(house, one)).status for one in (bulk, many)]
                return states == [RunStatus.RUNNING] * 2 and len(server.asked) > begun + 8

            await until(both_read)
            chosen = students[7]
            single = await ask(house, RetryDead("open", (chosen.id,), {}, 1))
            await rests(house, single, RunStatus.RUNNING, RunStatus.WITH_ERRORS)
            before = len(server.asked)
            path = f"students/{chosen.external_id}"

            async def is_asked_for() -> bool:
                return path in server.asked

            await until(is_asked_for)
            assert server.asked.index(path) <= before, "the very next request is that for the one record"
            await rests(house, single, RunStatus.WITH_ERRORS)
            assert (await run_of(house, many)).status is RunStatus.RUNNING

            before = len(server.asked)
            async with house.db.transaction() as c:
                await commands.leave(c, CancelRun(many), actor=current_actor(), now_ms=1)
            await rests(house, many, RunStatus.CANCELLED)
            assert len(server.asked) - before <= 3, "each request is a second of the engine's"
            assert (await run_of(house, bulk)).status is RunStatus.RUNNING
