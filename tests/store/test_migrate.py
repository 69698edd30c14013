"""Migrations: all or nothing, with a copy for the way back."""

from __future__ import annotations

import fcntl
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from siscon.domain.errors import DatabaseError
from siscon.store import soundness
from siscon.store.migrate import Migration, known_migrations, migrate, statements, version_of

FIRST = Migration(1, "0001_first", "-- the first\nCREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (7);\n")
SECOND = Migration(2, "0002_second", "ALTER TABLE a ADD COLUMN y TEXT;\n")
BROKEN = Migration(3, "0003_broken", "CREATE TABLE b (x INTEGER);\nCREATE TABLE a (x INTEGER);\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "siscon.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        yield opened


def tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_an_empty_database_is_filled_without_a_copy(connection: sqlite3.Connection, path: Path) -> None:
    assert migrate(connection, path, now_ms=5, migrations=[FIRST, SECOND]) == 2

    assert version_of(connection) == 2
    assert connection.execute("SELECT version, name, applied_at_ms FROM schema_migrations").fetchall() == [
        (1, "0001_first", 5),
        (2, "0002_second", 5),
    ]
    assert list(path.parent.iterdir()) == [path]


def test_a_database_that_holds_tables_is_copied_before_it_is_changed(
    connection: sqlite3.Connection, path: Path
) -> None:
    migrate(connection, path, now_ms=5, migrations=[FIRST])
    migrate(connection, path, now_ms=6, migrations=[FIRST, SECOND])
    copy = path.with_name("siscon.db.before-2")

    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as before:
        assert version_of(before) == 1
        assert before.execute("SELECT * FROM a").fetchall() == [(7,)]
    assert {one.name for one in path.parent.iterdir()} == {path.name, copy.name}


def test_what_a_copy_that_was_killed_has_left_goes_but_none_that_is_under_way(
    connection: sqlite3.Connection, path: Path
) -> None:
    migrate(connection, path, now_ms=5, migrations=[FIRST])
    dead, alive = (path.with_name(f"siscon.db.before-2.{one}.part") for one in (11, 12))
    for one in (dead, dead.with_name(f"{dead.name}-journal"), alive):
        one.write_bytes(b"half")
    with alive.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        migrate(connection, path, now_ms=6, migrations=[FIRST, SECOND])

    assert {one.name for one in path.parent.iterdir()} == {path.name, "siscon.db.before-2", alive.name}


def test_a_migration_that_fails_leaves_everything_as_it_was(
    connection: sqlite3.Connection, path: Path
) -> None:
    migrate(connection, path, now_ms=5, migrations=[FIRST])
    before = tables(connection)
    with pytest.raises(sqlite3.Error):
        migrate(connection, path, now_ms=6, migrations=[FIRST, SECOND, BROKEN])

    assert version_of(connection) == 1
    assert tables(connection) == before
    assert not connection.in_transaction


def test_up_to_date_means_untouched(connection: sqlite3.Connection, path: Path) -> None:
    migrate(connection, path, now_ms=5, migrations=[FIRST])
    before = path.read_bytes()
    migrate(connection, path, now_ms=6, migrations=[FIRST])

    assert path.read_bytes() == before


def test_a_newer_database_is_refused_with_both_versions_named(
    connection: sqlite3.Connection, path: Path
) -> None:
    migrate(connection, path, now_ms=5, migrations=[FIRST, SECOND])
    with pytest.raises(DatabaseError, match=r"schema 2; .* knows schemas up to 1") as refused:
        migrate(connection, path, now_ms=6, migrations=[FIRST])

    assert refused.value.code == "newer_database"
    assert "before-" not in refused.value.sentence, "there is no copy to go back to"


def test_the_programs_own_migrations_are_numbered_without_gaps(
    connection: sqlite3.Connection, path: Path
) -> None:
    known = known_migrations()

    assert [one.version for one in known] == list(range(1, len(known) + 1))
    assert migrate(connection, path, now_ms=5) == len(known)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_table_without_rowid_begins_with_its_key_for_else_sqlite_3_40_calls_it_damaged(
    connection: sqlite3.Connection, path: Path
) -> None:
    migrate(connection, path, now_ms=5)

    for (name,) in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%'"
    ).fetchall():
        places = [row[5] for row in connection.execute(f"PRAGMA table_info({name})")]
        key = [place for place in places if place]
        assert places[: len(key)] == list(range(1, len(key) + 1)), name


