"""A run outlives an outage: what fails for a while is gone on with from its last committed page."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from siscon.domain.errors import TransientError
from siscon.domain.events import EventKind, Level
from siscon.domain.retry import ROUNDS, round_pause_s
from siscon.engine.job import ImportJob
from siscon.store import events, runs

T = TypeVar("T")


async def patiently(
    job: ImportJob,
    what: str,
    step: Callable[[], Awaitable[T]],
    position: Callable[[], Awaitable[object]],
) -> T:
    """Carry a step that talks to the SIS on after faults that pass; a step that got on begins to count anew.

    Raises the last ``TransientError`` after ``ROUNDS`` rounds in which ``position`` stayed the same.
    """
    rounds, before = 0, await position()
    while True:
        try:
            return await step()
        except TransientError as error:
            now = await position()
            rounds, before = (1 if now != before else rounds + 1), now
            if rounds >= ROUNDS:
                raise
            await _wait(job, what, error, rounds)


async def _wait(job: ImportJob, what: str, error: TransientError, rounds: int) -> None:
    pause_s = round_pause_s(rounds, luck=random.random())  # noqa: S311 - spreads load, guards nothing
    run, now_ms = job.run, job.now_ms()
    host = f"{job.host}: " if job.host and job.host not in error.sentence else ""
    text = (
        f"{host}{error.sentence} Run {run.id} waits {pause_s:.0f} s, then goes on with {what} where it stands "
        f"(round {rounds} of {ROUNDS} without progress)"
    )
    async with job.db.transaction(job.lease) as c:
        await runs.add_requests(c, run.id, job.meter.take(), now_ms + int(pause_s * 1000))
        await events.append(
            c,
            EventKind.RUN_WAITING,
            Level.WARNING,
            text,
            integration=run.integration,
            run_id=run.id,
            at_ms=now_ms,
        )
    await job.sleep(pause_s)
    async with job.db.transaction(job.lease) as c:
        await runs.add_requests(c, run.id, 0, None)
