"""The screen with everything it needs: the one module of the front door that loads Textual."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext

from siscon import runtime
from siscon.config import Settings
from siscon.domain.roles import Role
from siscon.ops.actor import current_actor
from siscon.tui.app import run_console
from siscon.tui.options import ConsoleOptions


def run(settings: Settings, *, in_process: bool) -> int:
    """Show the screen until the person leaves; an engine works beside it, in this process if asked for."""
    engine: AbstractContextManager[None] = nullcontext()
    if in_process:
        engine = runtime.engine_in_thread(settings)
    elif not asyncio.run(_engine_lives(settings)):
        runtime.start_engine_process(settings)
    with engine:
        return run_console(_options(settings)).exit_code


def _options(settings: Settings) -> ConsoleOptions:
    return ConsoleOptions(
        open_database=lambda: runtime.open_database(settings),
        actor=current_actor(),
        role=Role.ADMIN,
        on_quit=settings.engine.on_quit,
        time_zone=settings.time_zone,
        log_dir=settings.home / "logs",
        start_engine=lambda: _start_engine(settings),
    )


async def _engine_lives(settings: Settings) -> bool:
    db = await runtime.open_database(settings)
    try:
        return await runtime.find_engine(db) is not None
    finally:
        await db.close()


async def _start_engine(settings: Settings) -> str:
    """Start an engine for a screen that found none; a sentence of what came of it."""
    child = runtime.start_engine_process(settings)
    db = await runtime.open_database(settings)
    try:
        engine = await runtime.wait_for_engine(db, child=child)
    finally:
        await db.close()
    return f"An engine works now (process {engine.pid})."
