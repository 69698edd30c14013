"""Commands about integrations and engines: pause, resume, remove, renew a token, stop."""

from __future__ import annotations

from siscon.domain.commands import (
    PauseIntegration,
    RefreshToken,
    RemoveIntegration,
    ResumeIntegration,
    StopEngine,
)
from siscon.domain.errors import UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.runs import RunStatus
from siscon.domain.text import counted, plain, utc_words, were
from siscon.engine.answers import Answer, Circumstances, NotOurs, known_integration
from siscon.store import events, integrations, leases, removal, runs, schedules
from siscon.store.database import Connection


async def pause(c: Connection, command: PauseIntegration, here: Circumstances) -> Answer:
    """Let the schedules of an integration start nothing, until a moment if one is told."""
    name, until_ms = command.integration, command.until_ms
    await known_integration(c, name)
    if until_ms is not None and until_ms <= here.now_ms:
        raise UsageError("That moment is over: name one that is to come.")
    until = "it is resumed" if until_ms is None else utc_words(until_ms)
    await integrations.set_paused(c, name, True, until_ms=until_ms)
    text = f"{name} was paused by {plain(here.actor)} until {until}"
    await events.append(
        c, EventKind.INTEGRATION_PAUSED, Level.INFO, text, integration=name, at_ms=here.now_ms
    )
    return Answer(f"{name} is paused: its schedules start nothing until {until}.", name)


async def resume(c: Connection, command: ResumeIntegration, here: Circumstances) -> Answer:
    """Let the schedules of an integration start runs again; what was due meanwhile is not made up for."""
    name = command.integration
    if (await known_integration(c, name)).paused:
        await schedules.let_go(c, name, now_ms=here.now_ms)
        text = f"{name} was resumed by {plain(here.actor)}"
        await events.append(
            c, EventKind.INTEGRATION_RESUMED, Level.INFO, text, integration=name, at_ms=here.now_ms
        )
    await integrations.set_paused(c, name, False)
    return Answer(f"{name} goes on by its schedules.", name)


async def remove(c: Connection, command: RemoveIntegration, here: Circumstances) -> Answer:
    """Forget the ties of an integration that nobody works with; the roster stays."""
    live, now_ms = here.live, here.now_ms
    name = (await known_integration(c, command.integration)).name
    if live is not None and name in live.integrations:
        raise UsageError(
            f"The engine that is alive works with {name}: take {name} out of the configuration, end the engine with "
            "'siscon stop', then remove it."
        )
    held = await runs.latest(c, integration=name, status=RunStatus.HELD, limit=1)
    for run in (*(one for one in await runs.active(c) if one.integration == name), *held):
        raise UsageError(f"Run {run.id} of {name} is {run.status}: cancel it or decide on it first.")
    found = await removal.counts(c, name)
    if found["mappings"] != command.mappings:
        raise UsageError(
            f"{name} has {counted(found['mappings'], 'mapping')} by now, {were(command.mappings)} exported: "
            "begin again."
        )
    gone = await removal.remove(c, name, now_ms=now_ms)
    told = ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in gone.items())
    text = f"{name} was removed: {told}"
    await events.append(c, EventKind.INTEGRATION_REMOVED, Level.WARNING, text, integration=name, at_ms=now_ms)
    return Answer(f"{name} is removed: {told}. The roster stays.", name)


async def refresh_token(c: Connection, command: RefreshToken, here: Circumstances) -> Answer:
    """Have the engine ask for a new token."""
    name, live = command.integration, here.live
    await known_integration(c, name)
    if live is None:
        raise UsageError("No engine is alive that could renew the token: start one with 'siscon serve'.")
    if name not in live.integrations:
        raise UsageError(
            f"{name} is not in this engine's configuration, or its provider could not be loaded."
        )
    return Answer(f"A new token for {name} is being asked for.", name, after=lambda: live.renew_token(name))


async def stop_engine(c: Connection, command: StopEngine, here: Circumstances) -> Answer:
    """Have an engine end after its open batch."""
    engine, live, now_ms = command.engine, here.live, here.now_ms
    if live is not None and engine == live.id:
        return Answer(f"Engine {engine} stops after the open batch.", engine, after=live.stop)
    if await leases.holder(c, f"engine:{engine}", now_ms=now_ms) is not None:
        raise NotOurs
    raise UsageError(f"There is no living engine '{plain(engine)}'.")
