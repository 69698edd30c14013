"""Tokens: sealed in the database, and told of without being opened."""

from __future__ import annotations

import pytest

from siscon.domain.errors import DatabaseError
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token, TokenHealth
from siscon.store import tokens
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault
from support.databases import activate

HOUR_MS = 3_600_000
VAULT = Vault([b"k" * 32])


def token(name: str = "x") -> Token:
    return Token(Secret(f"access-{name}"), 0, HOUR_MS, Secret(f"refresh-{name}"), scope="read")


async def health(c: Connection, now_ms: int = 1) -> TokenHealth:
    [state] = await tokens.states(c, now_ms=now_ms)
    return state.health


async def test_a_token_comes_back_and_lies_sealed(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await tokens.save(c, VAULT, "a", token())
        row = await c.one("SELECT * FROM tokens")
        assert row is not None
        stored = b"".join(str(row[name]).encode() for name in row.keys())  # noqa: SIM118 - a row is no dict

        assert await tokens.load(c, VAULT, "a") == token()
    assert b"access-x" not in stored
    assert b"refresh-x" not in stored
    assert row["key_id"] == VAULT.key_id


async def test_a_token_without_refresh_or_end_comes_back_too(db: Database) -> None:
    plain = Token(Secret("a"), 5, None)
    async with db.transaction() as c:
        await activate(c, "a")
        await tokens.save(c, VAULT, "a", plain)

        assert await tokens.load(c, VAULT, "a") == plain
        assert await health(c) is TokenHealth.GOOD


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE tokens SET access = (SELECT access FROM tokens t WHERE t.integration = 'b') WHERE integration = 'a'",
        "UPDATE tokens SET access = refresh WHERE integration = 'a'",
        (
            "UPDATE tokens SET access = CAST(substr(access, 1, 30) || "
            "CASE substr(access, 31, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(access, 32) AS BLOB)"
        ),
        "UPDATE tokens SET access = x'01'",
    ],
    ids=["from another row", "from another field", "a byte changed", "cut off"],
)
async def test_a_sealed_value_that_was_moved_or_changed_does_not_open(db: Database, harm: str) -> None:
    async with db.transaction() as c:
        await activate(c, "a", "b")
        for name in ("a", "b"):
            await tokens.save(c, VAULT, name, token(name))
        await c.run(harm)
        with pytest.raises(DatabaseError) as refused:
            await tokens.load(c, VAULT, "a")

    assert refused.value.code == "seal_broken"
    assert "access-" not in str(refused.value)


async def test_health_follows_the_life_of_a_token(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        assert await health(c) is TokenHealth.NONE
        await tokens.mark_refreshing(c, "a", 0)
        assert await health(c) is TokenHealth.REFRESHING
        assert await health(c, HOUR_MS) is TokenHealth.NONE
        await tokens.note_failure(c, "a", "The login was refused.")
        assert await health(c) is TokenHealth.NEEDS_PERSON
        await tokens.save(c, VAULT, "a", token())
        assert await health(c) is TokenHealth.GOOD
        assert await health(c, HOUR_MS - 600_000) is TokenHealth.EXPIRING
        assert await health(c, HOUR_MS) is TokenHealth.EXPIRED
        await tokens.forget(c, "a")
        assert await health(c) is TokenHealth.NONE
        assert await tokens.load(c, VAULT, "a") is None


async def test_what_passes_by_itself_is_told_and_needs_no_person(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await tokens.note_failure(c, "a", "No answer.", passes=True)
        [first] = await tokens.states(c, now_ms=1)
        await tokens.save(c, VAULT, "a", token())
        await tokens.note_failure(c, "a", "No answer.", passes=True)
        [over] = await tokens.states(c, now_ms=HOUR_MS)
        await tokens.note_failure(c, "a", "The login was refused.")
        [refused] = await tokens.states(c, now_ms=HOUR_MS)

    assert (first.health, first.failures, first.last_error) == (TokenHealth.NONE, 0, "No answer.")
    assert (over.health, over.last_error) == (TokenHealth.EXPIRED, "No answer.")
    assert (refused.health, refused.failures) == (TokenHealth.NEEDS_PERSON, 1)


async def test_failures_are_counted_until_a_token_comes(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        for _ in range(3):
            await tokens.note_failure(c, "a", "The login was refused.")
        [failing] = await tokens.states(c, now_ms=1)
        await tokens.save(c, VAULT, "a", token())
        [good] = await tokens.states(c, now_ms=1)

    assert (failing.failures, failing.last_error) == (3, "The login was refused.")
    assert (good.failures, good.last_error, good.refresh_at_ms) == (0, "", HOUR_MS - 600_000)


async def test_a_refresh_token_outlives_its_access_token_and_tells_whether_it_was_sent(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        assert (await tokens.load_refresh(c, VAULT, "a")).token is None
        await tokens.save(c, VAULT, "a", token())
        await tokens.mark_revoked(c, "a", 5)
        await tokens.mark_sent(c, "a", 7)
        sent = await tokens.load_refresh(c, VAULT, "a")
        assert await tokens.load(c, VAULT, "a") is None
        assert not await tokens.take_back_sent(c, "a", 8)
        assert await tokens.take_back_sent(c, "a", 7)
        back = await tokens.load_refresh(c, VAULT, "a")

    assert (sent.token, sent.sent_at_ms, sent.is_revoked) == (Secret("refresh-x"), 7, True)
    assert back.sent_at_ms is None


async def test_the_need_for_a_person_is_shown_first_and_over_with_the_next_token(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        await tokens.save(c, VAULT, "a", token())
        await tokens.mark_sent(c, "a", 7)
        await tokens.mark_needs_person(c, "a", "Ask ann.")
        assert await tokens.load(c, VAULT, "a") == token()
        [needy] = await tokens.states(c, now_ms=1)
        await tokens.save(c, VAULT, "a", token())
        found = await tokens.load_refresh(c, VAULT, "a")
        [good] = await tokens.states(c, now_ms=1)

    assert (needy.health, needy.last_error, needy.failures) == (TokenHealth.NEEDS_PERSON, "Ask ann.", 1)
    assert (good.health, good.last_error, good.scope) == (TokenHealth.GOOD, "", "read")
    assert (found.sent_at_ms, found.needs_person) == (None, "")


async def test_a_login_given_up_leaves_nothing_but_the_moment(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "a")
        assert not await tokens.revoke(c, "a", 9)
        await tokens.save(c, VAULT, "a", token())
        assert await tokens.revoke(c, "a", 9)
        row = await c.one("SELECT access, refresh, key_id, scope, revoked_at_ms FROM tokens")

        assert await health(c) is TokenHealth.REVOKED
    assert row is not None
    assert tuple(row) == (None, None, None, "", 9)


async def test_only_what_nobody_can_use_is_cleared_out(db: Database) -> None:
    async with db.transaction() as c:
        await activate(c, "gone", "needy", "old", "renewable", "young")
        await tokens.save(c, VAULT, "gone", token())
        await tokens.save(c, VAULT, "needy", Token(Secret("a"), 1, 2))
        await tokens.mark_needs_person(c, "needy", "Ask ann.")
        await tokens.save(c, VAULT, "old", Token(Secret("a"), 1, 2))
        await tokens.save(c, VAULT, "renewable", Token(Secret("a"), 1, 2, Secret("r")))
        await tokens.save(c, VAULT, "young", Token(Secret("a"), 1, HOUR_MS))
        known = {"needy", "old", "renewable", "young"}

        assert await tokens.clean(c, configured=known, now_ms=10) == ["gone", "old"]
        assert await tokens.clean(c, configured=known, now_ms=10) == []