def test_a_database_whose_windows_were_announced_is_sound_before_and_after_its_upgrade(
    connection: sqlite3.Connection, path: Path
) -> None:
    known = known_migrations()
    migrate(connection, path, now_ms=5, migrations=known[:13])
    connection.execute(
        "INSERT INTO blackout_news (integration, name, begin_ms, end_ms, what) VALUES ('', 'summer', 1, 2, 'begun')"
    )

    assert soundness.faults(connection.execute(soundness.THOROUGH_CHECK)) == []
    assert migrate(connection, path, now_ms=6) == known[-1].version
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT name, begin_ms, end_ms, what FROM blackout_news").fetchall() == [
        ("summer", 1, 2, "begun")
    ]


def test_a_script_falls_into_its_statements() -> None:
    script = (
        "-- why; because\nCREATE TABLE a (x TEXT DEFAULT ';');\n\nDELETE FROM a\nWHERE x = ';\n';\n-- end\n"
    )

    assert [one.split("\n")[-2] for one in statements(script)] == [
        "CREATE TABLE a (x TEXT DEFAULT ';');",
        "';",
    ]
    with pytest.raises(DatabaseError):
        list(statements("CREATE TABLE a (x"))


def test_a_database_of_the_second_schema_keeps_its_runs_plans_and_ties(
    connection: sqlite3.Connection, path: Path
) -> None:
    """What refers to a table that is made anew stays: plans that wait for a person, counts, images."""
    known = known_migrations()
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection, path, now_ms=5, migrations=known[:2])
    for statement in (
        "INSERT INTO integrations (name, provider, title, activated_at_ms) VALUES ('harbor', 'fake', 'Fake', 1)",
        (
            "CREATE TABLE harbor_mappings (id INTEGER PRIMARY KEY, entity_type TEXT, external_id TEXT, "
            "missing_since INTEGER, missing_runs INTEGER NOT NULL DEFAULT 0) STRICT"
        ),
        "INSERT INTO harbor_mappings (entity_type, external_id) VALUES ('student', 'u1')",
        (
            "INSERT INTO runs (integration, kind, lane, status, phase, entities, requested_by, queued_at_ms) "
            "VALUES ('harbor', 'import', 'bulk', 'held', 'plan', '[]', 'ada', 1)"
        ),
        "INSERT INTO run_counts (run_id, entity, position) VALUES (1, 'student', 0)",
        (
            "INSERT INTO staged (run_id, entity, external_id, body, fingerprint, verdict) "
            "VALUES (1, 'student', 'u1', '{}', 'f', 'update')"
        ),
        (
            "INSERT INTO changes (at_ms, run_id, integration, entity, external_id, internal_id, kind, after) "
            "VALUES (1, 1, 'harbor', 'student', 'u1', 7, 'created', '{}')"
        ),
        "INSERT INTO cursors (integration, entity, run_id, applied_to) VALUES ('harbor', 'student', 1, 'u0')",
    ):
        connection.execute(statement)

    assert migrate(connection, path, now_ms=6) == known[-1].version

    assert connection.execute("SELECT id, status, dry, request FROM runs").fetchall() == [
        (1, "held", 0, "{}")
    ]
    assert connection.execute("SELECT entity, applied_to, left_out FROM run_counts").fetchall() == [
        ("student", "u0", 0)
    ]
    assert connection.execute("SELECT external_id, verdict FROM staged").fetchall() == [("u1", "update")]
    assert connection.execute("SELECT internal_id, kind, base FROM changes").fetchall() == [
        (7, "created", None)
    ]
    assert connection.execute("SELECT external_id, withdrawn_at FROM harbor_mappings").fetchall() == [
        ("u1", None)
    ]
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    connection.execute(
        "INSERT INTO runs (integration, kind, lane, status, entities, requested_by, queued_at_ms) "
        "VALUES ('harbor', 'undo', 'single', 'planned', '[]', 'ada', 1)"
    )
    assert connection.execute("SELECT max(id) FROM runs").fetchone() == (2,)
    connection.execute("DELETE FROM runs WHERE id = 1")
    assert connection.execute("SELECT count(*) FROM staged").fetchone() == (0,)


def test_a_writer_that_leaves_the_version_alone_gets_a_new_one(
    connection: sqlite3.Connection, path: Path
) -> None:
    migrate(connection, path, now_ms=5)
    connection.execute(
        "INSERT INTO students (id, first_name, status, created_at_ms, updated_at_ms) VALUES (1, 'Ada', 'active', 1, 1)"
    )

    connection.execute("UPDATE students SET first_name = 'Bea'")
    version, edited = connection.execute("SELECT version, edited_at_ms FROM students").fetchone()
    connection.execute("UPDATE students SET first_name = 'Cleo', version = version + 1")

    assert version == 2
    assert edited > 1_700_000_000_000
    assert connection.execute("SELECT version, edited_at_ms FROM students").fetchone() == (3, edited)
