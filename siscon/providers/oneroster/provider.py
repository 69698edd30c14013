"""Any SIS that serves OneRoster 1.1 or 1.2 over REST, with whatever login its vendor chose.

Facts: 1EdTech OneRoster 1.1 and 1.2 rostering, Security Framework 1.0; see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field, model_validator

from siscon.domain.records import Entity
from siscon.providers.contract import Api, Page, Provider, ProviderSettings, Rate
from siscon.providers.grants import ApiKey, AuthorizationCode, ClientAuth, Grant, Password, StaticBearer
from siscon.providers.oneroster.lists import ENTITIES
from siscon.providers.oneroster.marks import as_filter
from siscon.providers.oneroster.pages import OneRosterPages
from siscon.providers.oneroster.settings import (
    OneRosterSettings,
    grant_for,
    readable_scopes,
    service_path,
)

Login = Literal[
    "client_credentials", "private_key_jwt", "password", "authorization_code", "bearer", "api_key"
]


class OneRosterRestSettings(OneRosterSettings):
    """A OneRoster server of any vendor; the addresses stand in the vendor's or the district's guide."""

    login: Login = "client_credentials"
    """How siscon logs in; what it needs for that stands in the table of logins."""
    client_auth: Literal["basic", "post"] = "basic"
    """Where the token URL wants client id and secret: in the Authorization header, or in the form."""
    token_url: str = ""
    """Where tokens are asked for; not for bearer and api_key."""
    token_params: dict[str, str] = Field(default_factory=dict)
    """Further fields of the form that asks for a token, such as an audience."""
    authorize_url: str = ""
    """Where a person allows the login, for authorization_code."""
    revoke_url: str = ""
    """Where tokens are given back (RFC 7009); empty: the server takes none back."""
    api_key_header: str = "X-Api-Key"
    """The header in which the key travels, for api_key."""
    pkce: bool = True
    """Prove each authorization code (RFC 7636); off for servers that refuse it."""
    rotates: bool = True
    """Each refresh token works once; off where the vendor says that it lasts."""

    @model_validator(mode="after")
    def _addresses(self) -> OneRosterRestSettings:
        if self.login not in ("bearer", "api_key") and not self.token_url:
            raise ValueError(f"login {self.login} needs token_url")
        if self.login == "authorization_code" and not self.authorize_url:
            raise ValueError("login authorization_code needs authorize_url")
        return self


class OneRosterRest(Provider):
    """OneRoster 1.2 or 1.1 from any vendor."""

    name, title = "oneroster", "OneRoster"
    entities = ENTITIES
    rate = Rate(requests=60, per_s=60.0, at_once=1)
    Settings = OneRosterRestSettings

    def __init__(self, api: Api, settings: ProviderSettings) -> None:
        super().__init__(api, settings)
        assert isinstance(settings, OneRosterRestSettings)
        service = settings.rostering_path or service_path(settings.version)
        self._roster = OneRosterPages(api, settings, service)

    @classmethod
    def grant(cls, settings: ProviderSettings) -> Grant:
        """What ``login`` names."""
        assert isinstance(settings, OneRosterRestSettings)
        auth: ClientAuth = "client_secret_post" if settings.client_auth == "post" else "client_secret_basic"
        url, scope, revoke = settings.token_url, readable_scopes(settings), settings.revoke_url
        match settings.login:
            case "client_credentials":
                return grant_for(
                    settings, url, client_auth=auth, params=settings.token_params, revoke_url=revoke
                )
            case "private_key_jwt":
                return grant_for(
                    settings,
                    url,
                    client_auth="private_key_jwt",
                    params=settings.token_params,
                    revoke_url=revoke,
                )
            case "password":
                return Password(url, scope, auth, settings.token_params, revoke)
            case "authorization_code":
                return AuthorizationCode(
                    settings.authorize_url,
                    url,
                    scope,
                    auth,
                    settings.token_params,
                    revoke,
                    settings.pkce,
                    settings.rotates,
                )
            case "bearer":
                return StaticBearer()
            case "api_key":
                return ApiKey(settings.api_key_header)

    async def coverage(self) -> Mapping[str, str]:
        """The OneRoster version and the school year under way."""
        return await self._roster.coverage()

    @classmethod
    def cursor_at(cls, settings: ProviderSettings, moment: datetime) -> str | None:  # noqa: ARG003 - all can
        """What ``dateLastModified`` is compared with."""
        return as_filter(moment)

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity over the rostering service."""
        return self._roster.pages(entity, cursor=cursor, resume=resume)

    def read(self, entity: Entity, raw: str, part: str) -> Page | None:
        """A row that a person has mended."""
        return self._roster.read(entity, raw, part)

    async def one(self, entity: Entity, external_id: str) -> Page | None:
        """One record by its id."""
        return await self._roster.one(entity, external_id)

    async def related(self, entity: Entity, of: Entity, external_id: str) -> Page | None:
        """The enrollments of one student or section."""
        return await self._roster.related(entity, of, external_id)
