"""Tokens, sealed on their way in; how well they are can be told without opening them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token, TokenHealth, TokenState, health_at, refresh_at_ms
from siscon.store.database import Connection, Row
from siscon.store.vault import Vault

REFRESHING_MS = 120_000
"""A refresh not heard of for so long has died with its engine."""

SAVE = """
INSERT INTO tokens (integration, access, refresh, key_id, scope, obtained_at_ms, expires_at_ms)
VALUES (:integration, :access, :refresh, :key_id, :scope, :obtained_at_ms, :expires_at_ms)
ON CONFLICT (integration) DO UPDATE SET
  access = excluded.access, refresh = excluded.refresh, key_id = excluded.key_id, scope = excluded.scope,
  obtained_at_ms = excluded.obtained_at_ms, expires_at_ms = excluded.expires_at_ms,
  refreshing_since_ms = NULL, revoked_at_ms = NULL, refresh_sent_at_ms = NULL, needs_person = '',
  failures = 0, last_error = ''
"""
FIND = """
SELECT access, refresh, scope, obtained_at_ms, expires_at_ms FROM tokens
WHERE integration = :integration AND access IS NOT NULL AND revoked_at_ms IS NULL
"""
NOTE_FAILURE = """
INSERT INTO tokens (integration, failures, last_error) VALUES (:integration, :counts, :sentence)
ON CONFLICT (integration) DO UPDATE SET
  failures = tokens.failures + :counts, last_error = excluded.last_error, refreshing_since_ms = NULL
"""
MARK_REFRESHING = """
INSERT INTO tokens (integration, refreshing_since_ms) VALUES (:integration, :since_ms)
ON CONFLICT (integration) DO UPDATE SET refreshing_since_ms = excluded.refreshing_since_ms
"""
FIND_REFRESH = """
SELECT refresh, refresh_sent_at_ms, needs_person, revoked_at_ms FROM tokens WHERE integration = :integration
"""
MARK_SENT = "UPDATE tokens SET refresh_sent_at_ms = :at_ms WHERE integration = :integration"
TAKE_BACK_SENT = """
UPDATE tokens SET refresh_sent_at_ms = NULL WHERE integration = :integration AND refresh_sent_at_ms = :at_ms
"""
MARK_NEEDS_PERSON = """
INSERT INTO tokens (integration, needs_person, failures, last_error) VALUES (:integration, :sentence, 1, :sentence)
ON CONFLICT (integration) DO UPDATE SET
  needs_person = excluded.needs_person, last_error = excluded.last_error, failures = tokens.failures + 1,
  refreshing_since_ms = NULL
"""
REVOKE = """
UPDATE tokens SET access = NULL, refresh = NULL, key_id = NULL, scope = '', obtained_at_ms = NULL, expires_at_ms = NULL,
  refreshing_since_ms = NULL, refresh_sent_at_ms = NULL, revoked_at_ms = :now_ms, needs_person = '', failures = 0,
  last_error = ''
WHERE integration = :integration
"""
CLEAN = """
DELETE FROM tokens
WHERE integration NOT IN (SELECT value FROM json_each(:names))
  OR (refresh IS NULL AND needs_person = '' AND expires_at_ms < :now_ms)
RETURNING integration
"""
MARK_REVOKED = "UPDATE tokens SET revoked_at_ms = :now_ms WHERE integration = :integration"
FORGET = "DELETE FROM tokens WHERE integration = :integration"
STATES = """
SELECT i.name AS integration, t.access IS NOT NULL AS is_there, t.obtained_at_ms, t.expires_at_ms,
  t.refreshing_since_ms, t.revoked_at_ms, coalesce(t.failures, 0) AS failures, coalesce(t.last_error, '') AS last_error,
  coalesce(t.needs_person, '') AS needs_person, coalesce(t.scope, '') AS scope
