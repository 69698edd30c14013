"""How an integration logs in: one plain description for each way; ``oauth`` carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ClientAuth = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
"""How a client proves itself at the token URL (RFC 6749, section 2.3; RFC 7523, section 2.2)."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The OAuth 2.0 client credentials grant (RFC 6749, section 4.4) at an absolute ``token_url``.

    ``scope`` is space-separated; ``params`` are added to the form.
    """

    token_url: str
    scope: str = ""
    client_auth: ClientAuth = "client_secret_basic"
    params: Mapping[str, str] = field(default_factory=dict)
    revoke_url: str = ""


@dataclass(frozen=True, slots=True)
class Password:
    """The password grant (RFC 6749, section 4.3); without a user name of its own, client id and secret serve."""

    token_url: str
    scope: str = ""
    client_auth: ClientAuth = "client_secret_basic"
    params: Mapping[str, str] = field(default_factory=dict)
    revoke_url: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """The authorization code grant (RFC 6749, section 4.1) with PKCE (RFC 7636): a person allows it once, refresh
    tokens carry it on. ``rotates`` says that a refresh token works once only: after an answer that was lost nobody
    can know which one is good.
    """

    authorize_url: str
    token_url: str
    scope: str = ""
    client_auth: ClientAuth = "client_secret_basic"
    params: Mapping[str, str] = field(default_factory=dict)
    revoke_url: str = ""
    pkce: bool = True
    rotates: bool = True


@dataclass(frozen=True, slots=True)
class StaticBearer:
    """A token that the vendor handed out once: the integration's ``token``."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that goes along in a header of its own: the integration's ``token``."""

    header: str = "X-Api-Key"


@dataclass(frozen=True, slots=True)
class NoLogin:
    """Nothing to log in with: files in a folder, or a server that asks for none."""


Grant = ClientCredentials | Password | AuthorizationCode | StaticBearer | ApiKey | NoLogin


def needs(grant: Grant) -> tuple[str, ...]:
    """The entries of an integration that this way of logging in cannot do without."""
    match grant:
        case ClientCredentials(client_auth="private_key_jwt"):
            return "client_id", "private_key"
        case ClientCredentials() | Password():
            return "client_id", "client_secret"
        case AuthorizationCode(client_auth="private_key_jwt"):
            return "client_id", "private_key"
        case AuthorizationCode(client_auth="none"):
            return ("client_id",)
        case AuthorizationCode():
            return "client_id", "client_secret"
        case StaticBearer() | ApiKey():
            return ("token",)
        case NoLogin():
            return ()
