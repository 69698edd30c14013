"""Questions about single records, and about those in error: what is asked, with exact counts, and the command."""

from __future__ import annotations

from siscon.domain.commands import (
    DiscardDead,
    EditRecord,
    ForceSync,
    ReleaseEdits,
    RetryDead,
    UndoRun,
    WithdrawRecords,
)
from siscon.domain.dead_records import DeadGroup, DeadRecord
from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.domain.runs import Run
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.ops.dead_records import counted, of_cause
from siscon.ops.edits import count_active, count_edited
from siscon.ops.history import undo_preview
from siscon.ops.record_views import FieldView, RecordView
from siscon.tui.keymap import keyed
from siscon.tui.present import Cell, Look, foreign, number, of, shown, these
from siscon.tui.wishes import Answer, Why, Wish


def no_undo() -> Cell:
    """What giving up costs."""
    return Cell(keyed("There is no undo; {fetch} on a record fetches it all the same."), "dim")


def called(entity: Entity, external_id: str) -> str:
    """A record in a question."""
    return f"{entity} {plain(external_id, limit=40)}"


def retry(dead: DeadRecord) -> Wish:
    """One record in error, tried again."""
    return Wish(
        f"Try {called(dead.entity, dead.external_id or dead.record_key)} again?",
        (
            foreign(dead.reason, "warn"),
            Cell("It is fetched from the SIS before everything else, and applied if it is well."),
        ),
        "Yes, try this 1 record again",
        RetryDead(dead.integration, (dead.id,), {}, 1),
    )


def give_up(dead: DeadRecord) -> Wish:
    """One record in error, passed over as it is."""
    return Wish(
        f"Give up {called(dead.entity, dead.external_id or dead.record_key)}?",
        (
            foreign(dead.reason, "warn"),
            Cell("Syncs pass it over until the SIS says something else of it."),
            no_undo(),
        ),
        "Yes, give up this 1 record; then say why",
        DiscardDead(dead.integration, (dead.id,), {}, 1, ""),
        Why.NEEDED,
    )


async def retry_cause(db: Database, group: DeadGroup) -> Wish:
    """Every record with one cause, tried again."""
    n, up_to = await _how_many(db, group)
    return Wish(
        f"Try {of(n, 'record')} of {plain(group.integration)} again?",
        (
            foreign(cause(group), "strong"),
            foreign(group.reason, "warn"),
            Cell(
                keyed("They are fetched from the SIS within its rate limit; {cancel} on the run stops that.")
            ),
        ),
        f"Yes, try {these(n)} again",
        RetryDead(group.integration, (), where_of(group), n, up_to=up_to),
    )


async def give_up_cause(db: Database, group: DeadGroup) -> Wish:
    """Every record with one cause, passed over."""
    n, up_to = await _how_many(db, group)
    return Wish(
        f"Give up {of(n, 'record')} of {plain(group.integration)}?",
        (
            foreign(cause(group), "strong"),
            foreign(group.reason, "warn"),
            Cell("Syncs pass them over until the SIS says something else of them."),
            no_undo(),
        ),
        f"Yes, give up {these(n)}; then say why",
        DiscardDead(group.integration, (), where_of(group), n, "", up_to=up_to),
        Why.NEEDED,
    )


async def _how_many(db: Database, group: DeadGroup) -> tuple[int, int]:
    n, up_to = await counted(db, of_cause(group))
    if not n:
        raise UsageError("No record fails for this cause any more.")
    return n, up_to


def where_of(group: DeadGroup) -> dict[str, str]:
    """The pattern of a cause, as commands take it."""
    return {"entity": group.entity.value, "code": group.code, "field": group.field or ""}


def cause(group: DeadGroup) -> str:
    """A cause in words."""
    field = f", field {group.field}" if group.field else ""
    return f"{group.entity}: {group.code.replace('_', ' ')}{field}"


def fetch(integration: str, entity: Entity, external_id: str) -> Wish:
    """One record, fetched by its id now."""
    return Wish(
        f"Fetch {called(entity, external_id)} from {plain(integration)} now?",
        (
            Cell("It goes before everything else; of a student or a section the enrollments come, too."),
            Cell("Edits made here stay, as in every sync.", "dim"),
        ),
        "Yes, fetch it",
        ForceSync(integration, entity.value, external_id),
    )


