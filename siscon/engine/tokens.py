"""The token of one integration: sealed in the database, renewed by one task of one engine at a time before its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from siscon.domain.errors import AuthError, DatabaseError, LeaseLost, SisconError, TransientError
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import Lease
from siscon.domain.privacy import Secret
from siscon.domain.text import plain
from siscon.domain.tokens import AnswerLost, NeedsPerson, Token, missing_scopes, refresh_at_ms
from siscon.engine.noting import token_renewed
from siscon.store import events, leases, tokens
from siscon.store.database import Connection, Database
from siscon.store.vault import Vault

log = logging.getLogger(__name__)

RENEWAL_TTL_S = 180.0
"""A renewal that takes longer than this may be repeated by another engine."""

OTHERS_TURN_S = 0.25
NEVER_USE_BEFORE_END_MS = 5_000
LONGEST_PAUSE_S = 900.0
FINISH_WITHIN_S = 3.5
"""How long a cancelled task stays for the answer to a refresh token that is under way."""

STORE_PAUSES_S = (0.1, 0.5, 2.0)

Fetch = Callable[[], Awaitable[Token]]


async def at_once(fetch: Fetch) -> Token:
    """Ask once."""
    return await fetch()


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How one integration comes to new tokens.

    ``fetch`` asks for one without any person. Where there is a ``refresh``, only a person's consent brings the first
    token, and this renews it; ``rotates``: each refresh token works once. ``given`` is a token that the vendor handed
    out. ``scope`` is what was asked for. ``patiently`` repeats a call after faults that pass.
    """

    fetch: Fetch
    refresh: Callable[[Secret], Awaitable[Token]] | None = None
    rotates: bool = True
    given: Secret | None = None
    scope: str = ""
    patiently: Callable[[Fetch], Awaitable[Token]] = at_once


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """A pair that the database would not take; the refresh token before it was sent at ``sent_at_ms``."""

    token: Token
    sent_at_ms: int


