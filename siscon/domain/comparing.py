"""Imports beside each other: what each counted, and what is suddenly other than it was the time before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from siscon.domain.runs import Counts, Phase, Run

MOST = 14
SUDDEN = 0.5
"""A count that differs by more than this share from the one before is worth a look."""
TOO_FEW = 20
"""Below this many a change is chance: from two errors to five is no landslide."""
MANY = 1000
SUMMED = (
    *("fetched", "created", "updated", "unchanged", "conflict", "failed", "skipped", "missing", "withdrawn"),
    "warnings",
)


class Sudden(StrEnum):
    """How a count is other than the time before."""

    UP = "up"
    DOWN = "down"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """A count that is suddenly other than it was: how, and what it was."""

    what: Sudden
    before: int


@dataclass(frozen=True, slots=True)
class Column:
    """One import: what it counted by name (None: it did not come so far), and what of it is sudden.

    Names are those of :data:`SUMMED`, ``requests``, and each entity (what was fetched of it) and ``ENTITY failed``.
    """

    run: Run
    counts: Mapping[str, int | None]
    sudden: Mapping[str, Change]


def sudden(before: int | None, now: int | None) -> Change | None:
    """Whether a count is suddenly other: by more than half, or nothing where there were thousands."""
    if before is None or now is None or max(before, now) < TOO_FEW:
        return None
    if now == 0 and before >= MANY:
        return Change(Sudden.GONE, before)
    if abs(now - before) <= SUDDEN * before:
        return None
    return Change(Sudden.UP if now > before else Sudden.DOWN, before)


def beside(told: Iterable[tuple[Run, Sequence[Counts]]]) -> list[Column]:
    """Imports beside each other, the oldest first, each compared with the last before it that asked for as much.

    An import of changes is not compared with one of everything, and nothing with what never came so far.
    """
    columns: list[Column] = []
    before: dict[tuple[bool, str], int] = {}
    for run, counts in sorted(told, key=lambda one: one[0].id):
        found = counted(run, counts)
        columns.append(
            Column(
                run,
                found,
                {
                    name: change
                    for name, now in found.items()
                    if (change := sudden(before.get((run.full, name)), now)) is not None
                },
            )
        )
        before |= {(run.full, name): now for name, now in found.items() if now is not None}
    return columns


def counted(run: Run, counts: Sequence[Counts]) -> dict[str, int | None]:
    """What an import counted, by name."""
    begun = [one for one in counts if has_begun(one)]
    found: dict[str, int | None] = {"requests": run.requests}
    for name in SUMMED:
        found[name] = sum(getattr(one, name) for one in begun) if begun else None
    for one in counts:
        found[one.entity.value] = one.fetched if has_begun(one) else None
    for one in begun:
        if one.failed:
            found[f"{one.entity.value} failed"] = one.failed
    return found


def has_begun(counts: Counts) -> bool:
    """Whether an import came as far as to count an entity; else its zeros mean nothing."""
    return bool(counts.done or counts.pages or counts.phase in (Phase.PLAN, Phase.APPLY))


def names(columns: Sequence[Column]) -> list[str]:
    """The names of all counts, sums first, then the entities in their order, then errors by entity."""
    found = dict.fromkeys(name for column in columns for name in column.counts)
    return sorted(found, key=lambda name: name.endswith(" failed"))