def edit(view: RecordView, field: FieldView, value: str, look: Look) -> Wish:
    """A field of a local record, written by hand."""
    tie = view.tie
    return Wish(
        f"Change the {field.name} of {called(tie.entity, tie.external_id)}?",
        (
            foreign(f"now      {shown(field.local, look)}"),
            foreign(f"then     {shown(value, look)}", "strong"),
            foreign(f"the SIS  {shown(field.sis, look)}", "dim"),
            Cell("It stays until the SIS changes this field, or somebody releases it.", "dim"),
        ),
        "Yes, change it; then say why",
        EditRecord(view.integration, tie.entity.value, tie.external_id, {field.name: value or None}, ""),
        Why.NEEDED,
    )


async def release(db: Database, view: RecordView, field: FieldView | None, look: Look) -> Wish:
    """One edited field, or all of a record, given back to the SIS."""
    tie, names = view.tie, view.edited
    if not names:
        raise UsageError(f"Nothing of this {tie.entity} was edited here: there is nothing to release.")
    one = field.name if field is not None and field.edited else None
    chosen = (one,) if one else ()
    n = await count_edited(db, view.integration, tie.entity, [tie.external_id], chosen)
    whole = ReleaseEdits(view.integration, tie.entity.value, (tie.external_id,), (), n, "")
    lines = [
        foreign(f"{it.name}: {shown(it.local, look)} {look.glyphs.arrow} {shown(it.sis, look)}")
        for it in view.fields
        if it.edited
    ]
    title = f"Give edits of {called(tie.entity, tie.external_id)} back to the SIS?"
    all_words = f"Yes, all {of(len(names), 'field')}; then say why"
    if one is None or len(names) == 1:
        return Wish(title, tuple(lines), all_words, whole, Why.NEEDED)
    only = ReleaseEdits(view.integration, tie.entity.value, (tie.external_id,), (one,), n, "")
    return Wish(
        title,
        tuple(lines),
        f"Yes, {one} alone; then say why",
        only,
        Why.NEEDED,
        (Answer("a", all_words, whole),),
    )


async def withdraw(db: Database, view: RecordView) -> Wish:
    """One record, taken out of use here."""
    tie = view.tie
    n = await count_active(db, view.integration, tie.entity, [tie.external_id], {})
    if not n:
        raise UsageError(f"This {tie.entity} is not active here: there is nothing to withdraw.")
    return Wish(
        f"Withdraw {called(tie.entity, tie.external_id)}?",
        (
            foreign(tie.called, "strong"),
            Cell("It becomes inactive here, whatever the SIS says, until somebody releases it."),
            Cell(keyed("{undo} on the change in its history takes it back."), "dim"),
        ),
        f"Yes, withdraw this {number(n)} record; then say why",
        WithdrawRecords(view.integration, tie.entity.value, (tie.external_id,), {}, n, ""),
        Why.NEEDED,
    )


async def undo(db: Database, run: Run, entity: Entity, external_id: str) -> Wish:
    """What a run did to one record, or all that it did, put back."""
    _, mine = await undo_preview(db, run.id, entity=entity, external_id=external_id)
    _, rows = await undo_preview(db, run.id)
    own, every = (sum(row["changes"] for row in told) for told in (mine, rows))
    if not own:
        raise UsageError(f"Run #{run.id} has changed nothing of this record under this id.")
    whole = UndoRun(run.id, "", "", every, "")
    more = (Answer("a", f"Yes, all {of(every, 'change')} of the run; then say why", whole),)
    return Wish(
        f"Put back what run #{run.id} of {plain(run.integration)} did?",
        (
            Cell(f"To {called(entity, external_id)}: {of(own, 'change')}. In all: {of(every, 'change')}."),
            Cell("What was changed since is left alone. The undo can be undone itself.", "dim"),
        ),
        f"Yes, {of(own, 'change')} of this record; then say why",
        UndoRun(run.id, entity.value, external_id, own, ""),
        Why.NEEDED,
        more if every > own else (),
    )
