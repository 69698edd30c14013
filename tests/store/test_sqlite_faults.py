"""Every fault of the database has a sentence that says what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from siscon.store.sqlite_faults import database_error

PATH = Path("/srv/siscon.db")


def fault(code: int, name: str = "SQLITE_X") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("words of the library")
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_BUSY, "locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_READONLY, "read_only"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "read_only"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "read_only"),
        (sqlite3.SQLITE_IOERR_FSYNC, "disk_fault"),
        (sqlite3.SQLITE_IOERR_WRITE, "disk_fault"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_NOTADB, "damaged"),
        (sqlite3.SQLITE_CANTOPEN, "unusable_place"),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, "constraint"),
        (sqlite3.SQLITE_INTERRUPT, "interrupted"),
        (sqlite3.SQLITE_ERROR, "database"),
    ],
)
def test_each_fault_has_a_stable_code_and_names_the_file(code: int, name: str) -> None:
    told = database_error(fault(code), PATH)

    assert told.code == name
    assert str(PATH) in told.sentence
    assert "words of the library" not in told.sentence
    assert "words of the library" in told.detail


def test_a_hostile_path_cannot_act_on_the_terminal() -> None:
    told = database_error(fault(sqlite3.SQLITE_FULL), Path("/srv/\x1b[2Jsiscon.db"))

    assert "\x1b" not in told.sentence
