"""Migrations: all or nothing, with a copy for the way back."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from siscon.domain.errors import DatabaseError
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
