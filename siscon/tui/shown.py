"""Which screens there are by name, and how each is opened without a hand at the keys: what `siscon show` can show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from textual.screen import Screen

from siscon.domain.errors import UsageError
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.text import plain
from siscon.ops import Database
from siscon.tui.actions import BY_ID, PANES
from siscon.tui.navigation import screen_class
from siscon.tui.screens.pane import Desk

Kind = TypeVar("Kind", bound=StrEnum)
Shown = Screen[Any]
Make = Callable[[Desk, Database, Sequence[str]], Awaitable[Shown]]


@dataclass(frozen=True, slots=True)
class Detail:
    """A screen that is about one thing: what it is called, the words that say which, and how it is made of them."""

    title: str
    words: str
    make: Make
    numbered: bool = False
    """Its rows are opened by their number."""

    def takes(self, told: Sequence[str]) -> bool:
        """Whether so many words are told as it needs; those in brackets may be left out."""
        wanted = self.words.split()
        if wanted and wanted[-1].endswith("..."):
            return len(told) >= len(wanted)
        return len([one for one in wanted if not one.startswith("[")]) <= len(told) <= len(wanted)


async def _run(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.tui.screens.run import RunPane

    return RunPane(desk, await _known_run(db, told[0]))


async def _compare(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.tui.screens.compare import ComparePane

    await _known_integration(db, told[0])
    return ComparePane(desk, told[0])


async def _dead(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.ops.dead_records import groups
    from siscon.tui.screens.dead import Dead

    integration, entity, code, *field = told
    found = [
        group
        for group in await groups(db, integration=integration)
        if (group.entity.value, group.code) == (entity, code)
        and (not field or (group.field or "") == field[0])
    ]
    if not found:
        raise UsageError(
            f"No record of {plain(integration)} waits for this cause: 'siscon show errors' has the causes."
        )
    if len(found) > 1:
        names = ", ".join(plain(group.field or "''") for group in found)
        raise UsageError(f"This cause concerns several fields: name one of {names}.")
    return Dead(desk, found[0])


async def _dead_record(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.ops.dead_records import one
    from siscon.tui.screens.dead import DeadRecordPane

    dead = await one(db, _number(told[0]))
    if dead is None:
        raise UsageError(f"There is no record in error {told[0]}.")
    return DeadRecordPane(desk, dead)


async def _conflict(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.ops.conflicts import find
    from siscon.tui.screens.conflict import ConflictPane

    conflict = await find(db, _number(told[0]))
    if conflict is None:
        raise UsageError(f"There is no conflict {told[0]}.")
    return ConflictPane(desk, conflict)


async def _record(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.ops.record_views import the_record
    from siscon.tui.screens.record import RecordPane

    integration, entity, external_id = told[0], _entity(told[1]), told[2]
    await _known_integration(db, integration)
    if await the_record(db, integration, entity, external_id) is None:
        raise UsageError(f"{plain(integration)} has no {entity} '{plain(external_id)}'.")
    return RecordPane(desk, integration, entity, external_id)


async def _found(desk: Desk, _db: Database, told: Sequence[str]) -> Shown:
    from siscon.tui.screens.found import Found

    return Found(desk, " ".join(told))


async def _plan(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.tui.screens.plan import PlanPane

    return PlanPane(desk, await _known_run(db, told[0]))


async def _plan_records(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.ops.plan_views import the_plan
    from siscon.tui.screens.plan_records import PlanRecords

    run_id = await _known_run(db, told[0])
    plan = await the_plan(db, run_id)
    if plan is None or not plan.counts:
        raise UsageError(f"The plan of run {run_id} does not wait any more: its records are not kept.")
    pane = PlanRecords(desk, plan, _entity(told[1]))
    if len(told) > 2:
        pane.verdict = _one_of(Verdict, told[2], "verdict")
    return pane


async def _help(desk: Desk, _db: Database, told: Sequence[str]) -> Shown:
    from siscon.tui.screens.help import Help

    return Help(name_of(told[0]) if told else PANES[0], desk.look)


async def _report(desk: Desk, db: Database, told: Sequence[str]) -> Shown:
    from siscon.ops.reports.asked import understood
    from siscon.tui.screens.report import ReportPane

    asked = understood(told)
    if asked.name == "run":
        await _known_run(db, str(asked.run_id))
    elif asked.integration is not None:
        await _known_integration(db, asked.integration)
    return ReportPane(desk, *told)


DETAILS: Mapping[str, Detail] = {
    "run": Detail("Run", "RUN", _run),
    "compare": Detail("Imports side by side", "INTEGRATION", _compare),
    "dead": Detail("Errors of one cause", "INTEGRATION ENTITY CODE [FIELD]", _dead, numbered=True),
    "dead_record": Detail("Record in error", "ID", _dead_record),
    "conflict": Detail("Conflict", "ID", _conflict),
    "record": Detail("Record", "INTEGRATION ENTITY EXTERNAL_ID", _record),
    "found": Detail("Records found", "TEXT...", _found),
    "plan": Detail("Plan", "RUN", _plan),
    "plan_records": Detail("Records of a plan", "RUN ENTITY [VERDICT]", _plan_records),
    "report": Detail("Report", "[NAME] [WORD] [TIME]", _report),
    "help": Detail("Keys", "[SCREEN]", _help),
}
"""The screens that lie above a main screen. Whoever adds one puts it in here; a test asks for it."""
NUMBERED = frozenset({"conflicts"})
"""Main screens whose rows are opened by their number."""
OTHER_NAMES = {"error": "dead_record", "mappings": "records"}


def name_of(told: str) -> str:
    """A screen by its name or by what it is called on the screen; raises ``UsageError``."""
    plainly = told.lower().replace("-", "_")
    called = {BY_ID[name].word.lower(): name for name in PANES}
    name = OTHER_NAMES.get(plainly) or called.get(plainly) or plainly
    if name not in PANES and name not in DETAILS:
        known = ", ".join(one.replace("_", "-") for one in (*PANES, *DETAILS))
        raise UsageError(f"There is no screen '{plain(told)}'. Known are: {known}.")
    return name


def title_of(name: str) -> str:
    """What a screen is called."""
    return BY_ID[name].word if name in PANES else DETAILS[name].title


def check(name: str, told: Sequence[str]) -> None:
    """Refuse words that a screen has no use for, or that it lacks."""
    words = DETAILS[name].words if name in DETAILS else ""
    if name in DETAILS and DETAILS[name].takes(told):
        return
    if name in DETAILS or told:
        shown = " ".join(("siscon show", name.replace("_", "-"), words)).rstrip()
        raise UsageError(f"Write: {shown}", code="words")


async def make(name: str, told: Sequence[str], desk: Desk, db: Database) -> Shown:
    """A screen, not yet read; raises ``UsageError`` where it would be about nothing."""
    if name in PANES:
        return screen_class(name)(desk)
    return await DETAILS[name].make(desk, db, told)


def is_numbered(name: str) -> bool:
    """Whether rows of a screen are opened by their number."""
    return name in NUMBERED or (name in DETAILS and DETAILS[name].numbered)


def _number(text: str) -> int:
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise UsageError(f"'{plain(text)}' is no number.")
    return int(digits)


def _entity(text: str) -> Entity:
    return _one_of(Entity, text, "entity")


def _one_of(kinds: type[Kind], text: str, word: str) -> Kind:
    try:
        return kinds(text)
    except ValueError:
        known = ", ".join(one.value for one in kinds)
        raise UsageError(f"There is no {word} '{plain(text)}'. Known are: {known}.") from None


async def _known_run(db: Database, text: str) -> int:
    from siscon.ops.run_rows import runs_by_id

    run_id = _number(text)
    if not await runs_by_id(db, [run_id]):
        raise UsageError(f"There is no run {run_id}.")
    return run_id


async def _known_integration(db: Database, name: str) -> None:
    from siscon.ops.records import integration_names

    known = await integration_names(db)
    if name not in known:
        raise UsageError(f"There is no integration '{plain(name)}'. Known are: {', '.join(known) or 'none'}.")
