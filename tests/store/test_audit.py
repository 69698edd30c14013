"""The audit's chain: whatever is done to it afterwards shows."""

from __future__ import annotations

import hmac
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from siscon.domain.errors import ConfigError, DatabaseError
from siscon.store import audit, journals
from siscon.store.audit import AuditEntry
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault

VAULT = Vault([b"k" * 32])
Reading = Callable[[Connection, list[int]], Awaitable[object]]


class Undo(Exception):
    """Takes a change back."""


async def journal_of(c: Connection, seqs: list[int]) -> object:
    return await journals.newest(c, journals.of_audit(), limit=len(seqs))


async def fill(c: Connection, number: int = 5) -> None:
    for place in range(number):
        await audit.append(
            c,
            VAULT,
            actor="René(1000)",
            action="apply",
            target=f"run {place}",
            detail={"n": place},
            at_ms=place,
        )


async def test_acts_are_listed_in_order_and_the_chain_is_whole(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c)

        assert await audit.verify(c, VAULT) is None
        assert await audit.entries(c, after_seq=3, limit=1) == [
            AuditEntry(4, 3, "René(1000)", "apply", "run 3", {"n": 3})
        ]


async def test_an_empty_audit_is_whole(db: Database) -> None:
    async with db.read() as c:
        assert await audit.verify(c, VAULT) is None


@pytest.mark.parametrize(
    ("harm", "first_bad"),
    [
        ("UPDATE audit SET actor = 'kim(2)' WHERE seq = 3", 3),
        ("UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 1", 1),
        ("UPDATE audit SET detail = '{}' WHERE seq = 5", 5),
        ("UPDATE audit SET seal = x'00' WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 1", 1),
        (
            "INSERT INTO audit SELECT seq + 1, at_ms, actor, action, target, detail, seal FROM audit WHERE seq = 5",
            6,
        ),
        ("UPDATE audit SET seq = CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE seq IN (2, 3)", 2),
        ("UPDATE audit SET seq = seq + 1000 WHERE seq > 3", 4),
    ],
    ids=[
        "edit",
        "edit of time",
        "edit at the end",
        "seal",
        "deletion",
        "first gone",
        "insertion",
        "swap",
        "gap",
    ],
)
async def test_harm_is_found_where_it_was_done(db: Database, harm: str, first_bad: int) -> None:
    async with db.transaction() as c:
        await fill(c)
        await c.run(harm)
        await c.run("UPDATE audit SET seq = -seq WHERE seq < 0")

        assert await audit.verify(c, VAULT) == first_bad


async def test_an_act_before_all_numbers_is_found(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c)
        await c.run(
            "INSERT INTO audit SELECT :seq, at_ms, actor, action, target, detail, seal FROM audit WHERE seq = 1",
            {"seq": audit.LOWEST},
        )

        assert await audit.verify(c, VAULT) == audit.LOWEST


@pytest.mark.parametrize(
    "harm",
    [
        *(f"UPDATE audit SET {name} = CAST({name} AS BLOB) WHERE seq = 3" for name in ("actor", "detail")),
        *(
            f"UPDATE audit SET {name} = CAST({name} AS TEXT) WHERE seq = 3"
            for name in ("seq", "at_ms", "seal")
        ),
        *(f"UPDATE audit SET {name} = NULL WHERE seq = 3" for name in ("seq", "at_ms", "target", "seal")),
    ],
)
async def test_a_table_made_anew_is_not_ours_and_what_has_another_type_in_it_is_bad(
    db: Database, harm: str
) -> None:
    async with db.transaction() as c:
        await fill(c)
        assert await audit.is_ours(c)
        await make_anew(c)
        assert await audit.verify(c, VAULT) is None
        await c.run(harm)

        assert not await audit.is_ours(c)
        assert await audit.verify(c, VAULT) == 3


async def make_anew(c: Connection) -> None:
    """The table of the audit with all it held and without its rules."""
    await c.run("CREATE TABLE loose (seq, at_ms, actor, action, target, detail, seal)")
    await c.run("INSERT INTO loose SELECT * FROM audit")
    await c.run("DROP TABLE audit")
    await c.run("ALTER TABLE loose RENAME TO audit")


@pytest.mark.parametrize("harm", ["seal = NULL", "seq = CAST(seq AS TEXT)"])
async def test_nothing_is_done_behind_an_end_that_is_no_act(db: Database, harm: str) -> None:
    async with db.transaction() as c:
        await fill(c)
        await make_anew(c)
        await c.run(f"UPDATE audit SET {harm} WHERE seq = 5")

        with pytest.raises(DatabaseError, match="audit verify"):
            await fill(c, 1)
        assert await audit.head(c) == (0, b"")


@pytest.mark.parametrize(
    ("harm", "reading", "named"),
    [
        ("seal = NULL", audit.sealed_acts, 3),
        ("seal = CAST(seal AS TEXT)", audit.sealed_acts, 3),
        ("actor = CAST(actor AS BLOB)", audit.sealed_acts, 3),
        ("detail = CAST(x'ff' AS TEXT)", audit.sealed_acts, 3),
        ("at_ms = 'noon'", audit.sealed_acts, 3),
        ("seq = CAST(seq AS TEXT)", journal_of, None),
    ],
)
async def test_what_siscon_never_wrote_is_named_by_whoever_reads_it(
    db: Database, harm: str, reading: Reading, named: int | None
) -> None:
    async with db.transaction() as c:
        await fill(c)
        await make_anew(c)
        await c.run(f"UPDATE audit SET {harm} WHERE seq = 3")

        with pytest.raises(DatabaseError, match=f"^Act {named} of" if named else "no number"):
            await reading(c, [1, 2, 3, 4])
        assert await audit.verify(c, VAULT) == 3


