"""From plans to table rows and sentences: those that wait, what one holds by entity, its records field by field."""

from __future__ import annotations

from collections.abc import Collection

from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.runs import GOOD_ENDS, Run, RunStatus
from siscon.ops.plan_views import DecidedPlan, PlanView
from siscon.ops.plans import FieldChange, PlanRecord
from siscon.tui.keymap import key_of, keyed
from siscon.tui.present import (
    RUN_WORDS,
    VERDICTS,
    Cell,
    Cells,
    Look,
    Tone,
    clock_text,
    count,
    foreign,
    mark,
    moment,
    number,
    shown,
)
from siscon.tui.widgets.columns import Column
from siscon.tui.widgets.rows import Line

PLANS = (
    Column("Run", 5, align="right"),
    Column("Integration", 15, flex=1, most=24),
    Column("State", 12),
    Column("New", 6, align="right"),
    Column("Changed", 7, align="right"),
    Column("Missing", 7, align="right"),
    Column("Confl.", 6, align="right"),
    Column("Errors", 6, align="right"),
    Column("Since", 12, from_width=92),
    Column("Why", 20, flex=4, from_width=114),
)

ENTITIES = (
    Column("Entity", 10, flex=1, most=16),
    Column("Apply", 5),
    Column("Known", 7, align="right"),
    Column("New", 6, align="right"),
    Column("Changed", 7, align="right"),
    Column("Same", 7, align="right", from_width=87),
    Column("Missing", 7, align="right"),
    Column("Withdraw", 8, align="right"),
    Column("Confl.", 6, align="right"),
    Column("Errors", 6, align="right"),
    Column("Others", 6, align="right", from_width=95),
)

RECORDS = (
    Column("External id", 16, flex=2, most=36, name="id"),
    Column("Entity", 10, from_width=70),
    Column("Verdict", 11),
    Column("What changes", 20, flex=4),
)

CHANGES = (
    Column("Field", 12, flex=1, most=18),
    Column("Old", 20, flex=3),
    Column("New", 20, flex=3),
)

TONES: dict[Verdict, Tone] = {
    Verdict.CREATE: "good",
    Verdict.MISSING: "warn",
    Verdict.WITHDRAW: "warn",
    Verdict.REMOVE: "warn",
    Verdict.CONFLICT: "warn",
    Verdict.DEAD: "bad",
    Verdict.UNCHANGED: "dim",
    Verdict.SKIP: "dim",
}
_GONE = (Verdict.MISSING, Verdict.WITHDRAW, Verdict.REMOVE)


def plan_line(plan: PlanView, look: Look) -> Line:
    """A plan that waits, with its sums."""
    run = plan.run
    word, tone = RUN_WORDS[run.status]
    if run.status is RunStatus.PLANNED:
        word = "dry run"
    cells = (
        Cell(f"#{run.id}", "dim"),
        foreign(run.integration, "strong"),
        mark(word, tone, look),
        count(plan.of(Verdict.CREATE), look, "good"),
        count(plan.of(Verdict.UPDATE), look),
        count(plan.of(*_GONE), look, "warn"),
        count(plan.of(Verdict.CONFLICT), look, "warn"),
        count(plan.of(Verdict.DEAD), look, "bad"),
        Cell(moment(run.queued_at_ms, look)),
        foreign(run.error, "warn"),
    )
    return Line(run.id, cells, plan)


def decided_line(one: DecidedPlan, look: Look) -> Line:
    """A plan that somebody has decided on."""
    run = one.run
    word, tone = _end(run)
    void = Cell("")
    cells = (
        Cell(f"#{run.id}", "dim"),
        foreign(run.integration, "dim"),
        mark(word, tone, look),
        *(void,) * 5,
        Cell(moment(run.finished_at_ms, look), "dim"),
        foreign(one.why or run.error, "dim"),
    )
    return Line(run.id, cells, one)


def _end(run: Run) -> tuple[str, Tone]:
    if run.status in GOOD_ENDS:
        return "applied", "good"
    words: dict[str, tuple[str, Tone]] = {
        "discarded": ("discarded", "dim"),
        "superseded": ("replaced", "dim"),
    }
    return words.get(run.error_code) or RUN_WORDS[run.status]


def plan_sentences(plan: PlanView, look: Look, now_ms: int) -> list[Cell]:
    """What a plan that waits is, which limits it passes, and what can be done."""
    run = plan.run
    since = clock_text(run.queued_at_ms, look, now_ms)
    head = f"Run #{run.id} of {run.integration}, asked for by {run.requested_by}, {since}"
    lines = [foreign(head, "strong")]
    if run.status not in (RunStatus.HELD, RunStatus.PLANNED):
        lines.append(
            Cell(f"It is {run.status}: its plan does not wait any more. {key_of('runs')} has the run.", "dim")
        )
        return lines
    if run.status is RunStatus.PLANNED:
        lines.append(Cell("A dry run: nothing was written.", "dim"))
    fears = plan.limits or ((run.error,) if run.error else ())
    lines += [foreign(sentence, "warn", limit=300) for sentence in fears]
    if plan.pairs:
        told = ", ".join(f"{number(n)} {entity}" for entity, n in plan.pairs.items())
        lines.append(
            Cell(
                f"{told} records came back under other ids: {key_of('remap')} ties them to their old ones.",
                "warn",
            )
        )
    return lines


