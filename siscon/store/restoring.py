"""What a backup is told before it takes the place of a database: what was of one host, and what is newer elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from siscon.domain.deliveries import GIVE_UP_MS
from siscon.store import migrate
from siscon.store.change_signal import address
from siscon.store.database import Connection
from siscon.store.sqlite_faults import database_error

# Engines and leases of the host where the backup was made; whoever held a lease shows a fence that opens nothing here.
FREE_LEASES = "UPDATE leases SET owner = '', expires_at_ms = 0, fence = fence + 1"
STOP_ENGINES = "UPDATE engines SET stopped_at_ms = :now_ms WHERE stopped_at_ms IS NULL"
# Wishes of that time: they were carried out since, or nobody wants them any more.
TAKE_BACK = """
UPDATE commands SET status = 'taken_back', answered_at_ms = :now_ms, answer = :answer WHERE status = 'pending'
"""
# Nobody needs last week's alarm, and perhaps it was sent since.
LET_OLD_MESSAGES_GO = """
UPDATE outbox SET state = 'given up', ended_at_ms = :now_ms, error = :why
WHERE state = 'waiting' AND put_at_ms < :before_ms
"""
ANSWER = "Taken back: the database was restored from a backup of before. Ask again if it is still wanted."

# What must not be older than it was: ids and names once given, logins that were renewed or dropped, pauses that an SIS
# asked for, the memory of webhooks, what people have been told. What webhooks told since is fetched once more, for what
# was fetched then is gone.
KEEP_AHEAD = (
    """
INSERT INTO main.sequences (name, next) SELECT name, next FROM replaced.sequences WHERE true
ON CONFLICT (name) DO UPDATE SET next = max(next, excluded.next)
""",
    """
INSERT INTO main.accounts (name, internal_id, given_at_ms) SELECT name, internal_id, given_at_ms
FROM replaced.accounts WHERE true ON CONFLICT (name) DO NOTHING
""",
    """
INSERT INTO main.retired_keys (id, retired_at_ms) SELECT id, retired_at_ms FROM replaced.retired_keys WHERE true
ON CONFLICT (id) DO NOTHING
""",
    """
INSERT INTO main.rate_limits (key, tat_ms, pause_until_ms) SELECT key, tat_ms, pause_until_ms
FROM replaced.rate_limits WHERE true
ON CONFLICT (key) DO UPDATE SET tat_ms = max(tat_ms, excluded.tat_ms),
  pause_until_ms = max(pause_until_ms, excluded.pause_until_ms)
""",
    """
INSERT INTO main.webhook_inbox (integration, key, digest, event, hints, sent_at_ms, arrived_at_ms, state)
SELECT integration, key, digest, event, hints, sent_at_ms, arrived_at_ms,
  CASE state WHEN 'ignored' THEN 'ignored' ELSE 'waiting' END
FROM replaced.webhook_inbox WHERE true ORDER BY id ON CONFLICT (integration, key) DO NOTHING
""",
    """
INSERT INTO main.webhook_floors (integration, sent_at_ms) SELECT integration, sent_at_ms
FROM replaced.webhook_floors WHERE true
ON CONFLICT (integration) DO UPDATE SET sent_at_ms = max(sent_at_ms, excluded.sent_at_ms)
""",
    """
INSERT OR REPLACE INTO main.tokens SELECT t.* FROM replaced.tokens t
WHERE EXISTS (SELECT 1 FROM main.integrations i WHERE i.name = t.integration)
""",
    """
DELETE FROM main.tokens WHERE integration IN (SELECT name FROM replaced.integrations)
  AND integration NOT IN (SELECT integration FROM replaced.tokens)
""",
    "DELETE FROM main.notices",
    "INSERT INTO main.notices SELECT * FROM replaced.notices",
    "DELETE FROM main.outbox",
    "INSERT INTO main.outbox SELECT * FROM replaced.outbox",
    "DELETE FROM main.channels",
    "INSERT INTO main.channels SELECT * FROM replaced.channels",
    """
