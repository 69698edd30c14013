"""The last imports of an integration beside each other: for the screen, and as rows for the command line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from siscon.domain.comparing import MOST, Column, beside
from siscon.domain.errors import UsageError
from siscon.ops.run_rows import run_row
from siscon.store import outcomes, run_counts, runs
from siscon.store.database import Database


async def last_imports(
    db: Database, integration: str, *, last: int = MOST, chosen: Collection[int] = ()
) -> list[Column]:
    """The last imports that ended or are held, or those that somebody chose among them; the oldest first.

    Raises ``UsageError`` where the chosen ones are of several integrations.
    """
    async with db.read() as c:
        wanted = sorted(chosen)[-MOST:] or await outcomes.last(c, integration, limit=min(last, MOST))
        found = await runs.by_ids(c, wanted)
        if strange := {run.integration for run in found} - {integration}:
            raise UsageError(f"Runs of one integration stand side by side; {min(strange)} is another.")
        return beside([(run, await run_counts.of_run(c, run.id)) for run in found])


def compared_row(column: Column) -> dict[str, Any]:
    """One import as a row: what ``runs list`` tells, its counts by name, and what is sudden of them."""
    head = run_row(column.run, ())
    keys = ("id", "integration", "status", "full", "requested_by", "started_at", "finished_at", "error")
    return {
        **{key: head[key] for key in keys},
        "counts": dict(column.counts),
        "sudden": {name: change.what.value for name, change in column.sudden.items()},
    }
