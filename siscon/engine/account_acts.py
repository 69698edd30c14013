"""Names for people who are here already: the command, and the run that carries it out."""

from __future__ import annotations

from siscon.domain.accounts import OF_PEOPLE
from siscon.domain.commands import CreateAccounts
from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, Phase, RunKind, RunStatus, end_of
from siscon.domain.text import agreed, plain, were
from siscon.engine.accounts import choose, names_coming
from siscon.engine.answers import Answer, Circumstances, checked_reason, known_integration, queue
from siscon.engine.job import ImportJob
from siscon.engine.roster_edits import Act, Edit, write_edits
from siscon.store import accounts, run_counts, runs
from siscon.store.database import Connection


async def create(c: Connection, command: CreateAccounts, here: Circumstances) -> Answer:
    """Queue a run that names as many people as were shown."""
    integration = await known_integration(c, command.integration)
    reason = checked_reason(command.reason)
    fields = _by_entity(command.fields)
    found = 0
    for entity, names in fields.items():
        found += await accounts.count_lacking(c, integration.name, entity, names)
    if found == 0:
        raise UsageError("Nobody lacks a user name or an e-mail address of that kind.")
    if found != command.expected:
        people = agreed(found, "person lacks", "people lack")
        raise UsageError(f"{found} {people} one by now, {were(command.expected)} shown: look again.")
    run_id = await queue(
        c,
        here,
        integration=integration.name,
        kind=RunKind.EDIT,
        lane=Lane.QUICK,
        entities=tuple(fields),
        request={"accounts": list(command.fields), "up_to": await accounts.newest(c, integration.name)},
        doing=f"of {integration.name} names {found} people: asked for by {plain(here.actor)}",
        reason=reason,
    )
    return Answer(
        f"Run {run_id} names {found} people of {integration.name}. 'siscon undo {run_id}' takes that back.",
        f"run {run_id}",
        run_id,
    )


def _by_entity(fields: tuple[str, ...]) -> dict[Entity, list[str]]:
    told: dict[Entity, list[str]] = {}
    for one in fields:
        kind, _, name = one.partition(".")
        if kind not in {entity.value for entity in OF_PEOPLE} or name not in accounts.KINDS:
            raise UsageError(f"Nobody is given a '{plain(one, limit=60)}'.")
        told.setdefault(Entity(kind), []).append(name)
    return {entity: told[entity] for entity in Entity if entity in told}


async def run_edit(job: ImportJob) -> RunStatus:
    """Name everybody who lacked what was asked for, and still does. Killed anywhere, the next attempt goes on.

    Raises ``UsageError`` where the configuration says no longer how.
    """
    run = job.run
    fields = _by_entity(tuple(run.request.get("accounts", ())))
    async with job.db.transaction(job.lease) as c:
        await runs.set_phase(c, run.id, Phase.APPLY)
        await run_counts.start(c, run.id, fields)
        await accounts.prepare(c)
    for entity, names in fields.items():
        after_id: int | None = 0
        while after_id is not None:
            async with job.db.transaction(job.lease) as c:
                after_id = await _name_some(c, job, entity, names, after_id)
    async with job.db.read() as c:
        return end_of(await run_counts.of_run(c, run.id))


async def _name_some(
    c: Connection, job: ImportJob, entity: Entity, names: list[str], after_id: int
) -> int | None:
    """One batch; from where to go on, or None."""
    run, rule = job.run, job.accounts.of(entity)
    if rule is None or not set(names) <= set(rule.fields):
        raise UsageError(
            f"The configuration of {run.integration} does not say how a {entity} is named: see accounts in "
            "docs/configuration.md."
        )
    people = await accounts.lacking(
        c,
        run.integration,
        entity,
        names,
        after_id=after_id,
        limit=job.batch,
        up_to=run.request.get("up_to", accounts.FOR_ALL),
    )
    if not people:
        return None
    chosen = await choose(c, rule, people, reserved=await names_coming(c, job.accounts))
    ids = [one.internal_id for one in people if one.internal_id is not None]
    await accounts.give(
        c,
        [(name, id_) for id_, told in zip(ids, chosen, strict=True) for name in told.values()],
        now_ms=job.now_ms(),
    )
    act = Act(run.integration, run.id, run.requested_by, "edited", job.now_ms(), job.vault, by_hand=False)
    await write_edits(
        c,
        act,
        entity,
        [Edit(one.external_id, id_, told) for one, id_, told in zip(people, ids, chosen, strict=True)],
    )
    return people[-1].mapping_id
