"""What people do with logins: allow one by a consent in a browser, give it back, clear out what is left over."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from siscon.domain.errors import AuthError, SisconError, UsageError
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import Lease
from siscon.domain.privacy import Secret
from siscon.domain.text import plain
from siscon.domain.tokens import Token, missing_scopes
from siscon.engine.activation import own_settings
from siscon.engine.clerk import Clerk
from siscon.engine.logins import check_needs, token_server
from siscon.engine.loopback import Door
from siscon.providers.grants import ApiKey, AuthorizationCode, NoLogin, StaticBearer
from siscon.providers.transport import oauth
from siscon.providers.transport.oauth_code import CONSENT_WITHIN_S, Consent
from siscon.store import integrations, leases, tokens

HOLD_S = 60.0
WAIT_FOR_RENEWAL_S = 30.0
LOOK_AGAIN_S = 0.25


async def begin(clerk: Clerk, name: str, *, redirect_uri: str) -> Consent:
    """A consent to be given: its address is for a browser. Raises ``UsageError`` where the login needs none."""
    async with clerk.db.read() as c:
        if await integrations.one(c, name) is None:
            raise UsageError(f"{name} is not in the database yet: start siscon once, then allow the login.")
    settings = clerk.settings.integrations[name]
    kind = clerk.load_provider(settings.provider)
    grant = kind.grant(own_settings(settings, kind))
    if not isinstance(grant, AuthorizationCode):
        raise UsageError(
            f"{name} logs in by itself: nobody has to allow it. 'siscon tokens refresh {name}' asks for a new token.",
            code="needs_nobody",
        )
    check_needs(name, settings, grant)
    return Consent(grant, settings.client_id, redirect_uri, begun_at_ms=clerk.now_ms())


async def finish(clerk: Clerk, name: str, consent: Consent, address: str) -> str:
    """Exchange the code in an address for the first token and store it; a sentence.

    Raises ``UsageError`` when the address answers another consent, ``AuthError`` when this one is over.
    """
    code = consent.code_in(address, now_ms=clerk.now_ms())
    server = token_server(name, clerk.settings.integrations[name], consent.grant)
    async with _held(clerk, name) as lease:  # before the code is spent: it is good for one exchange
        token = await oauth.exchange_code(
            server,
            code,
            verifier=consent.verifier,
            redirect_uri=consent.redirect_uri,
            now_ms=clerk.now_ms(),
        )
        lacking = missing_scopes(consent.grant.scope, token.scope)
        async with clerk.db.transaction(lease) as c:
            await tokens.save(c, clerk.vault, name, token)
            await clerk.note(c, "authorise_token", name, {"integration": name, "scope": token.scope})
            await clerk.tell(
                c, EventKind.TOKEN_RENEWED, Level.INFO, name, f"was allowed by {plain(clerk.actor)}"
            )
            if lacking:
                told = f"was granted less than it asked for; the district has not allowed: {_listed(lacking)}"
                await clerk.tell(c, EventKind.TOKEN_RENEWED, Level.WARNING, name, told)
    return _said_of(name, token, lacking)


async def finish_at(clerk: Clerk, name: str, consent: Consent, door: Door) -> str:
    """:func:`finish` with what comes to the door; whoever else knocks there is not heard."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + CONSENT_WITHIN_S
    while True:
        try:
            async with asyncio.timeout_at(until_s):
                address = await door.address()
        except TimeoutError:
            raise AuthError(
                "Nobody allowed it within ten minutes. Begin again.", code="consent_late"
            ) from None
        with suppress(UsageError):
            return await finish(clerk, name, consent, address)


def _said_of(name: str, token: Token, lacking: Collection[str]) -> str:
    said = f"{name} may log in now."
    if token.refresh is None:
        said += " The SIS gave no refresh token: when this token ends, a person must allow it again."
    if lacking:
        said += f" The district has not allowed: {_listed(lacking)}."
    return said


def _listed(names: Collection[str]) -> str:
    return plain(", ".join(names), limit=300)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What became of a login: whether the SIS refused to take it back, and a sentence with what is left to do."""

    sentence: str
    refused: bool = False


async def revoke(clerk: Clerk, name: str) -> GivenUp:
    """Give the login of one integration back to the SIS, and drop it here whatever the SIS says."""
    async with _held(clerk, name) as lease:
        async with clerk.db.read() as c:
            token = await tokens.load(c, clerk.vault, name)
            refresh = (await tokens.load_refresh(c, clerk.vault, name)).token
        if token is None and refresh is None:
            return GivenUp(f"{name} has no token: there is nothing to give back.")
        told, refused = await _give_back(clerk, name, token, refresh)
        async with clerk.db.transaction(lease) as c:
            await tokens.revoke(c, name, clerk.now_ms())
            await clerk.note(c, "revoke_token", name, {"integration": name, "sis": told})
            what = f"had its login given up by {plain(clerk.actor)}: {told}"
            await clerk.tell(c, EventKind.TOKEN_REVOKED, Level.WARNING, name, what)
    return GivenUp(f"{name} has no token here any more; {told}.", refused)


async def _give_back(
    clerk: Clerk, name: str, token: Token | None, refresh: Secret | None
) -> tuple[str, bool]:
    """What the SIS did with the tokens, and whether it refused: told, not raised, for here they go in any case."""
    rotate = "change the secret at the vendor if it may have leaked"
    settings = clerk.settings.integrations.get(name)
    if settings is None:
        return f"the configuration no longer says where to give it back: {rotate}", False
    try:
        kind = clerk.load_provider(settings.provider)
        grant = kind.grant(own_settings(settings, kind))
        if isinstance(grant, StaticBearer | ApiKey | NoLogin):
            told = "at the vendor it is still good: have it withdrawn there, and take it out of the configuration"
            return told, False
        if not grant.revoke_url:
            return f"the SIS offers no way to take it back, so it ends by itself: {rotate}", False
        server = token_server(name, settings, grant)
        if refresh is not None:  # with it the SIS also drops what came from it (RFC 7009, section 2.1)
            await oauth.revoke_token(server, refresh, kind="refresh_token")
        if token is not None:
            await oauth.revoke_token(server, token.access, kind="access_token")
    except SisconError as error:
        return f"the SIS did not take it back ({error.sentence.rstrip('.')}): {rotate}", True
    return "the SIS has taken it back", False


async def clean(clerk: Clerk) -> list[str]:
    """Drop the tokens of integrations that the configuration no longer names, and those past their end; whose."""
    async with clerk.db.transaction() as c:
        gone = await tokens.clean(c, configured=clerk.settings.integrations, now_ms=clerk.now_ms())
        for name in gone:
            await clerk.note(c, "clean_token", name, {"integration": name})
    return gone


@asynccontextmanager
async def _held(clerk: Clerk, name: str) -> AsyncIterator[Lease]:
    """The right to change a login, so that no engine renews it meanwhile."""
    owner = f"login-{os.getpid()}-{secrets.token_hex(4)}"
    loop = asyncio.get_running_loop()
    until_s = loop.time() + WAIT_FOR_RENEWAL_S
    while True:
        async with clerk.db.transaction() as c:
            lease = await leases.take(c, f"token:{name}", owner, ttl_s=HOLD_S, now_ms=clerk.now_ms())
        if lease is not None:
            break
        if loop.time() > until_s:
            raise SisconError(
                f"The login of {name} is being renewed just now. Try again in a minute.", code="busy"
            )
        await asyncio.sleep(LOOK_AGAIN_S)
    try:
        yield lease
    finally:
        async with clerk.db.transaction() as c:
            await leases.release(c, lease)
