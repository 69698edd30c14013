"""Writes the newest seal of the audit beside the log: every 15 seconds with news, and when whoever wrote leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from siscon.domain.errors import SisconError
from siscon.store import audit, heads
from siscon.store.database import Database
from siscon.store.vault import Vault

log = logging.getLogger(__name__)

WRITE_EVERY_S = 15.0


class HeadKeeper:
    """Remembers which act it wrote down last."""

    def __init__(self, db: Database, vault: Vault, home: Path, *, now_ms: Callable[[], int]) -> None:
        self._db = db
        self._vault = vault
        self._path = home / "logs" / heads.FILE
        self._now_ms = now_ms
        self._written = 0

    async def write(self) -> None:
        """Write the head down if there is a newer one; a disk that refuses is told to the log."""
        try:
            async with self._db.read() as c:
                await heads.settle_announced(c, self._path)
                told = await heads.line_of(c, self._vault, at_ms=self._now_ms(), after_seq=self._written)
                seal = (await audit.head(c))[1]
            if told is None:
                return
            kept = heads.newest(self._path)
            if kept is not None and kept.seal == seal:
                self._written = told[0]
                return
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            heads.append(self._path, told[1])
            self._written = told[0]
        except SisconError as error:
            log.warning("the head of the audit was not kept: %s", error.sentence)
        except OSError as error:
            log.warning("the head of the audit was not kept: %s", error.strerror)

    async def keep(self) -> None:
        """Write at once and every 15 seconds, for ever."""
        while True:
            await self.write()
            await asyncio.sleep(WRITE_EVERY_S)
