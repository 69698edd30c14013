"""The chore that copies the database: copied as of one moment, examined, then named, and older copies let go.

Whatever touches the folder does so in a thread: it may lie on another machine that answers late, and leases must live.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from siscon import __version__
from siscon.domain import backups as naming
from siscon.domain.errors import DatabaseError
from siscon.domain.leases import Lease
from siscon.domain.text import counted, plain
from siscon.engine.aside import aside
from siscon.engine.chores import DoneInPart, is_doubtful
from siscon.engine.noting import ENGINE
from siscon.store import audit, backups, files, manifest, rekey
from siscon.store.backups import Facts, Look
from siscon.store.database import Database
from siscon.store.manifest import Entry
from siscon.store.vault import Vault

CHORE = "backup"
SPARE_BYTES = 64 << 20
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where copies go and how many stay."""

    folder: Path
    keep: int
    keep_days: int


@dataclass(frozen=True, slots=True)
class Backups:
    """Makes the copies of one database."""

    db: Database
    database: Path
    vault: Vault
    keeping: Keeping
    now_ms: Callable[[], int]

    async def make(self, lease: Lease) -> str:
        """Copy, examine, name, note, and let older copies go; a sentence.

        Raises ``DatabaseError``, and ``DoneInPart`` where the copy is there and only the rest failed.
        """
        async with self.db.read() as c:
            keys = tuple(sorted(await rekey.counts(c)))
            own = naming.installation_id(await audit.seal_of(c, 1))
        entry = await self._made(own, keys)
        try:
            doubtful = await is_doubtful(self.db, CHORE, now_ms=self.now_ms())
            gone = await asyncio.to_thread(self._superfluous, own, 0 if doubtful else self.keeping.keep_days)
            # Under the lease: an engine that was overtaken while it copied removes nothing.
            await self._note(lease, entry, gone)
            await asyncio.to_thread(self._let_go, own, entry, gone)
        except (OSError, DatabaseError) as error:
            why = error.sentence if isinstance(error, DatabaseError) else f"{error.strerror}."
            raise DoneInPart(
                f"{entry.file} was made and is sound, but in {plain(self.keeping.folder)} older ones were not let go "
                f"of, or the list was not written: {why} The next backup tries that again.",
                code="backups_kept",
            ) from error
        old = f"; {counted(len(gone), 'older one')} went" if gone else ""
        return f"{entry.file}: {entry.bytes / MIB:,.1f} MiB, examined{old}"

    async def _made(self, own: str, keys: tuple[str, ...]) -> Entry:
        """A new copy under its name."""
        try:
            target = await asyncio.to_thread(self._place, own)
            facts, size, digest = await aside(lambda look: self._copy(target, look))
        except OSError as error:
            raise DatabaseError(
                f"No backup was made in {plain(self.keeping.folder)}: {error.strerror}. Give the account that runs "
                "siscon the right to write there, and room.",
                code="backup",
            ) from error
        return Entry(
            file=target.name,
            at_ms=self.now_ms(),
            bytes=size,
            sha256=digest,
            schema=facts.schema,
            siscon=__version__,
            rows=facts.rows,
            keys=keys,
        )

    def _place(self, own: str) -> Path:
        """The file to be made; the folder is there, has room, and holds nothing of ours half done any more."""
        folder = self.keeping.folder
        folder.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
        for pattern in (f".siscon-{own}-*.part*", f".{manifest.file_of(own)}.*.part"):
            for unfinished in folder.glob(pattern):
                unfinished.unlink(missing_ok=True)
        needed, free = backups.size_of(self.database) + SPARE_BYTES, shutil.disk_usage(folder).free
        if free < needed:
            raise DatabaseError(
                f"No backup was made: {plain(folder)} has {free // MIB:,} MiB free and {needed // MIB:,} MiB are "
                "needed. Make room, or name another folder as upkeep.backup.folder.",
                code="no_room",
            )
        at_ms, number = self.now_ms(), 0
        while (target := folder / naming.name_of(own, at_ms, number)).exists():
            number += 1
        return target

    def _copy(self, target: Path, look: Look) -> tuple[Facts, int, str]:
        """A whole, sound copy under its final name; what it holds, its bytes and its digest."""
        unfinished = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part")
        try:
            meant = backups.copy(self.database, unfinished, look=look)
            held = backups.examine(unfinished, look=look)
            if held != meant:
                raise DatabaseError(
                    f"The copy for {target.name} does not hold what the database held, so it was thrown away. "
                    "See 'siscon doctor'.",
                    code="bad_copy",
                )
            digest = backups.digest_of(unfinished, look=look)
            size = unfinished.stat().st_size
            unfinished.rename(target)
            files.sync_folder(target.parent)
        finally:
            unfinished.unlink(missing_ok=True)
        return held, size, digest

    def _superfluous(self, own: str, keep_days: int) -> list[str]:
        """Our copies that the newest one makes superfluous."""
        there = [one.name for one in self.keeping.folder.iterdir() if one.is_file()]
        return naming.superfluous(
            there, installation=own, keep=self.keeping.keep, keep_days=keep_days, now_ms=self.now_ms()
        )

    def _let_go(self, own: str, entry: Entry, gone: list[str]) -> None:
        """Remove others, as far as they let themselves, and enter a new copy into the list; raises what kept one."""
        folder = self.keeping.folder
        kept: OSError | None = None
        for name in gone:
            try:
                (folder / name).unlink(missing_ok=True)
            except OSError as error:
                kept = error
        known = manifest.read(folder, own) | {entry.file: entry}
        manifest.write(folder, own, (one for one in known.values() if (folder / one.file).exists()))
        if kept is not None:
            raise kept

    async def _note(self, lease: Lease, entry: Entry, gone: list[str]) -> None:
        detail = {"sha256": entry.sha256, "bytes": entry.bytes, "superfluous": gone}
        async with self.db.transaction(lease) as c:
            await audit.append(
                c,
                self.vault,
                actor=ENGINE,
                action="make backup",
                target=entry.file,
                detail=detail,
                at_ms=self.now_ms(),
            )
