"""How an integration logs in: one plain description for each way; ``oauth`` carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from siscon.domain.privacy import Secret

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
    can know which one is good. ``issuer`` is the server's own name for itself (RFC 9207); without one the origin of
    ``authorize_url`` must do.
    """

    authorize_url: str
    token_url: str
    scope: str = ""
    client_auth: ClientAuth = "client_secret_basic"
    params: Mapping[str, str] = field(default_factory=dict)
    revoke_url: str = ""
    pkce: bool = True
    rotates: bool = True
    issuer: str = ""


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


TokenGrant = ClientCredentials | Password | AuthorizationCode
"""The ways to log in that ask a token URL."""

Grant = TokenGrant | StaticBearer | ApiKey | NoLogin


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an integration brings along to log in with; which of it is needed depends on the grant."""

    client_id: str = ""
    client_secret: Secret | None = None
    private_key: Secret | None = None
    username: str = ""
    password: Secret | None = None
    token: Secret | None = None


def present(grant: Grant) -> tuple[str, str]:
    """The header in which the credential travels, and what stands before it there; no name: it has none."""
    match grant:
        case ApiKey(header):
            return header, ""
        case NoLogin():
            return "", ""
        case _:
            return "Authorization", "Bearer "  # RFC 6750, section 2.1


def needs(grant: Grant) -> tuple[str, ...]:
    """The entries of an integration that this way of logging in cannot do without."""
    match grant:
        case NoLogin():
            return ()
        case StaticBearer() | ApiKey():
            return ("token",)
        case Password():
            return "client_id", "client_secret"
        case (
            ClientCredentials(client_auth="private_key_jwt")
            | AuthorizationCode(client_auth="private_key_jwt")
        ):
            return "client_id", "private_key"
        case AuthorizationCode(client_auth="none"):
            return ("client_id",)
        case ClientCredentials() | AuthorizationCode():
            return "client_id", "client_secret"
