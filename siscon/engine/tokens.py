"""The token of one integration: in memory, sealed in the database, renewed by one task at a time before its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from siscon.domain.errors import AuthError, DatabaseError, LeaseLost, SisconError
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import Lease
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token, refresh_at_ms
from siscon.store import events, leases, tokens
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault

log = logging.getLogger(__name__)

RENEWAL_TTL_S = 180.0
"""A renewal that takes longer than this may be repeated by another engine."""

OTHERS_TURN_S = 0.25
NEVER_USE_BEFORE_END_MS = 5_000
LONGEST_PAUSE_S = 900.0


class StoredTokens:
    """Implements the client's token source.

    ``fetch`` asks the SIS for a new token. What it brings is committed before anybody uses it. ``jitter_s`` moves
    this integration's renewal ahead, so that not all of them renew at once.
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        integration: str,
        *,
        owner: str,
        fetch: Callable[[], Awaitable[Token]],
        now_ms: Callable[[], int],
        jitter_s: float = 0.0,
    ) -> None:
        self._db = db
        self._vault = vault
        self._integration = integration
        self._owner = owner
        self._fetch = fetch
        self._now_ms = now_ms
        self._jitter_s = jitter_s
        self._token: Token | None = None
        self._renewing = asyncio.Lock()
        self._failures = 0
        self._again_at_ms = 0

    async def current(self) -> Secret:
        """The living token; the first one, or one past its end, is fetched first."""
        token = self._token or await self._load()
        if token is None or self._is_over(token):
            token = await self._renew(None if token is None else token.access)
        return token.access

    async def replace(self, rejected: Secret) -> Secret:
        """A token other than the one the SIS rejected; fetched only if nobody else has fetched one meanwhile."""
        return (await self._renew(rejected, refused=True)).access

    async def renew_now(self) -> None:
        """Fetch a new token because a person asked for it."""
        token = self._token or await self._load()
        await self._renew(None if token is None else token.access)

    async def renew_if_due(self) -> bool:
        """Fetch a new token ahead of the old one's end; after a failure not before a growing pause is over."""
        token = self._token or await self._load()
        now_ms = self._now_ms()
        due_ms = None if token is None else refresh_at_ms(token, jitter_s=self._jitter_s)
        if token is None or due_ms is None or now_ms < max(due_ms, self._again_at_ms):
            return False
        await self._renew(token.access)
        return True

    async def _load(self) -> Token | None:
        async with self._db.read() as c:
            self._token = await tokens.load(c, self._vault, self._integration)
        return self._token

    def _is_over(self, token: Token) -> bool:
        end_ms = token.expires_at_ms
        return end_ms is not None and self._now_ms() >= end_ms - NEVER_USE_BEFORE_END_MS

    async def _renew(self, rejected: Secret | None, *, refused: bool = False) -> Token:
        """One task of this engine, then one engine: whoever waited looks first whether the work is done.

        ``refused``: the SIS does not take the old token any more, so it is revoked even where no new one comes.
        """
        async with self._renewing:
            if (token := self._other_than(self._token, rejected)) is not None:
                return token
            name = f"token:{self._integration}"
            while True:
                if (token := self._other_than(await self._load(), rejected)) is not None:
                    return token
                async with self._db.transaction() as c:
                    lease = await leases.take(
                        c, name, self._owner, ttl_s=RENEWAL_TTL_S, now_ms=self._now_ms()
                    )
                    if lease is not None:
                        await tokens.mark_refreshing(c, self._integration, self._now_ms())
                if lease is not None:
                    return await self._fetch_under(lease, refused=refused)
                await asyncio.sleep(OTHERS_TURN_S)

    def _other_than(self, token: Token | None, rejected: Secret | None) -> Token | None:
        return None if token is None or token.access == rejected or self._is_over(token) else token

    async def _fetch_under(self, lease: Lease, *, refused: bool) -> Token:
        try:
            token = await self._fetch()
        except SisconError as error:
            await self._note_failure(lease, error, refused=refused)
            raise
        except BaseException:
            with suppress(DatabaseError, LeaseLost):  # what was raised first must be heard
                async with self._db.transaction(lease) as c:
                    await self._let_go(c, lease)
            raise
        async with self._db.transaction(lease) as c:
            await tokens.save(c, self._vault, self._integration, token)
            await self._let_go(c, lease)
            await self._report(c, EventKind.TOKEN_RENEWED, Level.INFO, "has a new token")
        self._token, self._failures, self._again_at_ms = token, 0, 0
        return token

    async def _note_failure(self, lease: Lease, error: SisconError, *, refused: bool) -> None:
        self._failures += 1
        pause_s = min(LONGEST_PAUSE_S, 30.0 * 2.0 ** min(self._failures - 1, 10))
        self._again_at_ms = self._now_ms() + int(pause_s * 1000)
        async with self._db.transaction(lease) as c:
            await tokens.note_failure(c, self._integration, error.sentence)
            if refused:
                await tokens.mark_revoked(c, self._integration, self._now_ms())
                self._token = None
            await self._let_go(c, lease)
            level = Level.ERROR if isinstance(error, AuthError) else Level.WARNING
            await self._report(c, EventKind.TOKEN_FAILED, level, f"got no new token: {error.sentence}")

    async def _let_go(self, c: Connection, lease: Lease) -> None:
        await tokens.mark_refreshing(c, self._integration, None)
        await leases.release(c, lease)

    async def _report(self, c: Connection, kind: EventKind, level: Level, what: str) -> None:
        await events.append(
            c,
            kind,
            level,
            f"{self._integration} {what}",
            integration=self._integration,
            at_ms=self._now_ms(),
        )


async def renew_quietly(tokens_of: StoredTokens, *, if_due: bool) -> None:
    """Renew outside any run: a failure is noted on the token and in the events, and harms nothing else."""
    try:
        if if_due:
            await tokens_of.renew_if_due()
        else:
            await tokens_of.renew_now()
    except SisconError as error:
        log.warning("token (%s): %s", error.code, error.sentence)
    except LeaseLost:
        log.info("another engine renews the token instead")
