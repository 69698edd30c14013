"""What an examination says of upkeep: whether there is a backup young enough, and how the chores go."""

from __future__ import annotations

from pathlib import Path

from siscon.domain.backups import installation_id
from siscon.domain.chores import ChoreState
from siscon.domain.errors import SisconError
from siscon.ops import backups, chores
from siscon.ops.checks import Check, State
from siscon.store import audit, maintenance
from siscon.store.database import Database

OLD_MS = 8 * 24 * 3600 * 1000
OVERDUE_MS = 3600 * 1000
HOUR_MS = 3600 * 1000
MIB = 1 << 20


async def check_backups(db: Database, folder: Path, *, scheduled: bool, now_ms: int) -> Check:
    """How old the newest backup of this installation is."""
    async with db.read() as c:
        installation = installation_id(await audit.seal_of(c, 1))
    try:
        made_ms = backups.newest_ms(folder, installation, now_ms=now_ms)
    except SisconError as error:
        return Check("backup", State.WARN, error.sentence, "give this account the right to read there")
    if made_ms is None:
        advice = "the first one is made by schedule; 'siscon backup now' makes one at once"
        return Check("backup", State.OK if scheduled else State.WARN, f"none yet in {folder}", advice)
    seen = f"the newest is {_age(now_ms - made_ms)} old, in {folder}"
    if now_ms - made_ms > OLD_MS:
        return Check("backup", State.WARN, seen, "see 'siscon chores list'; 'siscon backup now' makes one")
    return Check("backup", State.OK, seen)


async def check_chores(db: Database, *, now_ms: int) -> list[Check]:
    """A line for each chore that failed the last time or waits for too long, or one for all that are well."""
    known = await chores.states(db)
    bad = [check for one in known if (check := _check(one, now_ms=now_ms)) is not None]
    if bad or not known:
        return bad
    return [Check("chores", State.OK, ", ".join(one.name for one in known))]


def check_files(home: Path, database: Path, folder: Path) -> Check:
    """How large what lies beside the database is."""
    log, logs, copies = maintenance.log_bytes(database), _bytes_in(home / "logs"), _bytes_in(folder)
    seen = f"log of the database {_mib(log)}, logs {_mib(logs)}, backups {_mib(copies)}"
    if log > 4 * maintenance.LARGE_LOG_BYTES:
        advice = "a console that has hung since long may need it: end it; 'siscon chores run checkpoint' tries again"
        return Check("files", State.WARN, seen, advice)
    return Check("files", State.OK, seen)


def _bytes_in(folder: Path) -> int:
    try:
        return sum(one.lstat().st_size for one in folder.iterdir() if one.is_file())
    except OSError:
        return 0


def _mib(size: int) -> str:
    return f"{size / MIB:,.1f} MiB"


def _check(one: ChoreState, *, now_ms: int) -> Check | None:
    name = f"chore {one.name}"
    if one.last_ok is False:
        return Check(
            name,
            State.WARN,
            f"failed the last time: {one.last_told}",
            f"'siscon chores run {one.name}' tries again",
        )
    if now_ms - one.due_at_ms > OVERDUE_MS:
        overdue = f"has been due for {_age(now_ms - one.due_at_ms)}"
        return Check(name, State.WARN, overdue, "an engine does it: 'siscon serve'")
    return None


def _age(ms: int) -> str:
    hours = max(0, ms) // HOUR_MS
    return f"{hours // 24} d {hours % 24} h" if hours >= 48 else f"{hours} h"
