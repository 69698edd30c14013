"""The backups seen from the desk: those there are, and whether one is still what it was when it was made."""

from __future__ import annotations

import asyncio
from pathlib import Path

from siscon.domain import backups as naming
from siscon.domain.errors import DatabaseError
from siscon.domain.text import counted, plain
from siscon.ops.rows import Row, iso
from siscon.store import backups, manifest
from siscon.store.backups import Facts

COLUMNS = ("file", "at", "mib", "schema", "runs", "acts", "listed")
MIB = 1 << 20


def newest_ms(folder: Path, installation: str, *, now_ms: int) -> int | None:
    """When the newest backup of an installation was made, None where there is none.

    What a clock that was ahead made proves nothing.
    """
    own = naming.newest_first(_names(folder), installation=installation)
    made = [naming.made_at_ms(name) or 0 for name in own]
    return max((one for one in made if one <= now_ms + naming.DAY_MS), default=None)


def backup_rows(folder: Path) -> list[Row]:
    """A row for each backup in a folder, newest first; what it holds is told by the list beside it.

    ``installation`` None: an earlier build made it, whose names did not tell.
    """
    names = naming.newest_first(_names(folder))
    whose = {name: naming.installation_of(name) for name in names}
    known = {one: manifest.read(folder, one) for one in set(whose.values())}
    rows: list[Row] = []
    for name in names:
        told = known[whose[name]].get(name)
        rows.append(
            {
                "file": str(folder / name),
                "installation": whose[name],
                "at": iso(naming.made_at_ms(name)),
                "mib": (folder / name).stat().st_size / MIB,
                "listed": told is not None,
                "schema": told.schema if told else None,
                "siscon": told.siscon if told else None,
                "sha256": told.sha256 if told else None,
                "keys": list(told.keys) if told else None,
                "runs": told.rows.get("runs") if told else None,
                "acts": told.rows.get("audit") if told else None,
                "rows": dict(told.rows) if told else None,
            }
        )
    return rows


def _names(folder: Path) -> list[str]:
    try:
        return [one.name for one in folder.iterdir() if one.is_file() and not one.is_symlink()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatabaseError(f"{plain(folder)} cannot be read: {error.strerror}.", code="backup") from error


async def verified(path: Path) -> Row:
    """One backup read from end to end: ``sound``, or ``changed`` or ``damaged`` with the reason in ``told``."""
    return await asyncio.to_thread(_verified, path)


def _verified(path: Path) -> Row:
    row: Row = {
        "file": str(path),
        "state": "sound",
        "told": "not in the list beside it: only its pages were checked",
    }
    try:
        held = backups.examine(path, thorough=True)
        digest = backups.digest_of(path)
        row |= {"bytes": path.stat().st_size, "sha256": digest, "schema": held.schema}
        row |= {"newest_event_at": iso(held.newest_event_ms), "rows": dict(held.rows)}
        entry = manifest.read(path.parent, naming.installation_of(path.name)).get(path.name)
        if entry is not None and entry.sha256 != digest:
            return row | {"state": "changed", "told": "its digest is not the one noted when it was made"}
        if entry is not None:
            row["told"] = "as it was when it was made"
    except DatabaseError as error:
        return row | {"state": "damaged", "told": error.sentence}
    except OSError as error:
        return row | {"state": "damaged", "told": f"it cannot be read: {error.strerror}"}
    return row


def outlook_lines(database: Path, now: Facts | None, fault: str, backup: Path, held: Facts) -> list[str]:
    """What restoring would do, in sentences: both sides with their counts, and what is lost."""
    lines = [f"The backup {backup}: {_in_words(held)}."]
    if now is None:
        return [*lines, fault or f"{database} is not there yet: nothing is replaced."]
    lines.append(f"It would replace {database}: {_in_words(now)}.")
    gone = {name: now.rows.get(name, 0) - held.rows.get(name, 0) for name in ("runs", "changes", "audit")}
    told = [
        counted(n, word)
        for (name, n), word in zip(gone.items(), ("run", "change", "act"), strict=True)
        if n > 0
    ]
    if told:
        lines.append(
            f"What came after the backup goes with it: {', '.join(told)}. Syncs bring the roster up to date again."
        )
    return [
        *lines,
        "The file that is replaced is kept beside it. Edits and decisions made since are only in that one.",
    ]


def _in_words(facts: Facts) -> str:
    known = {"students": "student", "enrollments": "enrollment", "runs": "run", "audit": "act"}
    told = ", ".join(counted(facts.rows.get(name, 0), word) for name, word in known.items())
    last = f", last event {iso(facts.newest_event_ms)}" if facts.newest_event_ms is not None else ""
    return f"schema {facts.schema}, {told}{last}"
