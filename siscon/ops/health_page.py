"""The page about health: written by an engine every few seconds, read by whoever watches, unknown when it is old."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from siscon import __version__
from siscon.domain.errors import SisconError
from siscon.domain.text import agreed, counted, plain
from siscon.ops import chores, health_rows
from siscon.ops.engine_parts import failing_part
from siscon.ops.rows import Row, iso
from siscon.store import channels, runs
from siscon.store.database import Database

FILE = "health.json"
MAX_BYTES = 4 << 20
LEAST_FREE_MIB = 100
OVERDUE_MS = 3600 * 1000
DAY_MS = 24 * 3600 * 1000
MIB = 1 << 20
IN_TROUBLE = ("failing", "held", "empty", "late")


class Word(StrEnum):
    """How an installation is, in a word."""

    GOOD = "good"
    TROUBLE = "trouble"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a page says now; ``why`` tells what makes it unknown."""

    word: Word
    page: Mapping[str, Any]
    why: str = ""


async def page(db: Database, home: Path, *, engine: str, now_ms: int, refused: str = "") -> dict[str, Any]:
    """How the installation is; where the database cannot be read, or refuses to be written, that is the trouble."""
    told: dict[str, Any] = {
        "at": iso(now_ms),
        "at_ms": now_ms,
        "engine": engine,
        "pid": os.getpid(),
        "version": __version__,
    }
    trouble = [refused] if refused else []
    try:
        integrations = await health_rows.health_rows(db, now_ms=now_ms)
        states = await chores.states(db)
        trouble += [failing] if (failing := await failing_part(db, now_ms=now_ms)) else []
        async with db.read() as c:
            told["runs_under_way"] = len(await runs.active(c))
    except SisconError as error:
        return told | {"state": Word.TROUBLE.value, "trouble": [error.sentence]}
    for row in integrations:
        row.pop("entities")
        if row["needs_person"] or row["state"] in IN_TROUBLE:
            trouble.append(f"{row['integration']} {_how(row)}" + (f": {row['why']}" if row["why"] else ""))
        if row["webhooks"]:
            trouble.append(f"{row['integration']}: {row['webhooks']}")
    known = [chores.chore_row(one, now_ms=now_ms) for one in states]
    trouble += [f"{one['name']} failed: {one['told']}" for one in known if one["state"] == "failed"]
    trouble += [
        f"{one.name} has been due for more than an hour"
        for one in states
        if now_ms - one.due_at_ms > OVERDUE_MS and one.last_ok is not False
    ]
    trouble += await _mute_channels(db, now_ms)
    free_mib = shutil.disk_usage(home).free // MIB
    if free_mib < LEAST_FREE_MIB:
        trouble.append(f"{free_mib} MiB are free on the disk of the home")
    told |= {"free_mib": free_mib, "integrations": integrations, "chores": known}
    told["trouble"] = [plain(one, limit=500) for one in trouble]
    return told | {"state": (Word.TROUBLE if trouble else Word.GOOD).value}


def _how(row: Row) -> str:
    """What is wrong with an integration, whatever it is doing at this moment."""
    if row["state"] in IN_TROUBLE:
        return f"is {row['state']}"
    return "is failing" if row["failing_since"] else "needs a login"


async def _mute_channels(db: Database, now_ms: int) -> list[str]:
    """Channels to people that take nothing, and messages of the last day that somebody will never have."""
    async with db.read() as c:
        states = await channels.bare_states(c)
        lost = await channels.lost_since(c, now_ms - DAY_MS)
    dead = [
        f"the channel {one.name} takes nothing: {one.last_error}" for one in states.values() if one.is_dead
    ]
    return dead + [
        f"{counted(n, 'message')} of the last day to {name} {agreed(n, 'was', 'were')} lost: 'siscon notices list "
        "--messages' says why"
        for name, n in lost.items()
    ]


def ended(told: Mapping[str, Any], *, now_ms: int) -> dict[str, Any]:
    """The last page of an engine that was told to end: what it knew is no news of now."""
    why = f"the engine ended at {iso(now_ms)}, as it was told to"
    return {**told, "at": iso(now_ms), "at_ms": now_ms, "state": Word.UNKNOWN.value, "why": why}


def write(home: Path, told: Mapping[str, Any]) -> None:
    """Put the page in its place, whole; it is not worth a sync of the disk. Raises ``OSError``."""
    unfinished = home / f".{FILE}.{os.getpid()}.part"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=True)
            file.write("\n")
        unfinished.replace(home / FILE)
    finally:
        unfinished.unlink(missing_ok=True)


def judge(file: Path, *, max_age_s: float, now_ms: int) -> Judged:
    """What the page says, as long as it is young enough to be believed."""
    try:
        with file.open("rb") as opened:
            told = json.loads(opened.read(MAX_BYTES))
        at_ms, word = int(told["at_ms"]), Word(told["state"])
    except FileNotFoundError:
        return Judged(Word.UNKNOWN, {}, f"{file} is not there: no engine has run here yet")
    except OSError as error:
        return Judged(Word.UNKNOWN, {}, f"{file} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        return Judged(Word.UNKNOWN, {}, f"{file} is no page about health")
    age_s = (now_ms - at_ms) / 1000
    if age_s > max_age_s:
        return Judged(Word.UNKNOWN, told, f"the engine wrote last {age_s:,.0f} s ago: it has ended, or hangs")
    if age_s < -max_age_s:
        return Judged(Word.UNKNOWN, told, f"the page is from {-age_s:,.0f} s in the future: a clock is wrong")
    return Judged(word, told, str(told.get("why", "")) if word is Word.UNKNOWN else "")
