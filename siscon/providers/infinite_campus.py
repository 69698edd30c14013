"""Infinite Campus: OneRoster as Campus hosts it, with the district's ``appName`` in its addresses.

Facts: Infinite Campus knowledge base, "Guidelines for OneRoster API Consumers"; see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from urllib.parse import quote

from siscon.domain.records import Entity
from siscon.providers.contract import Api, Page, Provider, ProviderSettings, Rate
from siscon.providers.grants import ClientCredentials
from siscon.providers.oneroster.lists import ENTITIES
from siscon.providers.oneroster.marks import as_filter
from siscon.providers.oneroster.pages import OneRosterPages
from siscon.providers.oneroster.settings import OneRosterSettings, grant_for, service_path


class InfiniteCampusSettings(OneRosterSettings):
    """A district's Campus."""

    app_name: str
    """The district's short name, part of the token URL and of the service's path."""
    token_url: str = ""
    """Where tokens are asked for; empty: made from base_url and app_name."""


class InfiniteCampus(Provider):
    """Infinite Campus through OneRoster 1.2 (or 1.1); its data cover the active school year only."""

    name, title = "infinite_campus", "Infinite Campus"
    entities = ENTITIES
    rate = Rate(requests=100, per_s=60.0, at_once=1)
    Settings = InfiniteCampusSettings

    def __init__(self, api: Api, settings: ProviderSettings) -> None:
        super().__init__(api, settings)
        assert isinstance(settings, InfiniteCampusSettings)
        self._roster = OneRosterPages(api, settings, rostering_path(settings))

    @classmethod
    def grant(cls, settings: ProviderSettings) -> ClientCredentials:
        """``POST /campus/oauth2/token?appName=...`` with the Basic header and scopes."""
        assert isinstance(settings, InfiniteCampusSettings)
        host = settings.base_url.rstrip("/")
        usual = f"{host}/campus/oauth2/token?appName={quote(settings.app_name, safe='')}"
        return grant_for(settings, settings.token_url or usual)

    async def coverage(self) -> Mapping[str, str]:
        """``appName``, version and school year: another version has other ids, another year other classes."""
        assert isinstance(self.settings, InfiniteCampusSettings)
        return {"appName": self.settings.app_name, **await self._roster.coverage()}

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


def rostering_path(settings: InfiniteCampusSettings) -> str:
    """Where Campus keeps rostering: ``/campus/api/oneroster/v1p2/{app}/ims/oneroster/rostering/v1p2``."""
    if settings.rostering_path:
        return settings.rostering_path
    version = "v1p1" if settings.version == "1.1" else "v1p2"
    app = quote(settings.app_name, safe="")
    return f"campus/api/oneroster/{version}/{app}/{service_path(settings.version)}"