class StoredTokens:
    """Implements the client's token source; every answer is what the database holds at that moment.

    What a new token brings is committed before anybody uses it. ``jitter_s`` moves this integration's renewal
    ahead, so that not all of them renew at once.
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        integration: str,
        *,
        owner: str,
        login: Login,
        now_ms: Callable[[], int],
        jitter_s: float = 0.0,
    ) -> None:
        self._db = db
        self._vault = vault
        self._integration = integration
        self._owner = owner
        self._login = login
        self._now_ms = now_ms
        self._jitter_s = jitter_s
        self._renewing = asyncio.Lock()
        self._unsaved: _Unsaved | None = None
        self._failures = 0
        self._again_at_ms = 0

    async def current(self) -> Secret:
        """The living token; the first one, or one past its end, is fetched first."""
        token = await self._load()
        if token is None or self._is_over(token):
            token = await self._renew(None if token is None else token.access)
        return token.access

    async def replace(self, rejected: Secret) -> Secret:
        """A token other than the one the SIS rejected; fetched only if nobody else has fetched one meanwhile."""
        return (await self._renew(rejected, refused=True)).access

    async def renew_now(self) -> None:
        """Fetch a new token because a person asked for it."""
        token = await self._load()
        await self._renew(None if token is None else token.access)

    async def renew_if_due(self) -> bool:
        """Fetch a new token ahead of the old one's end; after a failure not before a growing pause is over.

        A login that only a person can mend is found out here, before a run needs it.
        """
        token = await self._load()
        if self._login.refresh is not None:
            async with self._db.read() as c:
                known = await tokens.load_refresh(c, self._vault, self._integration)
            if known.needs_person or (known.token is None and known.is_revoked):
                return False
            if known.token is None or (known.sent_at_ms is not None and not self._renewing.locked()):
                await self._renew(None if token is None else token.access)
                return True
        now_ms = self._now_ms()
        due_ms = None if token is None else refresh_at_ms(token, jitter_s=self._jitter_s)
        if token is None or due_ms is None or now_ms < max(due_ms, self._again_at_ms):
            return False
        await self._renew(token.access)
        return True

    async def _load(self) -> Token | None:
        """The token in the database: what another console or engine did to it counts from now on."""
        if self._unsaved is not None:
            await self._save_pair()
        async with self._db.read() as c:
            token = await tokens.load(c, self._vault, self._integration)
        given = self._login.given
        return None if token is None or (given is not None and token.access != given) else token

    def _is_over(self, token: Token) -> bool:
        end_ms = token.expires_at_ms
        return end_ms is not None and self._now_ms() >= end_ms - NEVER_USE_BEFORE_END_MS

    async def _renew(self, rejected: Secret | None, *, refused: bool = False) -> Token:
        """One task of this engine, then one engine: whoever waited looks first whether the work is done.

        ``refused``: the SIS does not take the old token any more, so it is revoked even where no new one comes.
        """
        async with self._renewing:
            name = f"token:{self._integration}"
            while True:
                token = await self._load()
                if token is not None and token.access != rejected and not self._is_over(token):
                    return token
                async with self._db.transaction() as c:
                    lease = await leases.take(
                        c, name, self._owner, ttl_s=RENEWAL_TTL_S, now_ms=self._now_ms()
                    )
                    if lease is not None:
                        await tokens.mark_refreshing(c, self._integration, self._now_ms())
                if lease is not None:
                    return await self._get_under(lease, rejected, refused=refused)
                await asyncio.sleep(OTHERS_TURN_S)

    async def _get_under(self, lease: Lease, rejected: Secret | None, *, refused: bool) -> Token:
        try:
            # Between the look at the database and the lease another engine may have been faster.
            token = await self._load()
            if token is not None and token.access != rejected and not self._is_over(token):
                async with self._db.transaction(lease) as c:
                    await self._let_go(c, lease)
            elif self._login.refresh is not None:
                token = await self._refresh(lease)
            else:
                token = await self._fetch(lease, rejected if refused else None)
        except SisconError as error:
            await self._note_failure(lease, error, refused=refused)
            raise
        except BaseException:
            with suppress(DatabaseError, LeaseLost):  # what was raised first must be heard
                async with self._db.transaction(lease) as c:
                    await self._let_go(c, lease)
            raise
        self._failures, self._again_at_ms = 0, 0
        return token

    async def _fetch(self, lease: Lease, rejected: Secret | None) -> Token:
        token = await self._login.patiently(self._login.fetch)
        if token.access == rejected:
            raise AuthError(
                f"The SIS refuses the token of {self._integration}. Ask the vendor for a new one and put it where "
                f"integrations.{self._integration}.token points to.",
                code="token_refused",
            )
        async with self._db.transaction(lease) as c:
            await self._keep(c, token)
            await self._let_go(c, lease)
        return token

    async def _refresh(self, lease: Lease) -> Token:
        """A new pair for the stored refresh token, which is sent only if it certainly was not sent before."""
        refresh = self._login.refresh
        assert refresh is not None
        async with self._db.read() as c:
            known = await tokens.load_refresh(c, self._vault, self._integration)
        if known.needs_person:
            raise NeedsPerson(known.needs_person)
        if known.token is None:
            raise NeedsPerson(_ask_for(self._integration, "nobody has allowed siscon to log in yet"))
        if known.sent_at_ms is not None and self._login.rotates:
            raise NeedsPerson(_lost(self._integration))
        spent = known.token

        async def exchange() -> Token:
            return await _to_its_end(self._exchange(lease, spent, refresh))

        return await self._login.patiently(exchange)

    async def _exchange(
        self, lease: Lease, spent: Secret, refresh: Callable[[Secret], Awaitable[Token]]
    ) -> Token:
        """Say that the refresh token is sent, send it, store what came: each committed before the next."""
        sent_at_ms = self._now_ms()
        async with self._db.transaction(lease) as c:
            await leases.renew(c, lease, ttl_s=RENEWAL_TTL_S, now_ms=sent_at_ms)
            await tokens.mark_sent(c, self._integration, sent_at_ms)
        try:
            token = await refresh(spent)
        except AnswerLost:
            if self._login.rotates:
                raise NeedsPerson(_lost(self._integration)) from None
            await self._unmark(sent_at_ms)
            raise
        except SisconError as error:
            await self._unmark(sent_at_ms)
            if error.code == "invalid_grant":
                why = "the SIS no longer takes its refresh token, which has ended or was withdrawn"
                raise NeedsPerson(_ask_for(self._integration, why)) from None
            raise
        pair = token if token.refresh is not None else replace(token, refresh=spent)
        self._unsaved = _Unsaved(pair, sent_at_ms)
        await self._save_pair_patiently()
        async with self._db.transaction() as c:
            await self._let_go(c, lease)
        return pair

    async def _save_pair_patiently(self) -> None:
        for pause_s in STORE_PAUSES_S:
            try:
                return await self._save_pair()
            except DatabaseError as error:
                log.critical(
                    "the new refresh token of %s is in memory only, and the old one is spent: %s",
                    self._integration,
                    error.sentence,
                )
                await asyncio.sleep(pause_s)
        await self._save_pair()
        return None

    async def _save_pair(self) -> None:
        """Store a pair for as long as the mark says that it is the answer still waited for.

        The mark stands where a lease would: even an engine that slept through its lease brings the one good pair.
        """
        unsaved = self._unsaved
        if unsaved is None:
            return
        async with self._db.transaction() as c:
            if await tokens.take_back_sent(c, self._integration, unsaved.sent_at_ms):
                await self._keep(c, unsaved.token)
        if self._unsaved is unsaved:
            self._unsaved = None

    async def _unmark(self, sent_at_ms: int) -> None:
        async with self._db.transaction() as c:
            await tokens.take_back_sent(c, self._integration, sent_at_ms)

    async def _keep(self, c: Connection, token: Token) -> None:
        await tokens.save(c, self._vault, self._integration, token)
        await self._report(c, EventKind.TOKEN_RENEWED, Level.INFO, "has a new token")
        await token_renewed(c, self._vault, self._integration, token.scope, now_ms=self._now_ms())
        lacking = missing_scopes(self._login.scope, token.scope)
        if lacking:
            told = plain(", ".join(lacking), limit=300)
            what = f"was granted less than it asked for; the district has not allowed: {told}"
            await self._report(c, EventKind.TOKEN_RENEWED, Level.WARNING, what)

    async def _note_failure(self, lease: Lease, error: SisconError, *, refused: bool) -> None:
        self._failures += 1
        pause_s = min(LONGEST_PAUSE_S, 30.0 * 2.0 ** min(self._failures - 1, 10))
        self._again_at_ms = self._now_ms() + int(pause_s * 1000)
        if self._unsaved is not None:
            what = f"keeps its new refresh token in memory only, for the database fails: {error.sentence}"
            with suppress(DatabaseError):  # it is what fails; the log has said so
                async with self._db.transaction() as c:
                    await self._report(c, EventKind.TOKEN_FAILED, Level.ERROR, what)
            return
        async with self._db.transaction(lease) as c:
            if isinstance(error, NeedsPerson):
                await tokens.mark_needs_person(c, self._integration, error.sentence)
            else:
                passes = isinstance(error, TransientError)
                await tokens.note_failure(c, self._integration, error.sentence, passes=passes)
            if refused:
                await tokens.mark_revoked(c, self._integration, self._now_ms())
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


class NoTokens:
    """The token source of an integration that has no login."""

    async def current(self) -> Secret:
        """Nothing."""
        return Secret("")

    async def replace(self, rejected: Secret) -> Secret:  # noqa: ARG002 - there is none
        """Raises ``AuthError``: what asks for a login cannot be given one."""
        raise AuthError("The SIS asks for a login, and this provider has none to give. Check base_url.")

    async def renew_now(self) -> None:
        """Nothing is there to renew."""

    async def renew_if_due(self) -> bool:
        """Nothing is ever due."""
        return False


def _ask_for(integration: str, why: str) -> str:
    return f"{integration} needs a person: {why}. Run: siscon tokens authorise {integration}"


def _lost(integration: str) -> str:
    why = "its refresh token was sent, and the answer with the next one was lost, so no other may be tried"
    return _ask_for(integration, why)


async def _to_its_end(work: Coroutine[Any, Any, Token]) -> Token:
    """Finish what was begun even when the one who waits is cancelled, within a bound."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=FINISH_WITHIN_S)
        if task.done() and not task.cancelled():
            task.exception()  # heard; the cancellation is what counts
        else:
            task.cancel()
        raise


async def renew_quietly(tokens_of: StoredTokens | NoTokens, *, if_due: bool) -> None:
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
