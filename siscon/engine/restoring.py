"""Puts a backup in the place of a database: examined, told in the audit, and what it replaces is kept beside it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from siscon.domain.backups import NOBODY
from siscon.domain.errors import DatabaseError, UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.text import plain
from siscon.engine.lifeline import engines_with_locks, is_provably_gone
from siscon.store import audit, backups, events, files, heads, keys, rekey, restoring, sqlite
from siscon.store.backups import Facts
from siscon.store.database import Connection
from siscon.store.vault import Vault

ACTION = "restore backup"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database lives: its home, its file, and the environment in which its key is looked for."""

    home: Path
    database: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What restoring would do: what the backup holds, and what the database holds that it replaces.

    ``now`` None: there is no database, or it cannot be read, as ``fault`` says.
    """

    backup: Facts
    now: Facts | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. ``kept`` is the database that was replaced; ``ahead``: its ids and logins were taken over."""

    kept: Path | None
    ahead: bool
    act: int


def look(place: Place, backup: Path, *, foreign: bool = False) -> Outlook:
    """See what would come of it; raises ``DatabaseError`` for a bad backup.

    Raises ``UsageError`` while an engine is alive and, unless ``foreign``, for a backup of another installation.
    """
    check_nobody_works(place)
    if backup.resolve() == place.database.resolve():
        raise UsageError(f"{plain(backup)} is the database itself: name a backup.")
    held = backups.examine(backup, thorough=True)
    if not place.database.exists():
        return Outlook(held, None)
    try:
        now = backups.sight(place.database)
    except DatabaseError as error:
        return Outlook(held, None, error.sentence)
    if not foreign and now.installation not in (held.installation, NOBODY):
        raise UsageError(
            f"{plain(backup)} is of installation {held.installation}, and {plain(place.database)} of "
            f"{now.installation}: with it you would have the people of another district. If that is what you want, add "
            "--foreign.",
            code="foreign",
        )
    return Outlook(held, now)


def check_nobody_works(place: Place) -> None:
    """Refuse while an engine of this home lives, also one that is stopped."""
    for engine_id in engines_with_locks(place.home):
        if not is_provably_gone(place.home, engine_id):
            raise UsageError(
                f"Engine {plain(engine_id)} is alive: end it with 'siscon stop', then restore.",
                code="engine_alive",
            )


async def restore(
    place: Place, backup: Path, *, actor: str, reason: str, now_ms: Callable[[], int]
) -> Restored:
    """Put a backup in the place of the database. Until the last step the database is what it was."""
    check_nobody_works(place)
    place.home.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
    damaged = _settle(place.database)
    there = place.database.exists()
    mark = restoring.mark_of(place.database) if there else None
    for unfinished in place.home.glob(".restore-*"):  # of a restoration that was killed
        shutil.rmtree(unfinished, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=place.home) as folder:
        copy = Path(folder) / place.database.name
        try:
            shutil.copyfile(backup, copy)
            copy.chmod(files.PRIVATE_FILE)
            backups.examine(copy)  # what was copied, not what was looked at before
            digest = backups.digest_of(copy)
            restoring.bring_up_to_date(copy, now_ms=now_ms())
        except OSError as error:
            raise DatabaseError(
                f"{plain(backup)} could not be made ready in {plain(place.home)}; nothing was changed. Is there room?",
                code="no_copy",
                detail=str(error),
            ) from error
        ahead = there and not damaged and restoring.keep_ahead(copy, place.database)
        kept = _kept_as(place.database, now_ms()) if there else None
        detail = {"sha256": digest, "reason": reason, "kept": kept.name if kept else "", "ahead": ahead}
        if there and not damaged and (head := restoring.head_of(place.database)) is not None:
            detail |= {"replaced_act": head[0], "replaced_seal": head[1].hex()}
        act, line = await _tell(place, copy, actor, backup.name, detail, now_ms=now_ms())
        _settle(copy)
        check_nobody_works(place)
        _check_nobody_wrote(place.database, mark, damaged=damaged)
        kept_heads = _logs(place.home) / heads.FILE
        heads.announce(kept_heads, line)
        _swap(place.database, copy, kept)
    heads.append(kept_heads, line)
    return Restored(kept, ahead, act)


def _settle(database: Path) -> bool:
    """Bring file and log together; True where the file is too damaged for that."""
    if not database.exists():
        return False
    try:
        restoring.settle(database)
    except DatabaseError as error:
        if error.code == "damaged":
            return True
        if error.code != "locked":
            raise
        raise UsageError(
            f"{plain(database)} is open in another program, such as a console: close it, then restore.",
            code="in_use",
        ) from error
    return False


def _check_nobody_wrote(database: Path, mark: tuple[int, int, int] | None, *, damaged: bool) -> None:
    """Refuse where somebody opened the database meanwhile: what was taken over from it would not be the newest."""
    if not damaged:
        _settle(database)
    now = restoring.mark_of(database) if database.exists() else None
    if now != mark:
        raise UsageError(
            f"{plain(database)} was opened by another program meanwhile; nothing was changed. Keep consoles, receivers "
            "and engines ended, then restore again.",
            code="in_use",
        )


async def _tell(
    place: Place, copy: Path, actor: str, name: str, detail: dict[str, object], *, now_ms: int
) -> tuple[int, str]:
    """Let the restored database say what it is; the number of the act, and its line for the heads."""
    db = await sqlite.open_database(copy)
    try:
        async with db.read() as c:
            vault = await _vault(c, place)
        async with db.transaction() as c:
            from_act, _seal = await audit.head(c)
            await restoring.belongs_to_nobody(c, now_ms=now_ms)
            await audit.append(
                c,
                vault,
                actor=actor,
                action=ACTION,
                target=plain(name),
                detail={**detail, "from_act": from_act},
                at_ms=now_ms,
            )
            text = f"the database was restored from {plain(name)} by {plain(actor)}"
            await events.append(c, EventKind.DATABASE_RESTORED, Level.WARNING, text, at_ms=now_ms)
        async with db.read() as c:
            told = await heads.line_of(c, vault, at_ms=now_ms, restored_from=from_act)
    finally:
        await db.close()
    assert told is not None, "the act has just been written"
    return told


async def _vault(c: Connection, place: Place) -> Vault:
    """The keys of this installation, which must be those of the backup."""
    vault = keys.load_keys(place.home, place.environ, create=not await rekey.any_sealed(c))
    await rekey.check_fits(c, vault)
    return vault


def _kept_as(database: Path, now_ms: int) -> Path:
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    kept = database.with_name(f"{database.name}.replaced-{moment:%Y%m%dT%H%M%SZ}")
    if kept.exists():
        raise UsageError(f"{plain(kept)} is there already: try again in a second.")
    return kept


def _swap(database: Path, copy: Path, kept: Path | None) -> None:
    """The one step that counts: there is a database under its name at every moment."""
    try:
        if kept is not None:
            os.link(database, kept)
            for tail in ("-wal", "-shm"):  # of a file that was too damaged to be brought together with them
                side = database.with_name(database.name + tail)
                if side.exists():
                    side.rename(kept.with_name(kept.name + tail))
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        copy.replace(database)
        files.sync_folder(database.parent)
    except OSError as error:
        raise DatabaseError(
            f"{plain(database)} could not be replaced: {error.strerror}.", code="unusable_place"
        ) from error


def _logs(home: Path) -> Path:
    folder = home / "logs"
    folder.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
    return folder