UPDATE main.notice_watch SET event_id = max(main.notice_watch.event_id, r.event_id), looked_at_ms = r.looked_at_ms,
  digest_at_ms = max(main.notice_watch.digest_at_ms, r.digest_at_ms)
FROM (SELECT * FROM replaced.notice_watch) r
""",
)
# Numbers of runs, events, requests and the like that were given, so that none comes twice.
KEEP_NUMBERS_AHEAD = (
    """
UPDATE main.sqlite_sequence SET seq = max(seq, coalesce(
  (SELECT r.seq FROM replaced.sqlite_sequence r WHERE r.name = main.sqlite_sequence.name), 0))
""",
    """
INSERT INTO main.sqlite_sequence (name, seq) SELECT r.name, r.seq FROM replaced.sqlite_sequence r
WHERE r.name NOT IN (SELECT name FROM main.sqlite_sequence) AND r.name IN (SELECT name FROM main.sqlite_schema)
""",
)
SAME_INSTALLATION = """
SELECT EXISTS (SELECT 1 FROM main.audit a JOIN replaced.audit b ON b.seq = a.seq AND b.seal = a.seal AND a.seq = 1)
"""
HEAD = "SELECT seq, seal FROM audit ORDER BY seq DESC LIMIT 1"


async def belongs_to_nobody(c: Connection, *, now_ms: int) -> None:
    """Let no engine of another host hold anything, no old wish be carried out, and no old message be sent."""
    await c.run(FREE_LEASES)
    await c.run(STOP_ENGINES, {"now_ms": now_ms})
    await c.run(TAKE_BACK, {"now_ms": now_ms, "answer": ANSWER})
    told = {"now_ms": now_ms, "why": "the database was restored", "before_ms": now_ms - GIVE_UP_MS}
    await c.run(LET_OLD_MESSAGES_GO, told)


def keep_ahead(copy: Path, replaced: Path) -> bool:
    """Take over into a copy what must not be older than in the database that it replaces; whether that was done.

    Only where both are of one installation and of this schema: else the copy stays as it is.
    """
    newest = migrate.known_migrations()[-1].version
    with closing(sqlite3.connect(address(copy, "rw"), uri=True, isolation_level=None)) as connection:
        try:
            connection.execute("ATTACH :file AS replaced", {"file": address(replaced, "ro")})
            if connection.execute("PRAGMA replaced.user_version").fetchone()[0] != newest:
                return False
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute(SAME_INSTALLATION).fetchone()[0]:
                connection.execute("ROLLBACK")
                return False
            for statement in (*KEEP_AHEAD, *KEEP_NUMBERS_AHEAD):
                connection.execute(statement)
            connection.execute("COMMIT")
        except sqlite3.DatabaseError:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            return False
    return True


def bring_up_to_date(copy: Path, *, now_ms: int) -> None:
    """Give a copy the newest schema; the backup itself is the way back."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            migrate.migrate(connection, copy, now_ms=now_ms)
    except sqlite3.Error as error:
        raise database_error(error, copy) from error


def settle(path: Path) -> None:
    """Bring a database and its log together in one file; raises ``DatabaseError`` while anybody has it open."""
    try:
        with closing(
            sqlite3.connect(address(path, "rw"), uri=True, isolation_level=None, timeout=1)
        ) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise database_error(error, path) from error


def mark_of(path: Path) -> tuple[int, int, int]:
    """Changes when anybody opens a settled file for writing; raises ``OSError`` where there is none."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def head_of(path: Path) -> tuple[int, bytes] | None:
    """Number and seal of the newest act in a file; None where there is none or it cannot be read."""
    try:
        with closing(sqlite3.connect(address(path, "ro"), uri=True)) as connection:
            row = connection.execute(HEAD).fetchone()
    except sqlite3.Error:
        return None
    return (int(row[0]), bytes(row[1])) if row else None
