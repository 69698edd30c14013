"""The audit seen from the desk: acts in their order, and whether the chain and its kept heads are whole."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from siscon.store import audit, heads, keys, rekey
from siscon.store.audit import AuditEntry
from siscon.store.database import Database

PAGE = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the audit found; ``first_bad`` is the first act that is not as it was written."""

    acts: int
    first_bad: int | None
    heads: int
    newest_head_seq: int
    newest_head_at_ms: int | None
    head_fault: str

    @property
    def is_whole(self) -> bool:
        return self.first_bad is None and not self.head_fault


async def entries(db: Database, *, limit: int | None = None) -> AsyncIterator[AuditEntry]:
    """Acts in their order, oldest first; with ``limit`` the newest so many."""
    async with db.read() as c:
        last, _seal = await audit.head(c)
    after = max(0, last - limit) if limit else 0
    while True:
        async with db.read() as c:
            found = await audit.entries(c, after_seq=after, limit=PAGE)
        for one in found:
            yield one
        if len(found) < PAGE:
            return
        after = found[-1].seq


async def verify(db: Database, home: Path) -> Verdict:
    """Check every act and every kept head; raises ``ConfigError`` without the key."""
    vault = keys.open_vault(keys.find_source(home, os.environ))
    async with db.read() as c:
        await rekey.check_fits(c, vault)
        acts, _seal = await audit.head(c)
        first_bad = await audit.verify(c, vault)
        kept, fault = await heads.verify(c, vault, home / "logs" / heads.FILE)
    newest = kept[-1] if kept else None
    return Verdict(
        acts, first_bad, len(kept), newest.seq if newest else 0, newest.at_ms if newest else None, fault
    )
