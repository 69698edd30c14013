"""The chore that removes what is too old: a few rows in each transaction, so that syncs go on between them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from siscon.domain.errors import DatabaseError
from siscon.domain.leases import Lease
from siscon.domain.retention import Cutoffs, cutoffs, in_words
from siscon.engine.chores import is_doubtful
from siscon.engine.noting import ENGINE
from siscon.store import audit, heads, maintenance, old_files, retention
from siscon.store.database import Database
from siscon.store.vault import Vault

log = logging.getLogger(__name__)

CHORE = "retention"
BREATHE_S = 0.01
"""Between two transactions, for whoever waits to write."""
RUNS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Retention:
    """Removes what is older than so many ``days``, by what it is."""

    db: Database
    home: Path
    database: Path
    vault: Vault
    days: Mapping[str, int]
    now_ms: Callable[[], int]

    async def purge(self, lease: Lease) -> str:
        """Remove it, note the counts in the audit, leave nothing of it in the log of the database; a sentence.

        Long overdue it only says so: see :func:`is_doubtful`.
        """
        if await is_doubtful(self.db, CHORE, now_ms=self.now_ms()):
            return "put off until the next time: the clock leapt, or nothing ran for long; 'siscon purge' does it now"
        moments = cutoffs(self.days, self.now_ms())
        gone: Counter[str] = Counter()
        try:
            await self._purge_rows(lease, moments, gone)
            self._purge_files(moments, gone)
        finally:
            await self._note(lease, gone)
        if not gone:
            return "nothing is too old"
        if not await asyncio.to_thread(maintenance.empty_log, self.database):
            log.warning("the log of the database could not be emptied after a purge: a reader needs it")
        return f"{in_words(gone)} went"

    async def _purge_rows(self, lease: Lease, moments: Cutoffs, gone: Counter[str]) -> None:
        if moments.events is not None:
            async with self.db.read() as c:
                upto = await retention.events_upto(c, moments.events, now_ms=moments.now)
            await self._drop(lease, "events", upto, gone)
        if moments.raw is not None:
            await self._drop(lease, "raw", moments.raw, gone)
        if moments.requests is not None:
            await self._drop(lease, "requests", moments.requests, gone)
        if moments.runs is not None:
            await self._drop_runs(lease, moments.runs, gone)
            await self._drop(lease, "questions", moments.runs, gone)
            await self._drop(lease, "errors", moments.runs, gone)

    async def _drop(self, lease: Lease, name: str, before: int, gone: Counter[str]) -> None:
        while True:
            async with self.db.transaction(lease) as c:
                count = await retention.drop_some(c, name, before=before)
            if not count:
                return
            gone[name] += count
            await asyncio.sleep(BREATHE_S)

    async def _drop_runs(self, lease: Lease, before_ms: int, gone: Counter[str]) -> None:
        """Runs with their images; whoever stops here leaves runs without some images, and the next time goes on."""
        async with self.db.read() as c:
            run_ids = await retention.old_runs(c, before_ms)
        for at in range(0, len(run_ids), RUNS_AT_ONCE):
            some = run_ids[at : at + RUNS_AT_ONCE]
            while True:
                async with self.db.transaction(lease) as c:
                    images = await retention.drop_images(c, some)
                    if not images:
                        gone["runs"] += await retention.drop_runs(c, some)
                gone["images"] += images
                await asyncio.sleep(BREATHE_S)
                if not images:
                    break

    def _purge_files(self, moments: Cutoffs, gone: Counter[str]) -> None:
        try:
            for name, paths in old_files.old_files(self.home, moments).items():
                old_files.remove(paths)
                gone[name] += len(paths)
            with suppress(FileNotFoundError):
                heads.thin(self.home / "logs" / heads.FILE, now_ms=self.now_ms())
        except OSError as error:
            raise DatabaseError(
                f"An old file could not be removed: {error.strerror}. Give this account the right to the home.",
                code="old_files",
            ) from error

    async def _note(self, lease: Lease, gone: Counter[str]) -> None:
        counts = {name: n for name, n in gone.items() if n}
        gone.clear()
        gone.update(counts)
        if not counts:
            return
        async with self.db.transaction(lease) as c:
            await audit.append(
                c,
                self.vault,
                actor=ENGINE,
                action="purge",
                target="what is too old",
                detail={**counts, "days": dict(self.days)},
                at_ms=self.now_ms(),
            )
