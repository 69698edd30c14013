"""The report for the morning: one screen that says what ran, what failed, what waits, and what a person must do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import tzinfo

from siscon.domain.integrations import IntegrationState
from siscon.domain.periods import Period
from siscon.domain.runs import Run
from siscon.domain.tables import Cell, Column, Fact, Kind, Report, Table, short_minute
from siscon.domain.text import agreed, counted
from siscon.domain.tokens import TokenHealth
from siscon.ops.reports.endings import tally
from siscon.ops.reports.history import told_of
from siscon.ops.views import Health, health
from siscon.store import leases, reporting, runs
from siscon.store.database import Database
from siscon.store.reporting import Alarm, Ends, Moved

MOST_FAILED, MOST_TASKS = 3, 8
WELL = "nothing needs a person"
INTEGRATIONS = (
    Column("integration", "Integration"),
    Column("state", "State"),
    Column("last_good_at", "Last good", Kind.MOMENT, absent="never"),
    Column("runs", "Runs", Kind.COUNT, absent="no run"),
    Column("failed", "Failed", Kind.COUNT),
    Column("records", "Records", Kind.COUNT, rank=2),
    Column("created", "New", Kind.COUNT, rank=1),
    Column("updated", "Upd.", Kind.COUNT, rank=1),
    Column("in_error", "In error", Kind.COUNT),
    Column("conflicts", "Conf.", Kind.COUNT),
)
TASKS = (
    Column("integration", "Who", absent="all"),
    Column("what", "What"),
    Column("command", "Command", whole=True),
)
ALARM_WORDS = {
    "breaker opened": "a system stopped answering",
    "token failed": "a login failed",
    "schedule missed": "a schedule was late or found a run under way",
    "task failed": "a part of siscon failed",
}


async def morning(db: Database, period: Period, *, now_ms: int, zone: tzinfo) -> Report:
    """What happened in a period, and how everything stands at ``now_ms``."""
    views = await health(db, now_ms=now_ms)
    async with db.read() as c:
        ended = [one for one in await reporting.ends(c, period) if one.is_import]
        entities = await reporting.entity_ends(c, period)
        failed = await runs.by_ids(c, await reporting.failed_ids(c, period, None, limit=MOST_FAILED))
        questions = await reporting.questions(c, period)
        in_error = await reporting.in_error(c, period)
        alarms = await reporting.alarms(c, period)
        engines = [one for one in await leases.engines(c, now_ms=now_ms) if one.alive]
    views.sort(key=lambda view: (view.urgency, view.integration.name))
    tasks = _tasks(views)
    if not engines:
        tasks.insert(0, (None, "no engine is alive: nothing starts by itself", "siscon serve"))
    facts = (
        Fact("ran", "Ran", _ran(ended)),
        *_failed(failed, tally(ended).failed, zone),
        Fact("held", "Held", _held(views)),
        Fact("questions", "Questions", _moved(questions, "settled")),
        Fact("in_error", "In error", _moved(in_error, "given up or mended by hand")),
        *_alarms(alarms),
        Fact("engine", "Engine", f"{counted(len(engines), 'engine')} alive" if engines else "none is alive"),
        Fact("to_do", "To do", WELL if not tasks else counted(len(tasks), "thing")),
    )
    counts = {view.integration.name: [0, 0, 0] for view in views}
    for one in entities:
        if (sums := counts.get(one.integration)) is not None:
            for at, n in enumerate((one.fetched, one.created, one.updated)):
                sums[at] += n
    hidden = len(tasks) - MOST_TASKS
    more = (f"And {hidden} more: 'siscon status' has them.",) if hidden > 0 else ()
    tables = (
        Table("to_do", "What a person must do", TASKS, tuple(tasks[:MOST_TASKS]), more, empty="Nothing."),
        Table(
            "integrations",
            "Integrations",
            INTEGRATIONS,
            tuple(_row(view, ended, counts[view.integration.name]) for view in views),
            empty="None yet: 'siscon serve' connects what config.yaml names.",
        ),
    )
    return Report("morning", "What happened", now_ms, zone, str(zone), tables, period, facts)


def _ran(ended: Sequence[Ends]) -> str:
    found = tally(ended)
    if not found.runs:
        return "no import ended"
    names = {one.integration for one in ended}
    return f"{counted(found.runs, 'import')} of {counted(len(names), 'integration')}: {told_of(found)}"


def _failed(failed: Sequence[Run], count: int, zone: tzinfo) -> list[Fact]:
    newest = sorted(failed, key=lambda run: run.finished_at_ms or 0, reverse=True)
    if not newest:
        return [Fact("failed", "Failed", "none")]
    told = [
        f"{run.integration}, run {run.id}, {short_minute(run.finished_at_ms or 0, zone)}: {run.error}"
        for run in newest
    ]
    if count > len(told):
        told.append(f"and {count - len(told)} more: 'siscon report history'")
    return [Fact(f"failed_{at}", "Failed" if not at else "", text) for at, text in enumerate(told)]


def _held(views: Sequence[Health]) -> str:
    held = [view.held_run for view in views if view.held_run is not None]
    return ", ".join(f"run {run.id} of {run.integration}" for run in held) or "none"


def _moved(found: dict[str, Moved], settled: str) -> str:
    came, gone, left = (
        sum(getattr(one, name) for one in found.values()) for name in ("opened", "settled", "open")
    )
    return f"{came:,} came, {gone:,} {agreed(gone, 'was', 'were')} {settled}; {left:,} {agreed(left, 'is', 'are')} open"


def _alarms(alarms: Sequence[Alarm]) -> list[Fact]:
    told = []
    for kind, words in ALARM_WORDS.items():
        own = [one for one in alarms if one.kind == kind]
        if own:
            names = ", ".join(dict.fromkeys(one.integration for one in own if one.integration))
            where = f" ({names})" if names else ""
            told.append(f"{words} {sum(one.count for one in own)} times{where}")
    return [Fact("alarms", "Alarms", "; ".join(told))] if told else []


def _tasks(views: Sequence[Health]) -> list[tuple[Cell, ...]]:
    """What needs a person, the most urgent first, with the command that begins it."""
    tasks: list[tuple[Cell, ...]] = []
    for view in views:
        name = view.integration.name
        if view.held_run is not None:
            what = f"run {view.held_run.id} is held: {view.held_run.error}"
            tasks.append((name, what, f"siscon plans show {view.held_run.id}"))
        if view.login is TokenHealth.NEEDS_PERSON:
            tasks.append((name, "the login needs a person", f"siscon tokens authorise {name}"))
        elif view.integration.failing_since_ms is not None:
            tasks.append((name, view.integration.last_error, f"siscon integrations test {name}"))
        if view.state is IntegrationState.EMPTY:
            tasks.append(
                (name, "a list came without any record", f"siscon report history --integration {name}")
            )
        if view.state is IntegrationState.LATE:
            tasks.append((name, "is late", f"siscon sync {name}"))
    conflicts = {view.integration.name: view.conflicts for view in views if view.conflicts}
    dead = {view.integration.name: view.dead for view in views if view.dead}
    if conflicts:
        count = sum(conflicts.values())
        what = f"{counted(count, 'question')} {agreed(count, 'waits', 'wait')} for a decision"
        tasks.append((_names(conflicts), what, "siscon conflicts list"))
    if dead:
        tasks.append(
            (_names(dead), f"{counted(sum(dead.values()), 'record')} in error", "siscon errors causes")
        )
    return tasks


def _names(found: Collection[str]) -> str:
    return next(iter(found)) if len(found) == 1 else f"{len(found)} of them"


def _row(view: Health, ended: Sequence[Ends], counts: Sequence[int]) -> tuple[Cell, ...]:
    found = tally(one for one in ended if one.integration == view.integration.name)
    state = view.state.value.upper() if view.needs_person else view.state.value
    done = (*counts,) if found.runs else (None, None, None)
    return (
        view.integration.name,
        state,
        view.integration.last_good_at_ms,
        found.runs or None,
        found.failed if found.runs else None,
        *done,
        view.dead,
        view.conflicts,
    )