def decided_sentences(one: DecidedPlan, look: Look, now_ms: int) -> list[Cell]:
    """Who decided on a plan, when, and why it had been held."""
    run = one.run
    word, _ = _end(run)
    by = f" Approved by {run.approved_by}." if run.approved_by else ""
    lines = [
        foreign(
            f"Run #{run.id} of {run.integration}: {word} {clock_text(run.finished_at_ms, look, now_ms)}.{by}",
            "strong",
        )
    ]
    if one.why:
        lines.append(foreign(f"It was held: {one.why}", "warn", limit=300))
    if run.error:
        lines.append(foreign(run.error, limit=300))
    return lines


def entity_line(plan: PlanView, entity: Entity, look: Look, left_out: Collection[Entity]) -> Line:
    """What a plan would do with one entity."""
    others = plan.of(Verdict.REMOVE, Verdict.SKIP, entity=entity)
    out = entity in left_out
    cells = (
        Cell(entity.value, "dim" if out else "strong"),
        Cell("no", "warn") if out else Cell("yes"),
        count(plan.known.get(entity, 0), look, "dim"),
        count(plan.of(Verdict.CREATE, entity=entity), look, "good"),
        count(plan.of(Verdict.UPDATE, entity=entity), look),
        count(plan.of(Verdict.UNCHANGED, entity=entity), look, "dim"),
        count(plan.of(Verdict.MISSING, entity=entity), look, "warn"),
        count(plan.of(Verdict.WITHDRAW, entity=entity), look, "warn"),
        count(plan.of(Verdict.CONFLICT, entity=entity), look, "warn"),
        count(plan.of(Verdict.DEAD, entity=entity), look, "bad"),
        count(others, look, "warn"),
    )
    return Line(entity, cells, entity)


def entity_sentences(plan: PlanView, entity: Entity) -> list[Cell]:
    """The same in words, nothing left out."""
    told = [
        f"{number(n)} {words}"
        for verdict, words in VERDICTS.items()
        if (n := plan.of(verdict, entity=entity))
    ]
    known = number(plan.known.get(entity, 0))
    return [
        Cell(f"{entity}: {', '.join(told) or 'nothing'} ({known} known before)", "strong"),
        Cell(keyed("{open} shows the records; {leave_out} approves the plan without this entity."), "dim"),
    ]


def record_cells(one: PlanRecord, look: Look) -> Cells:
    """One record of a plan."""
    told = [
        f"{it.field}: {shown(it.old, look)} {look.glyphs.arrow} {shown(it.new, look)}"
        if one.verdict is not Verdict.CREATE
        else shown(it.new, look)
        for it in one.changes
    ]
    named = {it.field for it in one.changes}
    asks = [f"{name}: a person is asked" for name in one.asks if name not in named]
    return (
        foreign(one.external_id, "strong"),
        Cell(one.entity.value),
        Cell(VERDICTS[one.verdict], TONES.get(one.verdict, "")),
        foreign(", ".join([*asks, *told]) or look.glyphs.dot),
    )


def change_lines(one: PlanRecord | None, look: Look) -> list[Line]:
    """The fields of a record that change, old beside new."""
    if one is None:
        return []
    return [
        Line(
            it.field,
            (
                foreign(it.field, "strong"),
                foreign(shown(it.old, look), "" if it.old else "dim"),
                foreign(shown(it.new, look), "" if it.new else "dim"),
            ),
            it,
        )
        for it in one.changes
    ]


def record_sentences(one: PlanRecord | None, change: FieldChange | None, look: Look) -> list[Cell]:
    """One record of a plan in words, and the field under the cursor in full."""
    if one is None:
        return []
    lines = [foreign(f"{one.entity} {one.external_id}: {VERDICTS[one.verdict]}", "strong")]
    if one.verdict in (Verdict.MISSING, Verdict.WITHDRAW):
        lines.append(Cell("The complete list of the SIS lacks it. Nothing is deleted.", "warn"))
    if one.verdict is Verdict.DEAD:
        lines.append(Cell(keyed("It cannot be applied as it is: the errors ({errors}) say why."), "bad"))
    if one.asks:
        lines.append(foreign(f"A person would be asked about: {', '.join(one.asks)}.", "warn"))
    if change is not None:
        new = shown(change.new, look)
        lines.append(
            foreign(f"{change.field}: {shown(change.old, look)} {look.glyphs.arrow} {new}", limit=400)
        )
    return lines
