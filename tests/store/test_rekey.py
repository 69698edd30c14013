"""Rotation: whatever is sealed stays readable, is found by its key, and is sealed anew at its own place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.errors import ConfigError, DatabaseError
from siscon.domain.privacy import Secret
from siscon.domain.records import Entity
from siscon.domain.tokens import Token
from siscon.store import audit, dead_records, keys, mends, rekey, tokens
from siscon.store.database import Connection, Database
from siscon.store.keys import Source
from siscon.store.vault import HEAD_BYTES, Vault
from support.databases import activate

OLD, NEW = b"o" * 32, b"n" * 32
NOT_SEALED = {("audit", "seal"), ("retired_keys", "id"), ("webhook_inbox", "digest")}

places = st.from_regex(r"[a-z]{1,8}\|[a-z0-9]{1,8}\|[a-z]{1,8}", fullmatch=True)
raw_keys = st.binary(min_size=32, max_size=32)


@given(st.text(), places, places, raw_keys)
def test_whatever_is_sealed_opens_where_it_was_sealed_and_nowhere_else(
    text: str, place: str, other: str, key: bytes
) -> None:
    vault = Vault([key])
    sealed = vault.seal(text, place=place)

    assert vault.open(sealed, place=place) == text
    if other != place:
        with pytest.raises(DatabaseError):
            vault.open(sealed, place=other)


@given(st.text(min_size=1), raw_keys, st.data())
def test_no_changed_bit_is_accepted(text: str, key: bytes, data: st.DataObject) -> None:
    vault = Vault([key])
    sealed = bytearray(vault.seal(text, place="p|q|r"))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8

    with pytest.raises((DatabaseError, ConfigError)):
        vault.open(bytes(sealed), place="p|q|r")


@given(st.text(), st.lists(raw_keys, min_size=1, max_size=5, unique=True))
def test_through_any_number_of_rotations_all_opens_with_the_keys_that_are_left(
    text: str, history: list[bytes]
) -> None:
    sealed = []
    for count in range(1, len(history) + 1):
        sealed.append(Vault(history[:count][::-1]).seal(text, place="p|q|r"))

    assert {Vault(history[::-1]).open(one, place="p|q|r") for one in sealed} == {text}


async def fill(c: Connection, vault: Vault, number: int) -> None:
    await activate(c, "a", "b")
    await tokens.save(c, vault, "a", Token(Secret("access a"), 0, None, refresh=Secret("refresh a")))
    await tokens.save(c, vault, "b", Token(Secret("access b"), 0, None))
    entries = [
        dead_records.DeadEntry(
            "a",
            Entity.STUDENT,
            f"key {one}",
            None,
            1,
            "bad",
            "validation",
            "low",
            None,
            "why",
            vault.seal(f"raw {one}", place=dead_records.place_of("a", Entity.STUDENT, f"key {one}")),
            digest=f"d{one}",
        )
        for one in range(number)
    ]
    await dead_records.bury(c, entries, now_ms=1)
    sealed = vault.seal("mended", place=mends.place_of("a", Entity.STUDENT, "key 0"))
    [first] = await dead_records.by_ids(c, [1])
    await mends.keep(c, first, sealed, external_id="1", actor="x", reason="why", now_ms=2)
    await audit.append(c, vault, actor="x", action="y", target="z", detail={}, at_ms=1)


async def reseal(db: Database, vault: Vault) -> int:
    return sum([done async for done in rekey.reseal(db, vault)])


async def test_every_sealed_column_of_the_schema_is_known(db: Database) -> None:
    async with db.read() as c:
        tables = await c.all(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
        blobs = {
            (table["name"], column["name"])
            for table in tables
            for column in await c.all(f"PRAGMA table_info({table['name']})")
            if column["type"] == "BLOB"
        }

    assert blobs - NOT_SEALED == {(one.table, one.field) for one in rekey.SEALED}


async def test_all_that_an_old_key_sealed_is_sealed_anew_at_its_place(db: Database) -> None:
    async with db.transaction() as c:
        await fill(c, Vault([OLD]), 2 * rekey.BATCH + 1)
    rotated, alone = Vault([NEW, OLD]), Vault([NEW])

    assert await reseal(db, rotated) == 2 * rekey.BATCH + 2 + 3 + 1
    assert await reseal(db, rotated) == 0
    async with db.read() as c:
        found = await rekey.counts(c)
        assert {key: dict(one) for key, one in found.items()} == {
            alone.key_id: {"secrets": 1, "tokens": 3, "dead_records": 2 * rekey.BATCH + 2}
        }
        token = await tokens.load(c, alone, "a")
        assert token is not None
        assert (token.access.reveal(), token.refresh) == ("access a", Secret("refresh a"))
        raw = await dead_records.raw(c, 7)
        assert raw is not None
        assert alone.open(raw.sealed, place=raw.place) == "raw 6"
        [mended] = (await mends.of_rows(c, "a", Entity.STUDENT, {("key 0", "d0")})).values()
        assert alone.open(mended, place=mends.place_of("a", Entity.STUDENT, "key 0")) == "mended"
        assert await audit.verify(c, alone) is None
        assert {row["key_id"] for row in await c.all("SELECT key_id FROM tokens")} == {alone.key_id}
    assert (await rekey.unreadable(db, alone)).total() == 0


async def test_what_cannot_be_opened_is_counted_and_left_as_it_is(db: Database) -> None:
    lost = Vault([b"l" * 32])
    async with db.transaction() as c:
        await fill(c, Vault([OLD]), 3)
        await tokens.save(c, lost, "b", Token(Secret("x"), 0, None))
        await c.run("UPDATE dead_records SET raw = (SELECT raw FROM dead_records WHERE id = 3) WHERE id = 2")
        before = await c.one("SELECT access FROM tokens WHERE integration = 'b'")
    await reseal(db, Vault([NEW, OLD]))

    assert dict(+await rekey.unreadable(db, Vault([NEW, OLD]))) == {"tokens": 1, "dead_records": 1}
    async with db.read() as c:
        assert before is not None
        after = await c.one("SELECT access FROM tokens WHERE integration = 'b'")
        assert after is not None
        assert after["access"] == before["access"]


async def test_other_keys_than_those_of_the_database_are_refused_before_anything_is_written(
    db: Database,
) -> None:
    async with db.transaction() as c:
        await fill(c, Vault([OLD]), 1)

        await rekey.check_fits(c, Vault([NEW, OLD]))
        with pytest.raises(ConfigError) as refused:
            await rekey.check_fits(c, Vault([NEW]))
    assert refused.value.code == "key_missing"
    assert Vault([OLD]).key_id in refused.value.sentence


async def test_nothing_can_be_written_with_a_retired_key(db: Database) -> None:
    old = Vault([OLD])
    async with db.transaction() as c:
        await fill(c, Vault([NEW]), 1)
        await rekey.retire(c, old.key_id, now_ms=1)

    for harm in (
        "UPDATE dead_records SET raw = :sealed",
        "UPDATE tokens SET refresh = :sealed",
        "UPDATE secrets SET sealed = :sealed",
        "INSERT INTO secrets (name, sealed) VALUES ('x', :sealed)",
    ):
        with pytest.raises(DatabaseError):
            async with db.transaction() as c:
                await c.run(harm, {"sealed": old.seal("late", place="p")})
    async with db.transaction() as c:
        with pytest.raises(ConfigError) as refused:
            await rekey.check_fits(c, Vault([OLD, NEW]))
    assert refused.value.code == "key_retired"


def test_a_vault_follows_its_file_to_a_new_key_and_survives_its_loss(tmp_path: Path) -> None:
    path = tmp_path / "siscon.key"
    keys.create_file(path)
    source = Source("file", path, is_ours=True)
    engine = keys.open_vault(source)
    before, old = engine.seal("x", place="p"), source.read()
    keys.replace_file(path, [NEW, *old])
    foreign = keys.open_vault(source).seal("y", place="p")

    assert engine.open(foreign, place="p") == "y"
    assert engine.key_id == Vault([NEW]).key_id
    assert (
        engine.seal("z", place="p")[1 : HEAD_BYTES - 12]
        == Vault([NEW]).seal("z", place="p")[1 : HEAD_BYTES - 12]
    )
    path.write_text("being edited")
    assert engine.open(before, place="p") == "x"
    path.unlink()
    assert engine.open(engine.seal("still", place="p"), place="p") == "still"
    assert list(tmp_path.iterdir()) == []