@pytest.mark.parametrize(
    "harm",
    [
        "detail = 'x'",
        "detail = '[1]'",
        "detail = replace(hex(zeroblob(50000)), '00', '[')",
        "at_ms = 1 << 62",
        "target = NULL",
        "actor = CAST(x'ff' AS TEXT)",
    ],
)
async def test_an_act_that_nobody_can_read_is_called_changed_and_hides_no_other(
    db: Database, harm: str
) -> None:
    async with db.transaction() as c:
        await fill(c)
        await make_anew(c)
        await c.run(f"UPDATE audit SET {harm} WHERE seq = 3")

        found = await audit.entries(c)
    assert [one.action for one in found] == ["apply", "apply", audit.CHANGED, "apply", "apply"]


async def test_an_act_behind_one_that_lost_its_seal_is_not_what_was_changed(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c)
        await make_anew(c)
        await c.run("UPDATE audit SET seal = NULL WHERE seq = 3")

        with pytest.raises(DatabaseError, match=r"^Act 3 of"):
            await audit.sealed_acts(c, [4])


async def test_a_chain_without_its_key_whose_first_act_lost_its_seal_is_broken_there(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c)
        await make_anew(c)
        await c.run("UPDATE audit SET seal = NULL WHERE seq = 1")
        await c.run("DELETE FROM secrets")

        assert await audit.verify(c, VAULT) == 1


async def test_a_number_that_stands_twice_shows_also_where_one_chunk_ends(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c, audit.CHUNK + 1)
        await c.run("CREATE TABLE loose AS SELECT * FROM audit")
        await c.run("INSERT INTO loose SELECT * FROM audit WHERE seq = :seq", {"seq": audit.CHUNK})
        await c.run("DROP TABLE audit")
        await c.run("ALTER TABLE loose RENAME TO audit")

        assert await audit.verify(c, VAULT) == audit.CHUNK


@pytest.mark.parametrize(
    "trigger",
    [
        "BEFORE INSERT ON audit BEGIN SELECT RAISE(IGNORE); END",
        "AFTER INSERT ON audit BEGIN DELETE FROM audit WHERE seq = new.seq; END",
        "AFTER INSERT ON audit BEGIN UPDATE audit SET seal = x'00' WHERE seq = new.seq; END",
        "BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END",
    ],
)
async def test_an_act_whose_row_a_trigger_lets_vanish_does_not_happen(db: Database, trigger: str) -> None:
    async with db.transaction() as c:
        await c.run(f"CREATE TRIGGER quiet {trigger}")

    async def act() -> None:
        async with db.transaction() as c:
            await c.run("INSERT INTO secrets (name, sealed) VALUES ('effect', x'00')")
            await fill(c, 1)

    with pytest.raises(DatabaseError):
        await act()

    async with db.read() as c:
        assert await c.all("SELECT 1 FROM secrets") == await c.all("SELECT 1 FROM audit") == []


async def test_another_key_proves_nothing(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c)

        with pytest.raises(ConfigError) as refused:
            await audit.verify(c, Vault([b"x" * 32]))
    assert refused.value.code == "key_missing"


async def test_a_chain_key_put_in_place_of_the_right_one_proves_nothing(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c)
        await c.run("DELETE FROM secrets")

        assert await audit.verify(c, VAULT) == 1


async def test_a_chain_from_before_its_key_was_kept_goes_on_after_a_rotation(db: Database) -> None:
    async with db.transaction() as c:
        row = (1, 1, "ann(1)", "sync", 'run \x01\u2028 \u00e9"', "{}")
        told = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
        seal = hmac.digest(VAULT.derive("audit"), told, "sha256")
        await c.run("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, seal))
        await fill(c, 0)
        rotated = Vault([b"n" * 32, b"k" * 32])

        assert await audit.verify(c, rotated) is None
        await audit.append(c, rotated, actor="a", action="b", target="c", detail={}, at_ms=2)
        assert await audit.verify(c, rotated) is None
        assert await audit.verify(c, Vault([b"n" * 32])) is None


async def test_more_than_one_chunk_is_verified(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c, audit.CHUNK + 2)
        assert await audit.verify(c, VAULT) is None
        await c.run("UPDATE audit SET target = 'x' WHERE seq = :seq", {"seq": audit.CHUNK + 2})

        assert await audit.verify(c, VAULT) == audit.CHUNK + 2


async def test_of_many_random_changes_each_is_found_at_or_before_its_place(db: Database) -> None:
    rng = random.Random(36)
    async with db.transaction() as c:
        await fill(c, 30)
    for number in range(250):
        seq = rng.randint(1, 30)
        column = rng.choice(["at_ms", "actor", "action", "target", "seal", "gone", "swapped"])
        harm = {
            "at_ms": f"UPDATE audit SET at_ms = at_ms + {rng.randint(1, 10**6)} WHERE seq = {seq}",
            "seal": f"UPDATE audit SET seal = randomblob(32) WHERE seq = {seq}",
            "gone": f"DELETE FROM audit WHERE seq = {min(seq, 29)}",
            "swapped": f"UPDATE audit SET target = (SELECT target FROM audit WHERE seq = {31 - seq}) WHERE seq = {seq}",
        }.get(column, f"UPDATE audit SET {column} = {column} || '{number}' WHERE seq = {seq}")
        with suppress(Undo):
            async with db.transaction() as c:
                await c.run(harm)
                assert await audit.verify(c, VAULT) == (min(seq, 29) if column == "gone" else seq), harm
                raise Undo
    async with db.read() as c:
        assert await audit.verify(c, VAULT) is None
