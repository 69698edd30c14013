"""What the console asks of others: a command of the engine, an engine of the runtime. Each is told to the person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from textual.app import App

from siscon.domain.commands import Command, CommandRow, CommandStatus
from siscon.domain.errors import SisconError
from siscon.domain.roles import role_needed
from siscon.domain.text import plain
from siscon.domain.weight import may_lie, word_for
from siscon.ops import Database
from siscon.ops.views import EngineLine
from siscon.tui.grace import Grace
from siscon.tui.keymap import key_of
from siscon.tui.options import ConsoleOptions
from siscon.tui.present import Cell, Look, foreign, number
from siscon.tui.widgets.confirm import NO, Ask, Choice, yes_no
from siscon.tui.wishes import Answer, Why, Wish

ANSWER_WITHIN_S = 5.0
STARTING = "starting"
"""The group of the work that starts an engine."""
FEW = 2
"""So many answers are told one by one."""
REFUSAL_S = 15.0
"""So long a refusal stays on the screen: it names who won and what, and is longer than an answer."""


async def ask(
    app: App[Any], db: Database | None, wish: Wish, options: ConsoleOptions, look: Look
) -> list[Command]:
    """Put the question, have typed what must be typed, and ask for a reason where one belongs to it.

    The commands of the answer; none where the person thinks better of it.
    """
    weightiest = max((one for answer in wish.answers for one in answer.commands), key=role_needed)
    if options.role < role_needed(weightiest):
        await _note_denial(db, weightiest, options)
        app.notify("Your role may not do this. Ask an administrator.", severity="warning", markup=False)
        return []
    answers = {answer.key: answer for answer in wish.answers}
    words = {key: word_of(answer.commands, options) for key, answer in answers.items()}
    lines = (*wish.lines, *_lies(wish.answers, options), *_typed(words))
    choices = [Choice("n", "", NO), *(Choice(one.key, one.key, one.words) for one in wish.answers)]
    chosen = await app.push_screen_wait(Ask(wish.title, lines, choices, safe="", look=look))
    if chosen not in answers or not await _types(app, words[chosen]):
        return []
    commands = answers[chosen].commands
    if wish.why is Why.NONE:
        return list(commands)
    reason = await ask_line(
        app, "Why (stands in the audit)" if wish.why is Why.NEEDED else "Why (may be empty)"
    )
    if reason is None or (wish.why is Why.NEEDED and not reason.strip()):
        app.notify("Nothing was asked: a reason is needed.", severity="warning", markup=False)
        return []
    return [replace(one, reason=reason.strip()) for one in commands]  # type: ignore[arg-type] # who asks why has commands with a reason


async def _note_denial(db: Database | None, command: Command, options: ConsoleOptions) -> None:
    from siscon.ops import commands as desk

    if db is not None and not options.read_only:
        await desk.note_denial(
            db, command.kind, actor=options.actor, role=options.role, now_ms=options.now_ms()
        )


def word_of(commands: Sequence[Command], options: ConsoleOptions) -> str:
    """What must be typed before these are left; empty: yes is enough."""
    production = (options.profile or "production") if options.production else ""
    return word_for(commands, lies=bool(_grace_ms(commands, options)), production=production)


def _typed(words: Mapping[str, str]) -> list[Cell]:
    """A line that says what will have to be typed."""
    told = list(dict.fromkeys(word for word in words.values() if word))
    return [foreign(f"To go on, {' or '.join(told)} has to be typed.", "warn")] if told else []


async def _types(app: App[Any], word: str) -> bool:
    """Whether the person types what must be typed."""
    if not word:
        return True
    typed = await ask_line(app, f"Type {plain(word)} to go on")
    if typed is not None and typed.strip().replace(",", "") == word:
        return True
    app.notify(f"Nothing was asked: {word} had to be typed.", severity="warning", markup=False)
    return False


def _grace_ms(commands: Sequence[Command], options: ConsoleOptions) -> int:
    return options.grace_ms if may_lie(commands) else 0


def _lies(answers: Sequence[Answer], options: ConsoleOptions) -> list[Cell]:
    """A line that says how long there is to think better of it."""
    graces = {_grace_ms(one.commands, options) for one in answers} - {0}
    return (
        [
            Cell(
                f"It begins {max(graces) // 1000} s later; until then {key_of('take_back')} takes it back.",
                "dim",
            )
        ]
        if graces
        else []
    )


async def ask_line(app: App[Any], words: str, text: str = "") -> str | None:
    """Have one line typed at the foot of the screen; None when the person thinks better of it."""
    from siscon.tui.screens.find import Find

    return await app.push_screen_wait(Find(text, words))


async def submit(
    app: App[Any], db: Database | None, commands: Sequence[Command], options: ConsoleOptions, grace: Grace
) -> list[CommandRow] | None:
    """Leave commands and tell what came of each; the rows as they were answered. None: they could not be left.

    What lies in the inbox first is not waited for: its answer is told when it comes.
    """
    ids = await _leave(app, db, commands, options)
    if db is None or not ids:
        return None
    grace_ms = _grace_ms(commands, options)
    if grace_ms:
        now_ms = options.now_ms()
        grace.lies(tuple(ids), now_ms=now_ms, until_ms=now_ms + grace_ms)
        app.run_worker(_hear(app, db, ids, wait_s=grace_ms / 1000), group="answers")
        return []
    rows = await _hear(app, db, ids, wait_s=0)
    for row in rows:
        if row.status is CommandStatus.DONE:
            grace.done(row, now_ms=options.now_ms())
    return rows


async def _leave(
    app: App[Any], db: Database | None, commands: Sequence[Command], options: ConsoleOptions
) -> list[int]:
    from siscon.ops import commands as desk

    if db is None:
        app.notify("The database is not open yet.", severity="warning")
        return []
    try:
        return await desk.submit_all(
            db,
            commands,
            actor=options.actor,
            role=options.role,
            read_only=options.read_only,
            grace_ms=_grace_ms(commands, options),
            now_ms=options.now_ms(),
        )
    except SisconError as error:
        app.notify(error.sentence, severity="error", timeout=REFUSAL_S, markup=False)
        return []


async def _hear(app: App[Any], db: Database, ids: Sequence[int], *, wait_s: float) -> list[CommandRow]:
    """Wait for the answers, and tell them; ``wait_s`` longer for what lies in the inbox first."""
    from siscon.ops import commands as desk

    rows = []
    try:
        for id_ in ids:
            rows.append(await desk.wait_for(db, id_, timeout_s=wait_s + ANSWER_WITHIN_S))
            wait_s = 0
    except SisconError as error:
        app.notify(error.sentence, severity="error", timeout=REFUSAL_S, markup=False)
    for row in rows if len(rows) <= FEW else _alike(rows):
        _tell(app, row)
    return rows


def _alike(rows: Sequence[CommandRow]) -> list[CommandRow]:
    """Of many answers the first of each kind, and how many there are of it."""
    told = []
    for status, n in Counter(row.status for row in rows).items():
        first = next(row for row in rows if row.status is status)
        more = f" {number(n - 1)} more {'were' if n > 2 else 'was'} {status.value} as well." if n > 1 else ""
        told.append(replace(first, answer=first.answer + more))
    return told


def _tell(app: App[Any], row: CommandRow) -> None:
    """What came of a command; of what was taken back the person has been told."""
    if row.status is CommandStatus.PENDING:
        app.notify(
            "Asked, but no engine has answered yet. The request waits until one does.",
            severity="warning",
            timeout=REFUSAL_S,
            markup=False,
        )
    elif row.status is CommandStatus.DONE:
        app.notify(row.answer or "Done.", markup=False)
    elif row.status is CommandStatus.REFUSED:
        app.notify(row.answer, severity="warning", timeout=REFUSAL_S, markup=False)


async def offer_engine(
    app: App[Any],
    engine: EngineLine | None,
    options: ConsoleOptions,
    look: Look,
    look_again: Callable[[], None],
) -> None:
    """Start an engine where none is alive, after a question; no key waits until it works."""
    if engine is None or engine.alive is not None:
        app.notify("An engine is alive already." if engine else "The database is not open yet.", markup=False)
        return
    is_starting = any(one.group == STARTING and not one.is_finished for one in app.workers)
    if is_starting or options.now_ms() < options.engine_due_by_ms:
        app.notify("An engine was started just now; give it a moment.", markup=False)
        return
    if options.start_engine is None:
        app.notify("Start one with: siscon serve", severity="warning")
        return
    lines = [Cell("Schedules and waiting runs begin to work at once.")]
    question = yes_no("Start an engine here?", lines, look=look, yes="Yes, start it")
    if await app.push_screen_wait(question) == "yes":
        app.run_worker(_start(app, options.start_engine, look_again), group=STARTING)


async def _start(
    app: App[Any], start_engine: Callable[[], Awaitable[str]], look_again: Callable[[], None]
) -> None:
    try:
        app.notify(await start_engine(), markup=False)
    except SisconError as error:
        app.notify(error.sentence, severity="error", markup=False)
    look_again()
