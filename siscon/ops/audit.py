"""The audit seen from the desk: acts in their order, and whether the chain and its kept heads are whole."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from siscon.ops.activity import AuditLog
from siscon.store import audit, heads, keys, rekey
from siscon.store.audit import AuditEntry
from siscon.store.database import Database

PAGE = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the audit found; ``first_bad`` is the first act that is not as it was written, or not there."""

    acts: int
    first_bad: int | None
    heads: int
    newest_head_seq: int
    newest_head_at_ms: int | None
    head_fault: str

    @property
    def uncovered(self) -> int:
        """How many of the newest acts no head covers yet: were they cut off, nothing would show it."""
        return max(0, self.acts - self.newest_head_seq)

    @property
    def is_whole(self) -> bool:
        return self.first_bad is None and not self.head_fault


async def entries(log: AuditLog, *, limit: int | None = None) -> AsyncIterator[AuditEntry]:
    """Acts in their order, oldest first; with ``limit`` the newest so many."""
    chunks = [await log.newest(limit)] if limit is not None else None
    async for chunk in _each(chunks) if chunks is not None else log.ids():
        for start in range(0, len(chunk), PAGE):
            part = chunk[start : start + PAGE]
            found = await log.rows(part)
            for seq in part:
                if seq in found:
                    yield found[seq]


async def _each(chunks: Sequence[Sequence[int]]) -> AsyncIterator[Sequence[int]]:
    for chunk in chunks:
        yield chunk


async def verify(db: Database, home: Path) -> Verdict:
    """Check every act and every kept head; raises ``ConfigError`` without the key."""
    vault = keys.open_vault(keys.find_source(home, os.environ))
    with suppress(OSError):
        async with db.read() as c:
            await heads.settle_announced(c, home / "logs" / heads.FILE)
    kept = heads.read(home / "logs" / heads.FILE)
    async with db.read() as c:
        await rekey.check_fits(c, vault)
        is_ours = await audit.is_ours(c)
        chain = await audit.walked(c, vault)
        acts = (await audit.head(c))[0] if is_ours else chain.seq
        found = await heads.verify(c, vault, kept)
    first_bad = chain.seq + 1 if chain.first_bad is None and found.is_missing else chain.first_bad
    fault = found.fault or ("" if is_ours else "the table of the audit is not the one that siscon made")
    newest = found.heads[-1] if found.heads else None
    return Verdict(
        acts,
        first_bad,
        len(found.heads),
        newest.seq if newest else 0,
        newest.at_ms if newest else None,
        fault,
    )
