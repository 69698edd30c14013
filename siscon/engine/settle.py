"""A run that decides many conflicts alike: batch by batch, and only where both sides still are what was shown."""

from __future__ import annotations

from itertools import groupby

from siscon.domain.conflicts import Conflict
from siscon.domain.records import Entity
from siscon.domain.runs import Phase, RunStatus, end_of
from siscon.engine.conflict_acts import decide, standing, write_decisions
from siscon.engine.job import ImportJob
from siscon.engine.roster_edits import Act
from siscon.store import conflicts, run_counts, runs
from siscon.store.database import Connection


async def run_settle(job: ImportJob) -> RunStatus:
    """Decide what the pattern of the run matches. Killed anywhere, the next attempt goes on with what is open."""
    run = job.run
    asked = run.request
    pattern = conflicts.Pattern.of(
        run.integration,
        asked["where"],
        up_to=asked["up_to"],
        ids=asked.get("ids", ()),
        but=asked.get("but", ()),
    )
    async with job.db.transaction(job.lease) as c:
        await runs.set_phase(c, run.id, Phase.APPLY)
    after_id = 0
    while True:
        async with job.db.transaction(job.lease) as c:
            found = await conflicts.next_matching(c, pattern, after_id=after_id, limit=job.batch)
            if not found:
                break
            for entity, alike in groupby(
                sorted(found, key=lambda one: one.entity), key=lambda one: one.entity
            ):
                await _settle(c, job, entity, list(alike), field=pattern.field, take=asked["take"])
        after_id = found[-1].id
    async with job.db.read() as c:
        return end_of(await run_counts.of_run(c, run.id))


async def _settle(
    c: Connection, job: ImportJob, entity: Entity, found: list[Conflict], *, field: str | None, take: str
) -> None:
    still = await standing(c, job.run.integration, entity, found)
    decided = [decide(one, dict.fromkeys([field] if field else one.sis, take)) for one in still]
    act = Act(job.run.integration, job.run.id, job.run.requested_by, "settled", job.now_ms(), job.vault)
    await write_decisions(c, act, entity, decided)
    passed_over = len(found) - len(still)
    await run_counts.add(
        c, job.run.id, entity, fetched=passed_over, skipped=passed_over, warnings=passed_over
    )
