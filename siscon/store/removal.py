"""What goes when an integration goes, and how much of each there is: its ties and open questions, never the roster."""

from __future__ import annotations

from collections.abc import Mapping

from siscon.store import mappings
from siscon.store.database import Connection

_COUNTED = {
    "dead_records": "SELECT count(*) AS n FROM dead_records WHERE integration = :name AND status = 'open'",
    "conflicts": "SELECT count(*) AS n FROM conflicts WHERE integration = :name AND status = 'open'",
    "tokens": "SELECT count(*) AS n FROM tokens WHERE integration = :name AND access IS NOT NULL",
}
_CLEARED = (
    "DELETE FROM dead_records WHERE integration = :name",
    "DELETE FROM conflicts WHERE integration = :name",
    "DELETE FROM aliases WHERE integration = :name",
    "DELETE FROM tokens WHERE integration = :name",
    "DELETE FROM cursors WHERE integration = :name",
    "DELETE FROM rate_limits WHERE key = :name",
    "UPDATE webhook_inbox SET state = 'ignored' WHERE integration = :name AND state IN ('waiting', 'taken')",
    "DELETE FROM schedules WHERE integration = :name",
    "DELETE FROM schedule_runs WHERE integration = :name",
    "DELETE FROM schedule_misses WHERE integration = :name",
)
MARK = """
UPDATE integrations SET removed_at_ms = :now_ms, enabled = 0, paused = 0, paused_until_ms = NULL, next_due_at_ms = NULL,
  last_good_at_ms = NULL,
  last_error = '', failing_since_ms = NULL, breaker_state = 'closed', breaker_failures = 0, breaker_until_ms = NULL,
  coverage = ''
WHERE name = :name
"""


async def counts(c: Connection, name: str) -> dict[str, int]:
    """How many mappings, dead records, conflicts and tokens would go."""
    found = {"mappings": await mappings.count(c, name)}
    for what, sql in _COUNTED.items():
        row = await c.one(sql, {"name": name})
        found[what] = int(row["n"]) if row is not None else 0
    return found


async def remove(c: Connection, name: str, *, now_ms: int) -> Mapping[str, int]:
    """Take an integration away with all that is its own; what went. The roster, the runs and the audit stay."""
    gone = await counts(c, name)
    await mappings.empty_table(c, name)
    for sql in _CLEARED:
        await c.run(sql, {"name": name})
    await c.run(MARK, {"name": name, "now_ms": now_ms})
    return gone
