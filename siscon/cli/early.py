"""Opens the console as fast as can be: this process paints, while a fork reads the configuration and sees to the
engine. What the fork has to complain of is said when the screen is gone. No command line parser is loaded here.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from siscon.cli.exit_codes import CANCELLED, FAILED
from siscon.domain.roles import ACTS
from siscon.ops.actor import role_here

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class Scout:
    """The fork, and the pipe through which it tells what it found; ``said`` is its complaint, once it has told."""

    pid: int
    pipe: int
    said: str = ""

    def report(self) -> dict[str, Any]:
        """What it found, once it is done; only ``code`` when it had to complain."""
        with os.fdopen(self.pipe, "rb") as pipe:
            told = pipe.read()
        os.waitpid(self.pid, 0)
        found: dict[str, Any] = json.loads(told) if told else {"code": FAILED}
        self.said = found.get("said", "")
        return found


def open_console(config: str | None, asked: Mapping[str, Any] = NOTHING) -> int:
    """Show the screen; the exit code. ``asked`` is what the command line said of it, see ``options.asked_of``."""
    gc.disable()  # a start makes much and leaves nothing to collect; the screen turns it on when it has painted
    try:
        scout = _send_scout(config, engine=not asked.get("read_only"))
        screen = importlib.import_module("siscon.cli.screen")
        code: int = screen.show_soon(scout.report, asked)
        if scout.said:
            sys.stderr.write(scout.said)
    except KeyboardInterrupt:
        return CANCELLED
    except Exception as error:  # noqa: BLE001 - the last resort: a sentence instead of a traceback
        return int(importlib.import_module("siscon.cli.faults").report(error, []))
    return code


def _send_scout(config: str | None, *, engine: bool) -> Scout:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Scout(pid, reading)
    os.close(reading)
    try:
        told = json.dumps(_scouted(config, engine=engine)).encode()
    except BaseException as error:  # noqa: BLE001 - nothing may leave the fork but its report
        told = json.dumps(_complaint(error)).encode()
    finally:
        os.write(writing, told)
        os._exit(0)


def _complaint(error: BaseException) -> dict[str, Any]:
    """The sentences about an error, kept until the screen is gone, and the exit code."""
    sys.stderr = kept = io.StringIO()
    code = importlib.import_module("siscon.cli.faults").report(error, [])
    return {"code": code, "said": kept.getvalue()}


def _scouted(config: str | None, *, engine: bool) -> dict[str, Any]:
    """Check the configuration, open the database once; what a screen must know. ``engine``: see that one is alive.

    Who only looks opens nothing here: that would bring an older database up to date, and make one where there is none.
    """
    runtime = importlib.import_module("siscon.runtime")
    settings = runtime.load_settings(Path(config) if config else None)
    known = known_of(settings)
    started = (
        engine and known["role"] >= ACTS["start an engine"] and asyncio.run(_see_to_engine(runtime, settings))
    )
    return {**known, "engine_started": started}


def known_of(settings: Any) -> dict[str, Any]:
    """What a screen must know of a configuration."""
    return {
        "config": str(settings.file),
        "home": str(settings.home),
        "database": str(settings.database),
        "role": int(role_here(settings.role_rules)[1]),
        "synchronous": settings.storage.synchronous,
        "on_quit": settings.engine.on_quit,
        "time_zone": settings.time_zone,
        "grace_ms": settings.console.grace_s * 1000,
        "profile": settings.profile.name,
        "production": settings.profile.production,
        "looks": settings.console.model_dump(include={"theme", "glyphs", "slow_link", "mouse", "clock"}),
        "keys": {id_: list(keys) for id_, keys in settings.console.keys.items()},
        "sis_owns": [
            f"{name}.{field}"
            for name, one in settings.integrations.items()
            for field in one.conflicts.sis_owns
        ],
    }


async def _see_to_engine(runtime: Any, settings: Any) -> bool:
    """Start an engine where none is alive; whether that was so."""
    db = await runtime.open_database(settings)
    try:
        alive = await runtime.find_engine(db) is not None
    finally:
        await db.close()
    if not alive:
        runtime.start_engine_process(settings)
    return not alive
