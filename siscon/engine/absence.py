"""Whom a complete list lacked becomes part of the plan: missing, or withdrawn with a date."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from siscon.domain.absence import Drops
from siscon.domain.records import Entity, body_of, fingerprint_of
from siscon.engine.job import ImportJob
from siscon.store import absences, records
from siscon.store.absences import Absent, Withdrawal
from siscon.store.records import RosterRow

ACTIVE, INACTIVE = "active", "inactive"


async def plan_absent(job: ImportJob, entity: Entity) -> None:
    """Plan what becomes of known records that the complete list of a run lacks. Done again, it changes nothing."""
    drops = job.absence.of(entity)
    if drops is Drops.SKIP:
        return
    now_ms = job.now_ms()
    async with job.db.transaction(job.lease) as c:
        await absences.judge(
            c,
            job.run.integration,
            job.run.id,
            entity,
            withdraw=drops is Drops.WITHDRAW,
            after_runs=job.absence.after_runs,
            before_ms=job.absence.missing_before_ms(now_ms),
            now_ms=now_ms,
        )
    after = ""
    while True:
        async with job.db.transaction(job.lease) as c:
            batch = await absences.to_withdraw(
                c, job.run.integration, job.run.id, entity, after=after, limit=job.batch
            )
            if not batch:
                return
            local = await records.load(c, entity, [one.internal_id for one in batch])
            told = await records.in_external_ids(c, job.run.integration, entity, local.values())
            found = [_withdrawal(job, entity, one, local[one.internal_id], told) for one in batch]
            await absences.plan(c, job.run.id, entity, found)
        after = batch[-1].external_id


def _withdrawal(
    job: ImportJob, entity: Entity, one: Absent, row: RosterRow, told: dict[int, dict[str, object]]
) -> Withdrawal:
    """What is agreed by a long absence: the record is no longer in use; an enrollment also ended.

    It is the base as well, so the SIS gives everything back by sending the record again. What our side owns, or has
    out of use already, is left as it is.
    """
    fields = json.loads(one.base)
    local = told[one.internal_id]
    if local.get("status") != ACTIVE or "status" in job.policy(entity).ours:
        return Withdrawal(one.external_id, one.base, "", row.version, None, keeps=True)
    wanted = {"status": INACTIVE}
    if entity is Entity.ENROLLMENT and not local.get("ends_on"):
        wanted["ends_on"] = datetime.fromtimestamp(job.now_ms() / 1000, UTC).date().isoformat()
    body = body_of(entity, {**fields, **wanted})
    changes = {name: [local.get(name), value, fields.get(name)] for name, value in wanted.items()}
    return Withdrawal(one.external_id, body, fingerprint_of(body), row.version, json.dumps(changes))
