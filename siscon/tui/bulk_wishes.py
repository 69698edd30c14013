"""Questions about many rows at once: the exact count, where they belong, three of them, and one command for each
integration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from siscon.domain.commands import (
    CancelRun,
    Command,
    DiscardDead,
    FetchRecords,
    RetryDead,
    SettleConflicts,
    StartRun,
)
from siscon.domain.dead_records import DeadGroup
from siscon.domain.errors import UsageError
from siscon.domain.kept_filters import keep
from siscon.domain.records import Entity
from siscon.domain.runs import Run
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.ops.conflicts import preview
from siscon.ops.dead_records import Chosen as Dead
from siscon.ops.dead_records import counted, of_cause, some
from siscon.ops.records import integration_names
from siscon.tui.keymap import keyed
from siscon.tui.present import Cell, foreign, number, of, these
from siscon.tui.record_wishes import cause, no_undo, where_of
from siscon.tui.widgets.marks import Chosen
from siscon.tui.wishes import Answer, Why, Wish, why_not_cancel

SAMPLES = 3
MOST = 1000
"""For more records than these an import is the shorter way."""


def sample(names: Sequence[str]) -> Cell:
    """A few of those that are meant, so that a wrong filter is seen."""
    told = ", ".join(plain(name, limit=30) for name in names[:SAMPLES])
    return foreign(f"For example {told}.", "dim")


def _filter(chosen: Chosen) -> list[Cell]:
    """By which filter all are meant."""
    return [foreign(f"All that the filter shows: {chosen.where.text}", "dim")] if chosen.where else []


def _of_all(commands: Sequence[Command]) -> tuple[Command, tuple[Command, ...]]:
    first, *rest = commands
    return first, tuple(rest)


async def on_dead(db: Database, action: str, group: DeadGroup, chosen: Chosen) -> Wish:
    """Marked records of one cause, tried again or given up."""
    named, shown = tuple(sorted(chosen.keys)), chosen.where
    if chosen.every:
        ids, but, where = (), named, {**where_of(group), **keep(shown)}
        meant = replace(of_cause(group), but=but or None, where=shown)
    else:
        ids, but, where = named, (), {}
        meant = Dead(group.integration, ids=ids)
    n, up_to = await counted(db, meant)
    if not n:
        raise UsageError("None of the marked records is in error any more.")
    lines = [foreign(cause(group), "strong"), foreign(group.reason, "warn"), *_filter(chosen)]
    lines.append(sample(await some(db, meant)))
    if action == "retry":
        lines.append(
            Cell(
                keyed("They are fetched from the SIS within its rate limit; {cancel} on the run stops that.")
            )
        )
        return Wish(
            f"Try {of(n, 'record')} of {plain(group.integration)} again?",
            tuple(lines),
            f"Yes, try {these(n)} again",
            RetryDead(group.integration, ids, where, n, but, up_to),
        )
    lines += [Cell("Syncs pass them over until the SIS says something else of them."), no_undo()]
    return Wish(
        f"Give up {of(n, 'record')} of {plain(group.integration)}?",
        tuple(lines),
        f"Yes, give up {these(n)}; then say why",
        DiscardDead(group.integration, ids, where, n, "", but, up_to),
        Why.NEEDED,
    )


async def on_causes(db: Database, action: str, groups: Sequence[DeadGroup]) -> Wish:
    """All records of several causes, of one integration or of more: a command for each cause."""
    found = {group: await counted(db, of_cause(group)) for group in groups}
    counts = {group: n for group, (n, _) in found.items() if n}
    if not counts:
        raise UsageError("No record fails for any of the marked causes any more.")
    total = sum(counts.values())
    names = dict.fromkeys(group.integration for group in counts)
    whose = plain(next(iter(names))) if len(names) == 1 else of(len(names), "integration")
    lines = []
    for name in names:
        of_it = {group: n for group, n in counts.items() if group.integration == name}
        told = "; ".join(f"{number(n)} {cause(group)}" for group, n in of_it.items())
        lines.append(foreign(f"{name}, {number(sum(of_it.values()))}: {told}", limit=160))
    lines.append(sample(await some(db, of_cause(next(iter(counts))))))
    if action == "retry_cause":
        commands: list[Command] = [
            RetryDead(group.integration, (), where_of(group), n, up_to=found[group][1])
            for group, n in counts.items()
        ]
        first, also = _of_all(commands)
        words = f"Yes, try {these(total)} again"
        return Wish(f"Try {of(total, 'record')} of {whose} again?", tuple(lines), words, first, also=also)
    commands = [
        DiscardDead(group.integration, (), where_of(group), n, "", up_to=found[group][1])
        for group, n in counts.items()
    ]
    first, also = _of_all(commands)
    words = f"Yes, give up {these(total)}; then say why"
    lines.append(no_undo())
    return Wish(
        f"Give up {of(total, 'record')} of {whose}?", tuple(lines), words, first, Why.NEEDED, also=also
    )


async def on_conflicts(db: Database, chosen: Chosen) -> Wish | None:
    """Marked conflicts, decided for one side in every field that is in question: a command for each integration.

    None where none of them is about fields.
    """
    named = tuple(sorted(chosen.keys))
    ids, but, where = ((), named, keep(chosen.where)) if chosen.every else (named, (), {})
    found = {
        name: told
        for name in await integration_names(db)
        if (told := await preview(db, name, where, ids=ids, but=but)).count
    }
    total = sum(told.count for told in found.values())
    if not total:
        return None
    lines = [foreign(f"{name}: {of(told.count, 'conflict')}", "strong") for name, told in found.items()]
    lines += _filter(chosen)
    lines.append(sample([one.external_id for told in found.values() for one in told.examples]))
    if total < chosen.count:
        lines.append(
            Cell(f"{number(chosen.count - total)} ask who is who: mark those alone to decide them.", "warn")
        )
    lines.append(Cell(keyed("It is one run for each integration: {undo} on it takes all of it back."), "dim"))

    def answer(key: str, words: str, take: str) -> Answer:
        commands = [
            SettleConflicts(name, where, take, told.count, told.up_to, "", ids, but)
            for name, told in found.items()
        ]
        return Answer(key, words, *_of_all(commands))

    first = answer("s", f"The SIS holds in {these(total)}; then say why", "sis")
    return Wish(
        f"Decide {of(total, 'conflict')}?",
        tuple(lines),
        first.words,
        first.command,
        Why.NEEDED,
        (answer("l", f"The local values hold in {these(total)}; then say why", "local"),),
        first.key,
        first.also,
    )


def fetch_again(places: Iterable[tuple[str, Entity, str]]) -> Wish:
    """Records, each as integration, entity and id, fetched now: a command for each integration and kind."""
    wanted: dict[tuple[str, Entity], list[str]] = {}
    for integration, entity, external_id in places:
        wanted.setdefault((integration, entity), []).append(external_id)
    total = sum(map(len, wanted.values()))
    if not total:
        raise UsageError("Of none of the marked rows an id is known: the SIS cannot be asked for them.")
    told = [f"{name}: {of(len(ids), f'{entity} record')}" for (name, entity), ids in wanted.items()]
    first, also = _of_all(
        [FetchRecords(name, entity.value, tuple(ids)) for (name, entity), ids in wanted.items()]
    )
    return Wish(
        f"Fetch {of(total, 'record')} now?",
        (
            *(foreign(one, "strong") for one in told),
            sample([one for ids in wanted.values() for one in ids]),
            Cell("Edits made here stay, as in every sync.", "dim"),
        ),
        f"Yes, fetch {of(total, 'record')}",
        first,
        also=also,
    )


def cancel(runs: Sequence[Run]) -> Wish:
    """The end of several runs; those that have ended are left out."""
    runs = list({run.id: run for run in runs}.values())  # a list may show a run on several lines
    going = [run for run in runs if not why_not_cancel(run)]
    if not going:
        raise UsageError("All the marked runs have ended or are being cancelled: there is nothing to cancel.")
    first, also = _of_all([CancelRun(run.id) for run in going])
    over = len(runs) - len(going)
    lines = [sample([f"#{run.id} of {run.integration}" for run in going])]
    if over:
        lines.append(Cell(f"{of(over, 'marked run')} ended before: nothing is done to those.", "dim"))
    lines.append(Cell("The open batches are finished; what is committed stays."))
    return Wish(
        f"Cancel {of(len(going), 'run')}?", tuple(lines), f"Yes, cancel these {len(going)}", first, also=also
    )


def sync(names: Sequence[str], *, full: bool = False, dry: bool = False) -> Wish:
    """An import of several integrations, or a dry run of one."""
    first, also = _of_all([StartRun(name, full=full or dry, dry=dry) for name in names])
    what = "Make plans of" if dry else "Sync all of" if full else "Sync"
    how = " and change nothing" if dry else " anew" if full else " now"
    return Wish(
        f"{what} {of(len(names), 'integration')}{how}?",
        (sample(names), Cell("Each run waits in the queue while another one is under way.", "dim")),
        f"Yes, queue {of(len(names), 'run')}",
        first,
        also=also,
    )
