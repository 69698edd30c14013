"""Skyward: OneRoster as Qmlativ and SMS 2.0 serve it, or SMS 2.0's own interface; no rule derives the token URL.

Facts: integrators' guides to Skyward's OneRoster; see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Literal

from siscon.domain.records import Entity
from siscon.providers.contract import Api, Page, Provider, ProviderSettings, Rate
from siscon.providers.grants import Grant, Password
from siscon.providers.oneroster.lists import ENTITIES
from siscon.providers.oneroster.marks import as_filter
from siscon.providers.oneroster.pages import OneRosterPages
from siscon.providers.oneroster.settings import OneRosterSettings, grant_for, service_path
from siscon.providers.skyward.native import OFFERED, NativePages


class SkywardSettings(OneRosterSettings):
    """A district's Skyward; the version is 1.1 for SMS 2.0."""

    flavour: Literal["oneroster", "sms_v1"] = "oneroster"
    """Which of Skyward's interfaces to read: OneRoster, or the older one of SMS 2.0 alone."""
    version: Literal["1.1", "1.2"] = "1.1"
    """The OneRoster version, in quotes."""
    token_url: str
    """Where tokens are asked for; it stands on the district's API configuration page."""


class Skyward(Provider):
    """Skyward through OneRoster 1.1 (or 1.2), or through the older interface of SMS 2.0."""

    name, title = "skyward", "Skyward"
    entities = ENTITIES
    rate = Rate(requests=80, per_s=60.0, at_once=1)
    Settings = SkywardSettings

    def __init__(self, api: Api, settings: ProviderSettings) -> None:
        super().__init__(api, settings)
        assert isinstance(settings, SkywardSettings)
        service = settings.rostering_path or service_path(settings.version)
        self._roster = OneRosterPages(api, settings, service)
        self._native: NativePages | None = None
        if settings.flavour == "sms_v1":
            self._native = NativePages(api, settings.base_url, page_size=settings.page_size)

    @classmethod
    def grant(cls, settings: ProviderSettings) -> Grant:
        """Client credentials at the configured token URL; the older interface wants key and secret as a password."""
        assert isinstance(settings, SkywardSettings)
        if settings.flavour == "sms_v1":
            return Password(settings.token_url)
        return grant_for(settings, settings.token_url)

    @classmethod
    def offers(cls, settings: ProviderSettings) -> tuple[Entity, ...]:
        """All of a roster by OneRoster; schools and students by the older interface."""
        assert isinstance(settings, SkywardSettings)
        return OFFERED if settings.flavour == "sms_v1" else cls.entities

    async def coverage(self) -> Mapping[str, str]:
        """The OneRoster version and the school year under way; the older interface tells nothing."""
        return await self._roster.coverage() if self._native is None else {}

    @classmethod
    def cursor_at(cls, settings: ProviderSettings, moment: datetime) -> str | None:
        """What ``dateLastModified`` is compared with; the older interface cannot ask by date."""
        assert isinstance(settings, SkywardSettings)
        return None if settings.flavour == "sms_v1" else as_filter(moment)

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity."""
        if self._native is not None:
            return self._native.pages(entity, resume=resume)
        return self._roster.pages(entity, cursor=cursor, resume=resume)

    def read(self, entity: Entity, raw: str, part: str) -> Page | None:
        """A row that a person has mended."""
        return (self._native or self._roster).read(entity, raw, part)

    async def one(self, entity: Entity, external_id: str) -> Page | None:
        """One record by its id; None where only the system's own interface is read."""
        return None if self._native is not None else await self._roster.one(entity, external_id)

    async def related(self, entity: Entity, of: Entity, external_id: str) -> Page | None:
        """The enrollments of one student or section; None where only the system's own interface is read."""
        return None if self._native is not None else await self._roster.related(entity, of, external_id)
