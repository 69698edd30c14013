"""Two hundred random harms to an audit in a file: all are found, and the first bad act is named."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from siscon.store import audit, heads
from siscon.store.sqlite import open_database
from siscon.store.vault import Vault

VAULT = Vault([b"k" * 32])
ACTS = 60
HEADS_AT = (10, 30, ACTS)
COLUMNS = ("seq", "at_ms", "actor", "action", "target", "detail", "seal")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, its heads, and the same as it was at the first head."""
    folder = tmp_path_factory.mktemp("audit")
    asyncio.run(fill(folder))
    return folder


async def fill(folder: Path) -> None:
    db = await open_database(folder / "siscon.db", synchronous="normal")
    for seq in range(1, ACTS + 1):
        async with db.transaction() as c:
            await audit.append(
                c,
                VAULT,
                actor=f"kim({seq % 3})",
                action="apply",
                target=f"harbor/{seq % 7}",
                detail={"n": seq, "digest": f"{seq:064x}"},
                at_ms=1_800_000_000_000 + seq,
            )
        if seq in HEADS_AT:
            async with db.read() as c:
                told = await heads.line_of(c, VAULT, at_ms=seq)
            assert told is not None
            heads.append(folder / heads.FILE, told[1])
        if seq == HEADS_AT[0]:
            with closing(sqlite3.connect(folder / "siscon.db")) as now:
                now.execute("VACUUM INTO ?", (str(folder / "old.db"),))
    await db.close()


async def found(folder: Path) -> tuple[int | None, str]:
    """The first bad act, and what is wrong with the heads."""
    db = await open_database(folder / "siscon.db", synchronous="normal")
    try:
        async with db.read() as c:
            first_bad = await audit.verify(c, VAULT)
            fault = (await heads.verify(c, VAULT, heads.read(folder / heads.FILE))).fault
    finally:
        await db.close()
    return first_bad, fault


def other(rng: random.Random, column: str, old: object) -> object:
    """Another value of the same type, sometimes one that is no text at all."""
    if isinstance(old, int):
        return old + rng.choice([-1, 1]) * rng.randint(1, 10**6) + (0 if column != "seq" else 10**7)
    if isinstance(old, bytes):
        at = rng.randrange(len(old))
        return old[:at] + bytes([old[at] ^ 1 << rng.randrange(8)]) + old[at + 1 :]
    at = rng.randrange(len(str(old)) + 1)
    return f"{str(old)[:at]}{rng.choice(['x', ' ', 'é', chr(0), chr(34)])}{str(old)[at:]}"


def edit(rng: random.Random, db: sqlite3.Connection) -> int:
    column, seq = rng.choice(COLUMNS), rng.randint(1, ACTS)
    old = db.execute(f"SELECT {column} FROM audit WHERE seq = ?", (seq,)).fetchone()[0]
    new = other(rng, column, old)
    db.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (new, seq))
    return min(seq, int(str(new))) if column == "seq" else seq


def broken_text(rng: random.Random, db: sqlite3.Connection) -> int:
    column, seq = rng.choice(COLUMNS[2:6]), rng.randint(1, ACTS)
    db.execute(f"UPDATE audit SET {column} = CAST(x'ff80' AS TEXT) WHERE seq = ?", (seq,))
    return seq


def delete(rng: random.Random, db: sqlite3.Connection) -> int:
    seq = rng.randint(1, ACTS - 1)
    db.execute("DELETE FROM audit WHERE seq BETWEEN ? AND ?", (seq, min(ACTS - 1, seq + rng.randint(0, 3))))
    return seq


def insert(rng: random.Random, db: sqlite3.Connection) -> int:
    """Room is made, or it stands before the first or behind the last."""
    like, place = rng.randint(1, ACTS), rng.choice(["before", "between", "behind"])
    seq = {"before": -rng.randint(0, 9), "between": rng.randint(1, ACTS), "behind": ACTS + 1}[place]
    if place == "between":
        db.execute("UPDATE audit SET seq = -seq WHERE seq >= ?", (seq,))
        db.execute("UPDATE audit SET seq = 1 - seq WHERE seq < 0")
        like += like >= seq
    db.execute(
        "INSERT INTO audit SELECT ?, at_ms, actor, action, target, detail, seal FROM audit WHERE seq = ?",
        (seq, like),
    )
    if place == "between" and like == seq + 1:
        return seq + 1  # a copy of the act itself, in its own place: the one behind it is bad
    return seq


def swap(rng: random.Random, db: sqlite3.Connection) -> int:
    one, two = sorted(rng.sample(range(1, ACTS + 1), 2))
    db.execute("UPDATE audit SET seq = -1000 WHERE seq = ?", (one,))
    db.execute("UPDATE audit SET seq = ? WHERE seq = ?", (one, two))
    db.execute("UPDATE audit SET seq = ? WHERE seq = -1000", (two,))
    return one


def truncate(rng: random.Random, db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM audit WHERE seq > ?", (rng.randint(0, ACTS - 1),))


HARMS: tuple[Callable[[random.Random, sqlite3.Connection], int | None], ...] = (
    *(edit, edit, broken_text, delete, insert, swap, truncate),
)


async def test_two_hundred_random_harms_are_all_found(whole: Path, tmp_path: Path) -> None:
    rng = random.Random(6)
    for name in ("siscon.db", heads.FILE):
        shutil.copy(whole / name, tmp_path / name)
    missed = []
    for turn in range(210):
        shutil.copyfile(whole / "siscon.db", tmp_path / "siscon.db")
        harm = HARMS[turn % len(HARMS)]
        with closing(sqlite3.connect(tmp_path / "siscon.db")) as db:
            db.execute("PRAGMA ignore_check_constraints = ON")
            bad = harm(rng, db)
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        first_bad, fault = await found(tmp_path)
        if (first_bad != bad) if bad is not None else ("cut off" not in fault or "act " not in fault):
            missed.append((turn, harm.__name__, bad, first_bad, fault))
    assert missed == []


async def test_an_older_database_in_the_place_of_the_newer_one_is_found(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "old.db", tmp_path / "siscon.db")
    shutil.copy(whole / heads.FILE, tmp_path / heads.FILE)

    assert await found(tmp_path) == (
        None,
        "act 30 was there and is missing: acts were cut off, or an old database restored",
    )


async def test_acts_and_heads_cut_off_alike_are_not_found_here_but_by_a_copy_of_the_heads(
    whole: Path, tmp_path: Path
) -> None:
    shutil.copy(whole / "siscon.db", tmp_path / "siscon.db")
    lines = (whole / heads.FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / heads.FILE).write_bytes(b"".join(lines[:2]))
    with closing(sqlite3.connect(tmp_path / "siscon.db")) as db:
        db.execute("DELETE FROM audit WHERE seq > 30")
        db.commit()
    assert await found(tmp_path) == (None, "")

    shutil.copy(whole / heads.FILE, tmp_path / heads.FILE)
    assert "act 60 was there and is missing" in (await found(tmp_path))[1]


@pytest.mark.parametrize("line", range(len(HEADS_AT)))
async def test_a_changed_line_of_the_heads_is_found(whole: Path, tmp_path: Path, line: int) -> None:
    shutil.copy(whole / "siscon.db", tmp_path / "siscon.db")
    lines = (whole / heads.FILE).read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"at_ms": ', b'"at_ms": 9')
    (tmp_path / heads.FILE).write_bytes(b"".join(lines))

    assert f"line {line + 1}" in (await found(tmp_path))[1]
