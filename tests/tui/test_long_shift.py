"""A console open for a day and a night, while syncs come and go, holds at its end what it held in the morning."""

from __future__ import annotations

import asyncio
import gc
import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.events import EventKind, Level
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, Phase, RunKind, RunStatus
from siscon.store import events, run_counts, runs
from siscon.store.database import Database
from siscon.store.sqlite import open_database
from siscon.tui.actions import BY_ID, PANES
from support.clock import HandClock
from support.console_data import NOW_MS, alive
from support.consoles import console, press, settled, until

Filled = Callable[..., Awaitable[Path]]
HOURS, WARM_UP_H, TURNS_AN_HOUR = 24, 6, 10
ROOM_MIB = 3.0


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _what_it_does(task: asyncio.Task[Any]) -> str:
    """Its name without the numbers in it."""
    return f"{re.sub('[0-9a-f-]{6,}', '', task.get_name())} {getattr(task.get_coro(), '__qualname__', '')}"


async def _sync(db: Database, clock: HandClock) -> None:
    """A run begins, tells of its pages, and ends; one record of it is news."""
    now_ms = clock.now_ms()
    async with db.transaction() as c:
        await alive(c, now_ms=now_ms)
        run_id = await runs.enqueue(
            c,
            integration="lakeside",
            kind=RunKind.IMPORT,
            lane=Lane.BULK,
            entities=(Entity.STUDENT,),
            full=False,
            requested_by="clock",
            due_at_ms=None,
            now_ms=now_ms,
        )
        assert run_id is not None
        await run_counts.start(c, run_id, (Entity.STUDENT,))
        await runs.claim(c, run_id, engine="e1", now_ms=now_ms)
    async with db.transaction() as c:
        await run_counts.add(c, run_id, Entity.STUDENT, fetched=500, unchanged=500, pages=5)
        await run_counts.note(c, run_id, Entity.STUDENT, total=500, phase=Phase.APPLY, done=True)
        await events.append(
            c,
            EventKind.ENTITY_DONE,
            Level.INFO,
            "students: 500 of 500 fetched",
            integration="lakeside",
            run_id=run_id,
            at_ms=now_ms,
        )
    async with db.transaction() as c:
        await runs.move(c, run_id, RunStatus.COMPLETED, now_ms=now_ms + 60_000)


@pytest.mark.long
async def test_after_a_day_of_screens_and_syncs_memory_and_tasks_are_as_after_the_first_hours(
    filled: Filled,
) -> None:
    path = await filled(mapped=5_000)
    clock = HandClock(NOW_MS)
    writer = await open_database(path, synchronous="normal")
    memory: list[float] = []
    tasks: list[int] = []
    try:
        async with console(path, size=(120, 40), now_ms=clock.now_ms) as pilot:
            for hour in range(HOURS):
                for turn in range(TURNS_AN_HOUR):
                    clock.forward(3600 / TURNS_AN_HOUR)
                    if turn % 5 == 0:
                        await _sync(writer, clock)
                    name = PANES[(hour + turn) % len(PANES)]
                    await press(pilot, BY_ID[name].keys[0], "j")
                    if turn % 3 == 0:
                        await press(pilot, "enter", "escape", "escape")
                await press(pilot, "1")
                await settled(pilot)
                gc.collect()
                memory.append(_resident_mib())
                tasks.append(len(asyncio.all_tasks()))
            with suppress(AssertionError):
                await until(pilot, lambda: len(asyncio.all_tasks()) <= max(tasks[:WARM_UP_H]))
            left = Counter(map(_what_it_does, asyncio.all_tasks()))
    finally:
        await writer.close()

    assert max(memory[WARM_UP_H:]) - memory[WARM_UP_H] < ROOM_MIB, memory
    assert left.total() <= max(tasks[:WARM_UP_H]), left
