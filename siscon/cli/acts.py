"""What commands have carried out: by the engine that is alive, else here and now."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import sure
from siscon.domain.commands import Command, CommandRow, CommandStatus, DiscardPlan
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.runs import ENDED, EXIT_CODES, Run, RunStatus
from siscon.ops import commands, run_rows

ANSWER_WITHIN_S = 10.0
TELL_EVERY_S = 0.5
OVER = ENDED | {RunStatus.HELD, RunStatus.PLANNED, RunStatus.PAUSED}
"""A run in one of these states does nothing more by itself."""


async def carry_out(house: runtime.House, command: Command) -> CommandRow:
    """Leave a command and see it answered; raises ``UsageError`` with the engine's sentence for a refusal."""
    command_id = await commands.submit(house.db, command, actor=house.actor, role=house.role)
    if await runtime.find_engine(house.db) is None:
        await _carry_out_here(house, command_id)
    row = await commands.wait_for(house.db, command_id, timeout_s=ANSWER_WITHIN_S)
    if row.status is CommandStatus.PENDING and await runtime.find_engine(house.db) is None:
        await _carry_out_here(house, command_id)
        row = await commands.wait_for(house.db, command_id, timeout_s=0)
    if row.status is CommandStatus.REFUSED:
        raise UsageError(row.answer, code="refused")
    if row.status is CommandStatus.PENDING:
        raise SisconError(
            f"The engine has not answered within {ANSWER_WITHIN_S:.0f} s; the command waits for it. "
            "See 'siscon status'.",
            code="no_answer",
        )
    return row


async def _carry_out_here(house: runtime.House, command_id: int) -> None:
    """Carry out a command without an engine. One that cannot be is taken back, or the next engine would do it yet."""
    try:
        await runtime.carry_out_request(house, command_id)
    except SisconError:
        with suppress(SisconError):
            await commands.take_back(house.db, command_id, actor=house.actor, role=house.role)
        raise


async def ask(house: runtime.House, command: Command) -> None:
    """Have a command carried out and say the answer."""
    row = await carry_out(house, command)
    output.say(row.answer)


async def discard_plan(house: runtime.House, run_id: int, reason: str, *, yes: bool) -> None:
    """Throw a plan away; where real people are behind it, the name of the profile is typed first."""
    word = house.settings.profile.final_word
    sure(f"Throw away the plan of run {run_id}? There is no undo.", yes=yes or not word, word=word)
    await ask(house, DiscardPlan(run_id, reason))


async def see_through(house: runtime.House, run_ids: Collection[int]) -> list[Run]:
    """Wait until runs are over; where no engine is alive, one runs in this process for as long as needed.

    What keeps them waiting meanwhile is told as it comes.
    """
    telling = asyncio.create_task(_tell_trouble(house, run_ids))
    try:
        return await _see_over(house, run_ids)
    finally:
        telling.cancel()
        await asyncio.wait({telling})


async def _tell_trouble(house: runtime.House, run_ids: Collection[int]) -> None:
    names = {run.integration for run in await run_rows.runs_by_id(house.db, run_ids)}
    last = await run_rows.newest_event(house.db)
    while True:
        told, last = await run_rows.trouble(house.db, names, after=last)
        for text in told:
            output.note(text)
        await asyncio.sleep(TELL_EVERY_S)


async def _see_over(house: runtime.House, run_ids: Collection[int]) -> list[Run]:
    while True:
        found = await run_rows.runs_by_id(house.db, run_ids)
        if all(run.status in OVER for run in found):
            return found
        if await runtime.find_engine(house.db) is None:
            await runtime.run_until_idle(house)
            await _settle(house, run_ids)
        else:
            await house.db.changed(timeout_s=1.0)


async def _settle(house: runtime.House, run_ids: Collection[int]) -> None:
    """An engine that has just ended may have left a run to another; do not ask again at once."""
    found = await run_rows.runs_by_id(house.db, run_ids)
    if not all(run.status in OVER for run in found):
        await asyncio.sleep(0.2)


def exit_code(found: Collection[Run]) -> int:
    """The worst end of several runs: failed before cancelled before held before in error."""
    order = (1, 130, 3, 4, 0)
    codes = {_exit_code(run) for run in found}
    return next((code for code in order if code in codes), 0)


def _exit_code(run: Run) -> int:
    """A dry run that passes a limit ends as a run that is held because of it."""
    if run.status is RunStatus.PLANNED and run.error_code:
        return EXIT_CODES[RunStatus.HELD]
    return EXIT_CODES.get(run.status, 1)