FROM integrations i LEFT JOIN tokens t ON t.integration = i.name ORDER BY i.name
"""


@dataclass(frozen=True, slots=True)
class Refresh:
    """What is known of a refresh token. ``sent_at_ms``: it was sent then, and no answer has been stored since.
    ``needs_person``: the sentence that says why only a person can go on; empty while none is needed.
    """

    token: Secret | None
    sent_at_ms: int | None
    needs_person: str
    is_revoked: bool = False


async def save(c: Connection, vault: Vault, integration: str, token: Token) -> None:
    """Keep a new token; what went wrong before it is over."""
    await c.run(
        SAVE,
        {
            "integration": integration,
            "access": vault.seal(token.access.reveal(), place=_place(integration, "access")),
            "refresh": vault.seal(token.refresh.reveal(), place=_place(integration, "refresh"))
            if token.refresh
            else None,
            "key_id": vault.key_id,
            "scope": token.scope,
            "obtained_at_ms": token.obtained_at_ms,
            "expires_at_ms": token.expires_at_ms,
        },
    )


async def load(c: Connection, vault: Vault, integration: str) -> Token | None:
    """The token of an integration, whether it is still good or not; None when there is none."""
    row = await c.one(FIND, {"integration": integration})
    if row is None:
        return None
    refresh = row["refresh"]
    return Token(
        access=Secret(vault.open(row["access"], place=_place(integration, "access"))),
        refresh=Secret(vault.open(refresh, place=_place(integration, "refresh"))) if refresh else None,
        obtained_at_ms=row["obtained_at_ms"],
        expires_at_ms=row["expires_at_ms"],
        scope=row["scope"],
    )


async def load_refresh(c: Connection, vault: Vault, integration: str) -> Refresh:
    """The refresh token of an integration and what became of it, even where its access token was revoked."""
    row = await c.one(FIND_REFRESH, {"integration": integration})
    if row is None:
        return Refresh(None, None, "")
    sealed = row["refresh"]
    token = Secret(vault.open(sealed, place=_place(integration, "refresh"))) if sealed else None
    return Refresh(token, row["refresh_sent_at_ms"], row["needs_person"], row["revoked_at_ms"] is not None)


async def mark_sent(c: Connection, integration: str, at_ms: int) -> None:
    """The refresh token is about to be sent: found later without an answer, it may be spent."""
    await c.run(MARK_SENT, {"integration": integration, "at_ms": at_ms})


async def take_back_sent(c: Connection, integration: str, at_ms: int) -> bool:
    """The refresh token that was sent at a moment has its answer; False when somebody else had one meanwhile."""
    return await c.run(TAKE_BACK_SENT, {"integration": integration, "at_ms": at_ms}) == 1


async def mark_needs_person(c: Connection, integration: str, sentence: str) -> None:
    """Nothing more can be done without a person; ``sentence`` says why and what."""
    await c.run(MARK_NEEDS_PERSON, {"integration": integration, "sentence": sentence})


async def note_failure(c: Connection, integration: str, sentence: str, *, passes: bool = False) -> None:
    """Getting a token failed once more; what ``passes`` by itself, such as an outage, needs no person."""
    told = {"integration": integration, "sentence": sentence, "counts": 0 if passes else 1}
    await c.run(NOTE_FAILURE, told)


async def mark_refreshing(c: Connection, integration: str, since_ms: int | None) -> None:
    """Say that a new token is being asked for, or (None) no longer."""
    await c.run(MARK_REFRESHING, {"integration": integration, "since_ms": since_ms})


async def mark_revoked(c: Connection, integration: str, now_ms: int) -> None:
    """The SIS refuses the token before its end: nobody is given it any more."""
    await c.run(MARK_REVOKED, {"integration": integration, "now_ms": now_ms})


async def states(c: Connection, *, now_ms: int) -> list[TokenState]:
    """How the login of every integration is, without opening any secret."""
    return [_state(row, now_ms=now_ms) for row in await c.all(STATES)]


async def revoke(c: Connection, integration: str, now_ms: int) -> bool:
    """Drop a login for good and remember when; False when there was none."""
    return await c.run(REVOKE, {"integration": integration, "now_ms": now_ms}) == 1


async def clean(c: Connection, *, configured: Collection[str], now_ms: int) -> list[str]:
    """Drop tokens of integrations that are no longer configured and those past their end; whose they were."""
    told = {"names": json.dumps(sorted(configured)), "now_ms": now_ms}
    return sorted(row["integration"] for row in await c.all(CLEAN, told))


async def forget(c: Connection, integration: str) -> None:
    """Drop the token of an integration and all that is known of it."""
    await c.run(FORGET, {"integration": integration})


def _state(row: Row, *, now_ms: int) -> TokenState:
    token = None
    if row["is_there"]:
        token = Token(Secret(""), row["obtained_at_ms"], row["expires_at_ms"])
    state = TokenState(
        integration=row["integration"],
        health=health_at(token, now_ms=now_ms, failures=row["failures"]),
        obtained_at_ms=row["obtained_at_ms"],
        expires_at_ms=row["expires_at_ms"],
        refresh_at_ms=refresh_at_ms(token) if token else None,
        failures=row["failures"],
        last_error=row["last_error"],
        scope=row["scope"],
    )
    if row["needs_person"]:
        return replace(state, health=TokenHealth.NEEDS_PERSON)
    since_ms = row["refreshing_since_ms"]
    if row["revoked_at_ms"] is not None:
        return replace(state, health=TokenHealth.REVOKED)
    if since_ms is not None and now_ms - since_ms < REFRESHING_MS:
        return replace(state, health=TokenHealth.REFRESHING)
    return state


def _place(integration: str, field: str) -> str:
    return f"tokens|{integration}|{field}"
