"""Schedules in a test's database, as the activation of a configuration writes them."""

from __future__ import annotations

from siscon.domain.timetables import FULL, MAIN, Schedule, Start, Starts
from siscon.store import schedules
from siscon.store.database import Connection


def lines(line: str = "", full: str = "", zone: str = "UTC") -> tuple[Schedule, ...]:
    """What ``schedule`` and ``full_schedule`` stand for."""
    short = ((MAIN, line, Starts.CHANGES), (FULL, full, Starts.FULL))
    return tuple(Schedule(name, told, zone, starts) for name, told, starts in short if told)


async def put_lines(
    c: Connection, integration: str, line: str, full: str = "", zone: str = "America/Chicago"
) -> None:
    """Give an integration its short-form schedules."""
    await schedules.put_all(c, integration, lines(line, full, zone), enabled=True)


async def arm(c: Connection, integration: str, due_ms: int, name: str = MAIN) -> None:
    """Say when a schedule is due next, as a clock would."""
    await schedules.arm(c, integration, name, Start(due_ms, due_ms))
