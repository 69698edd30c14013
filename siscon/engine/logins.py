"""From the way an integration logs in to what its token keeper calls."""

from __future__ import annotations

from collections.abc import Callable

from siscon.config import IntegrationSettings
from siscon.domain.errors import ConfigError
from siscon.domain.privacy import Secret
from siscon.domain.tokens import NeedsPerson, Token
from siscon.engine.meter import count_request
from siscon.engine.tokens import Login
from siscon.providers.grants import (
    ApiKey,
    AuthorizationCode,
    Credentials,
    Grant,
    NoLogin,
    StaticBearer,
    needs,
)
from siscon.providers.transport import oauth


def credentials_of(settings: IntegrationSettings) -> Credentials:
    """Everything that an integration brings along to log in with."""
    return Credentials(
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        private_key=settings.private_key,
        username=settings.username,
        password=settings.password,
        token=settings.token,
    )


def check_needs(name: str, settings: IntegrationSettings, grant: Grant) -> None:
    """Raises ``ConfigError`` naming what the login cannot do without and the configuration lacks."""
    for key in needs(grant):
        if not getattr(settings, key):
            raise ConfigError(f"integrations.{name} lacks {key}, which its login needs.", code="no_secret")


def token_server(name: str, settings: IntegrationSettings, grant: Grant) -> oauth.Login:
    """The way to the token URL; raises ``ConfigError`` for a login that has none."""
    if isinstance(grant, StaticBearer | ApiKey | NoLogin):
        raise ConfigError(f"The login of {name} has no token URL.", code="no_token_url")
    return oauth.Login(grant, credentials_of(settings), name=name, ca_file=settings.ca_file)


def login_of(
    name: str, settings: IntegrationSettings, grant: Grant, *, now_ms: Callable[[], int]
) -> Login | None:
    """How new tokens are got, each call counted as a request; None where there is nothing to log in with."""
    if isinstance(grant, NoLogin):
        return None
    check_needs(name, settings, grant)
    if isinstance(grant, StaticBearer | ApiKey):
        given = settings.token or Secret("")

        async def hand_out() -> Token:
            return Token(given, now_ms(), None)

        return Login(fetch=hand_out, given=given)
    server = token_server(name, settings, grant)

    async def fetch() -> Token:
        count_request()
        return await oauth.fetch_token(server, now_ms=now_ms())

    if not isinstance(grant, AuthorizationCode):
        return Login(fetch=fetch, scope=grant.scope)

    async def refresh(token: Secret) -> Token:
        count_request()
        return await oauth.refresh_token(server, token, now_ms=now_ms())

    async def nobody() -> Token:
        raise NeedsPerson(f"{name} needs a person. Run: siscon tokens authorise {name}")

    return Login(fetch=nobody, refresh=refresh, rotates=grant.rotates, scope=grant.scope)
