"""What would go because it is too old, for whoever asks before it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from siscon.domain.retention import WORDS, cutoffs
from siscon.ops.rows import Row, iso
from siscon.store import old_files, retention
from siscon.store.database import Database

COLUMNS = ("what", "count", "days", "before", "mib")
OF_RUNS = ("images", "questions", "errors")
"""These go with the runs."""
MIB = 1 << 20


async def preview(db: Database, home: Path, days: Mapping[str, int], *, now_ms: int) -> list[Row]:
    """A row for each thing of which anything is too old: how many, and before which moment."""
    moments = cutoffs(days, now_ms)
    async with db.read() as c:
        found = await retention.too_old(c, moments)
    files = old_files.old_files(home, moments)
    counts = found.counts | {name: len(paths) for name, paths in files.items() if paths}
    sizes = {name: sum(one.lstat().st_size for one in paths) for name, paths in files.items()}
    sizes["images"] = found.image_bytes
    rows: list[Row] = []
    for name, (_one, word) in WORDS.items():
        if name not in counts:
            continue
        kind = "runs" if name in OF_RUNS else name
        rows.append(
            {
                "what": word,
                "count": counts[name],
                "days": days[kind],
                "before": iso(getattr(moments, kind)),
                "mib": sizes[name] / MIB if name in sizes else None,
            }
        )
    return rows
