"""A run outlives an outage: what fails for a while is gone on with from its last committed page."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from siscon.domain.errors import RateLimited, TransientError
from siscon.domain.events import EventKind, Level
from siscon.domain.retry import ROUNDS, round_pause_s
from siscon.engine.job import ImportJob
from siscon.store import events, paces, runs

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
                raise _given_up(job, error) from error
            await _wait(job, what, error, rounds)


def _given_up(job: ImportJob, error: TransientError) -> TransientError:
    """The last error with its host and with what to do."""
    sentence = (
        f"{_named(job, error)} Nothing came in {ROUNDS} rounds of tries, so the run was given up: sync "
        f"{job.run.integration} again once the SIS answers."
    )
    if isinstance(error, RateLimited):
        return RateLimited(sentence, retry_after_s=error.retry_after_s, code=error.code, detail=error.detail)
    return TransientError(sentence, code=error.code, detail=error.detail)


def _named(job: ImportJob, error: TransientError) -> str:
    """With the host, unless the sentence begins with a request, which names whom it asked."""
    is_named = job.host in error.sentence or error.sentence.startswith(("GET ", "POST "))
    return error.sentence if is_named else f"{job.host}: {error.sentence}"


async def _wait(job: ImportJob, what: str, error: TransientError, rounds: int) -> None:
    pause_s = round_pause_s(rounds, luck=random.random())  # noqa: S311 - spreads load, guards nothing
    run, now_ms = job.run, job.now_ms()
    text = (
        f"{_named(job, error)} Run {run.id} waits {pause_s:.0f} s, then goes on with {what} where it stands "
        f"(round {rounds} of {ROUNDS} without progress)"
    )
    async with job.db.transaction(job.lease) as c:
        sent, (failed, throttled) = job.meter.take(), job.meter.take_trouble()
        await runs.add_requests(c, run.id, sent, now_ms + int(pause_s * 1000))
        await paces.add(c, run.id, now_ms=now_ms, requests=sent, failed=failed, throttled=throttled)
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
