"""What an action would ask of the engine: the question put to the person, and the command behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from siscon.domain.blackouts import Span
from siscon.domain.commands import (
    ApprovePlan,
    Backfill,
    CancelRun,
    Command,
    ContinueRun,
    DiscardPlan,
    PauseIntegration,
    PauseRun,
    RefreshToken,
    Remap,
    ResumeIntegration,
    StartRun,
    UndoRun,
)
from siscon.domain.errors import UsageError
from siscon.domain.integrations import Integration
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.runs import ENDED, Run, RunStatus
from siscon.domain.text import plain, utc_words
from siscon.domain.timetables import Schedule, Starts
from siscon.ops import Database
from siscon.ops.plan_views import PlanView, the_plan
from siscon.tui.keymap import keyed
from siscon.tui.present import VERDICTS, Cell, foreign, number, of


class Why(Enum):
    """Whether a reason is asked for once the answer was yes."""

    NONE = 0
    MAY = 1
    NEEDED = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that is not no: its key, its words, the command behind it, and others that go with it."""

    key: str
    words: str
    command: Command
    also: tuple[Command, ...] = ()

    @property
    def commands(self) -> tuple[Command, ...]:
        """All that the answer asks for."""
        return (self.command, *self.also)


@dataclass(frozen=True, slots=True)
class Wish:
    """The question, what it means in sentences, the words of yes, the command; ``more`` are other ways of yes.

    ``also`` are commands that go with it: one question, but one command for each integration, say.
    """

    title: str
    lines: tuple[Cell, ...]
    yes: str
    command: Command
    why: Why = Why.NONE
    more: tuple[Answer, ...] = ()
    key: str = "y"
    also: tuple[Command, ...] = ()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every answer but no."""
        return (Answer(self.key, self.yes, self.command, self.also), *self.more)


def sync(integration: str, *, full: bool = False) -> Wish:
    """An import now."""
    name = plain(integration)
    if full:
        meaning = "Everything is fetched anew; what the SIS no longer sends is marked as missing."
    else:
        meaning = "What changed in the SIS is applied; what is as before stays untouched."
    return Wish(
        f"Sync {name} now?" if not full else f"Sync all of {name} anew?",
        (Cell(meaning), Cell("The run waits in the queue while another one is under way.", "dim")),
        "Yes, queue the run",
        StartRun(integration, full=full),
    )


def of_schedule(integration: str, schedule: Schedule, held: Span | None) -> Wish:
    """What a schedule starts, now; ``held``: the window that holds it back."""
    entities = tuple(entity.value for entity in schedule.entities)
    wish = sync(integration, full=schedule.starts is Starts.FULL)
    told: tuple[Cell, ...] = (Cell(f"Only {', '.join(entities)}."),) if entities else ()
    if held is not None:
        text = f"The window {held.blackout.name} holds its schedules back: this run starts all the same."
        told = (*told, foreign(text, "warn"))
    command = StartRun(integration, entities, full=schedule.starts is Starts.FULL)
    return replace(wish, lines=(*told, *wish.lines), command=command)


def backfill(integration: str, since_ms: int, takes: str) -> Wish:
    """What changed since a moment, read again; ``takes`` says how much that is."""
    return Wish(
        f"Read again what changed in {plain(integration)}?",
        (
            Cell(
                f"All that changed since {utc_words(since_ms)} is fetched; what is as before stays untouched."
            ),
            Cell(takes, "strong"),
        ),
        "Yes, read it again; then say why",
        Backfill(integration, (), since_ms, None, ""),
        Why.NEEDED,
    )


def rest(run: Run) -> Wish:
    """A run that rests where it stands, or goes on."""
    name = plain(run.integration)
    if run.status is RunStatus.PAUSED:
        line = Cell("It goes on where it stands; nothing is fetched twice.")
        return Wish(f"Let run #{run.id} of {name} go on?", (line,), "Yes, let it go on", ContinueRun(run.id))
    lines = (
        Cell("It rests after the open step and keeps what it has fetched, until you let it go on."),
        Cell("No other import of this integration starts meanwhile.", "warn"),
    )
    return Wish(f"Pause run #{run.id} of {name}?", lines, "Yes, pause the run", PauseRun(run.id))


def cancel(run: Run) -> Wish:
    """The end of a run."""
    return Wish(
        f"Cancel run #{run.id} of {plain(run.integration)}?",
        (
            Cell("The open batch is finished; what is committed stays."),
            Cell("The next run goes on from there.", "dim"),
        ),
        "Yes, cancel the run",
        CancelRun(run.id),
    )


def dry_run(integration: str) -> Wish:
    """A plan that nobody applies by itself."""
    return Wish(
        f"Make a plan of {plain(integration)} and change nothing?",
        (
            Cell(keyed("Everything is fetched and compared; the plan then waits under {plans} for a word.")),
            Cell("An older dry run of it that still waits is thrown away.", "dim"),
        ),
        "Yes, queue the dry run",
        StartRun(integration, full=True, dry=True),
    )


def approve(plan: PlanView, only: tuple[Entity, ...] = ()) -> Wish:
    """The plan of a run that waits, applied: all of it, or of some entities alone."""
    run = plan.run
    return Wish(
        f"Apply {'a part of ' if only else ''}{_whose(run)}?",
        (
            *_fears(run),
            *plan_counts(plan, only),
            *_left_out(plan, only),
            Cell("Exactly this plan is applied; what has changed since is left alone.", "dim"),
        ),
        "Yes, apply it" + _then(run),
        ApprovePlan(run.id, "", only),
        _why(run),
    )


def discard(plan: PlanView) -> Wish:
    """The plan of a run that waits, thrown away."""
    run = plan.run
    return Wish(
        f"Discard {_whose(run)}?",
        (
            *_fears(run),
            *plan_counts(plan),
            Cell("Nothing of it is applied; the next run fetches anew. There is no undo.", "dim"),
        ),
        "Yes, discard it" + _then(run),
        DiscardPlan(run.id, ""),
        _why(run),
    )


def remap(plan: PlanView) -> Wish:
    """The old records tied to the ids under which they came back."""
    told = ", ".join(f"{number(n)} {entity}" for entity, n in plan.pairs.items())
    return Wish(
        f"Tie the records of run #{plan.run.id} to their new ids?",
        (
            Cell(f"{told} records came back under other ids."),
            Cell("They keep their internal ids, edits and history; the run then plans anew."),
            Cell("Nothing else is approved by that. There is no undo.", "dim"),
        ),
        "Yes, tie them; then say why",
        Remap(plan.run.id, sum(plan.pairs.values()), ""),
        Why.NEEDED,
    )


CHANGING = tuple(one for one in Verdict if one not in (Verdict.UNCHANGED, Verdict.SKIP, Verdict.DEAD))
"""What a plan would do to a record here, in whatever way."""


def plan_counts(plan: PlanView, only: tuple[Entity, ...] = ()) -> list[Cell]:
    """What a plan would do with each entity, in words, a line each."""
    lines = []
    for entity in only or [one for one in Entity if one in plan.counts]:
        told = [
            f"{number(n)} {VERDICTS[verdict]}"
            for verdict in VERDICTS
            if verdict is not Verdict.UNCHANGED and (n := plan.of(verdict, entity=entity))
        ]
        if told:
            lines.append(Cell(f"{entity}: {', '.join(told)}"))
    return lines or [Cell("It changes nothing.")]


def _left_out(plan: PlanView, only: tuple[Entity, ...]) -> list[Cell]:
    rest = [entity for entity in plan.run.entities if entity not in only] if only else []
    return [Cell(f"Left out: {', '.join(rest)}.", "warn")] if rest else []


def _whose(run: Run) -> str:
    what = "the held plan of run" if run.status is RunStatus.HELD else "the plan of the dry run"
    return f"{what} #{run.id} of {plain(run.integration)}"


def _fears(run: Run) -> list[Cell]:
    return [foreign(run.error, "warn", limit=300)] if run.error else []


def _why(run: Run) -> Why:
    return Why.NEEDED if run.status is RunStatus.HELD or run.error_code else Why.MAY


def _then(run: Run) -> str:
    return "; then say why" if _why(run) is Why.NEEDED else ""


def on_plan(action: str, plan: PlanView, only: tuple[Entity, ...] = ()) -> Wish:
    """The wish behind an action on a plan that waits."""
    if action == "approve":
        return approve(plan, only)
    return discard(plan) if action == "discard" else remap(plan)


async def of_run(action: str, run: Run, db: Database) -> Wish | None:
    """The wish behind an action on a run; what a plan would do is counted first. None: the run is gone."""
    if action == "cancel":
        return cancel(run)
    if action == "pause_run":
        return rest(run)
    if action == "undo":
        return await undo_run(db, run)
    plan = await the_plan(db, run.id)
    if plan is None:
        return None
    refused = why_not(action, plan.run)
    if not refused and action == "remap" and not plan.pairs:
        refused = f"The plan of run #{run.id} holds no records that came back under other ids."
    if refused:
        raise UsageError(refused)
    return on_plan(action, plan)


async def undo_run(db: Database, run: Run) -> Wish:
    """What a run changed, put back; raises ``UsageError`` where it changed nothing."""
    from siscon.ops import history

    _, rows = await history.undo_preview(db, run.id)
    count = sum(row["changes"] for row in rows)
    if not count:
        raise UsageError(f"Run #{run.id} has changed nothing: there is nothing to undo.")
    told = [Cell(f"{row['entity']}: {number(row['changes'])} {row['what']}") for row in rows]
    return Wish(
        f"Put back what run #{run.id} of {plain(run.integration)} did?",
        (
            *told,
            Cell("What was changed since is left alone. The undo can be undone itself.", "dim"),
        ),
        f"Yes, put back {of(count, 'change')}; then say why",
        UndoRun(run.id, "", "", count, ""),
        Why.NEEDED,
    )


async def undo_lately(db: Database, run_id: int) -> Wish:
    """What was decided a moment ago, put back; raises ``UsageError`` while its run is still at it."""
    from siscon.ops.run_rows import runs_by_id

    run = next(iter(await runs_by_id(db, [run_id])), None)
    if run is None or run.status not in ENDED:
        raise UsageError(
            keyed(
                "Run #{id} is still at it: {cancel} on it ({runs}) cancels it, {undo} undoes it once it has ended.",
                id=run_id,
            )
        )
    return await undo_run(db, run)


def why_not(action: str, run: Run | None) -> str:
    """Why an action cannot act on a run; empty when it can."""
    if run is None:
        return "No run is under the cursor."
    if action == "cancel":
        return why_not_cancel(run)
    if action == "pause_run":
        can = run.status in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED)
        return "" if can else f"Run #{run.id} neither runs nor waits: there is nothing to pause."
    if action == "undo":
        return "" if run.status in ENDED else f"Run #{run.id} has not ended: only then it can be undone."
    waits = run.status in (RunStatus.HELD, RunStatus.PLANNED)
    return "" if waits else f"Run #{run.id} is not held: there is nothing to decide."


def pause(integration: Integration, *, now_ms: int, until_ms: int | None = None) -> Wish:
    """The schedules off, until a moment if one is told, or on again."""
    name = plain(integration.name)
    if integration.rests(now_ms) and until_ms is None:
        lines = (Cell("Its schedules start runs again from the next due time on."),)
        return Wish(f"Resume {name}?", lines, "Yes, resume it", ResumeIntegration(integration.name))
    until = "you resume it" if until_ms is None else utc_words(until_ms)
    lines = (Cell(f"Its schedules start no runs until {until}; a run under way goes on."),)
    return Wish(f"Pause {name}?", lines, "Yes, pause it", PauseIntegration(integration.name, until_ms))


def renew(integration: str) -> Wish:
    """A new token."""
    lines = (Cell("The SIS is asked for a new access token; the present one is replaced."),)
    return Wish(
        f"Renew the login of {plain(integration)}?", lines, "Yes, renew it", RefreshToken(integration)
    )


ON_RUNS = frozenset({"cancel", "pause_run", "approve", "discard", "remap", "undo"})
"""Actions on the run under the cursor."""


def why_not_cancel(run: Run) -> str:
    """Why a run cannot be cancelled; empty when it can."""
    if run.status in ENDED:
        return f"Run #{run.id} has ended: there is nothing to cancel."
    if run.status is RunStatus.HELD:
        return f"Run #{run.id} is held for a decision: let its plan apply, or throw it away."
    if run.cancel_requested_by:
        return f"Run #{run.id} is being cancelled already."
    return ""
