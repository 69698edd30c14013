"""What undoing does with ids: those that were cut lead to their records again, aliases go or come back."""

from __future__ import annotations

from collections.abc import Iterable

from siscon.domain.mappings import SyncStatus
from siscon.domain.records import Entity
from siscon.engine.roster_edits import Act
from siscon.store import aliases, identities, mappings
from siscon.store.database import Connection
from siscon.store.mappings import Tie
from siscon.store.undoing import Step

LOOKED_AT_AGAIN = "the next run looks at it again"


def ids_of(step: Step) -> dict[str, tuple[str | None, str | None]]:
    """Which ids a step puts back: name -> what it is now, what it becomes."""
    return {name: (pair[0], pair[1]) for name, pair in step.told["undo"].get("ids", {}).items()}


async def tie_again(c: Connection, act: Act, entity: Entity, steps: Iterable[Step]) -> None:
    """Let ids lead to their records again, before these are written; the plan has seen that nobody else has them."""
    ties = []
    for one in steps:
        if ids_of(one).get("external_id", ("", None))[1] != one.external_id:
            continue
        undo = one.told["undo"]
        base = undo.get("base") or "{}"
        ties.append(
            Tie(one.external_id, int(undo["internal_id"]), SyncStatus.PENDING, LOOKED_AT_AGAIN, "", base)
        )
        await aliases.remove(c, act.integration, entity, one.external_id)
    await mappings.tie(c, act.integration, entity, ties, now_ms=act.now_ms)


async def cut_again(c: Connection, act: Act, entity: Entity, steps: Iterable[Step]) -> None:
    """Where undoing is undone ids go once more, after the records are written; and what was split off comes or goes."""
    for one in steps:
        ids = ids_of(one)
        now, becomes = ids.get("external_id", (None, one.external_id))
        if becomes != one.external_id:
            internal_id = int(one.told["undo"]["internal_id"])
            await identities.cut(c, act.integration, entity, one.external_id, internal_id, now_ms=act.now_ms)
            if becomes is not None:
                await _lead(c, act, entity, one.external_id, becomes)
        now, becomes = ids.get("split_off", (None, None))
        if becomes is not None:
            await aliases.remove(c, act.integration, entity, becomes)
        elif now is not None and await mappings.find(c, act.integration, entity, now) is None:
            await _lead(c, act, entity, now, one.external_id)


async def _lead(c: Connection, act: Act, entity: Entity, external_id: str, survivor: str) -> None:
    await aliases.add(
        c,
        act.integration,
        entity,
        external_id,
        survivor=survivor,
        actor=act.actor,
        now_ms=act.now_ms,
    )
