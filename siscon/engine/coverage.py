"""Looks what a login covers before anything is concluded from what is absent."""

from __future__ import annotations

import logging

from siscon.domain.coverage import SCOPES, differences, in_a_sentence, readable, scopes_of
from siscon.domain.errors import ProviderError
from siscon.domain.events import EventKind, Level
from siscon.engine.bounded import answer_of
from siscon.engine.job import ImportJob
from siscon.store import coverage, events, tokens

log = logging.getLogger(__name__)

ASK_WITHIN_S = 1200.0
"""Longer than any pause that an SIS may ask for."""


async def look(job: ImportJob) -> None:
    """Ask the provider once a run, and keep the answer with it; a provider that cannot tell is no fault.

    Raises ``TransientError`` and ``AuthError`` as any request does.
    """
    async with job.db.read() as c:
        if await coverage.of_run(c, job.run.id) is not None:
            return
    seen = None
    try:
        told = await answer_of(job, "coverage", job.provider.coverage, within_s=ASK_WITHIN_S)
        seen = readable(told)
    except ProviderError as error:
        log.warning("coverage of %s (%s): %s", job.run.integration, error.code, error.sentence)
    async with job.db.transaction(job.lease) as c:
        await coverage.save_of_run(c, job.run.id, seen or {})
        if seen is None:
            text = f"the provider of {job.run.integration} could not tell what its login covers"
            await events.append(
                c,
                EventKind.PAGE_NOTE,
                Level.WARNING,
                text,
                integration=job.run.integration,
                run_id=job.run.id,
                at_ms=job.now_ms(),
            )


async def what_changed(job: ImportJob) -> str:
    """The sentence for which a run must wait for a person; empty when what is covered is what it was.

    Asked after the fetch, when the token that fetched is at hand: its scopes belong to what is covered.
    """
    async with job.db.transaction(job.lease) as c:
        seen = await coverage.of_run(c, job.run.id) or {}
        token = await tokens.load(c, job.vault, job.run.integration)
        if token is not None and token.scope.strip():
            seen = {**seen, SCOPES: scopes_of(token.scope)}
            await coverage.save_of_run(c, job.run.id, seen)
        told = differences(await coverage.known(c, job.run.integration), seen)
    return in_a_sentence(told) if told else ""


async def accept(job: ImportJob) -> None:
    """A run came through: what it saw is what is known from now on."""
    async with job.db.transaction(job.lease) as c:
        seen = await coverage.of_run(c, job.run.id)
        if seen:
            known = await coverage.known(c, job.run.integration)
            await coverage.save_known(c, job.run.integration, {**known, **seen})
