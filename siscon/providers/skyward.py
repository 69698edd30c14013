"""Skyward: OneRoster as Qmlativ and SMS 2.0 serve it, with a token URL that no rule derives.

Facts: integrators' guides to Skyward's OneRoster; see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Literal

from siscon.domain.records import Entity
from siscon.providers.contract import Api, Page, Provider, ProviderSettings, Rate
from siscon.providers.grants import ClientCredentials
from siscon.providers.oneroster import ENTITIES, OneRosterPages
from siscon.providers.oneroster_settings import OneRosterSettings, grant_for, service_path


class SkywardSettings(OneRosterSettings):
    """A district's Skyward; the version is 1.1 for SMS 2.0."""

    flavour: Literal["oneroster", "sms_v1"] = "oneroster"
    """Which of Skyward's interfaces to read: OneRoster, or the older one of SMS 2.0 alone."""
    version: Literal["1.1", "1.2"] = "1.1"
    """The OneRoster version, in quotes."""
    token_url: str
    """Where tokens are asked for; it stands on the district's API configuration page."""


class Skyward(Provider):
    """Skyward through OneRoster 1.1 (or 1.2)."""

    name, title = "skyward", "Skyward"
    entities = ENTITIES
    rate = Rate(requests=80, per_s=60.0, at_once=1)
    Settings = SkywardSettings

    def __init__(self, api: Api, settings: ProviderSettings) -> None:
        super().__init__(api, settings)
        assert isinstance(settings, SkywardSettings)
        service = settings.rostering_path or service_path(settings.version)
        self._roster = OneRosterPages(api, settings, service)

    @classmethod
    def grant(cls, settings: ProviderSettings) -> ClientCredentials:
        """Client credentials at the configured token URL."""
        assert isinstance(settings, SkywardSettings)
        return grant_for(settings, settings.token_url)

    async def coverage(self) -> Mapping[str, str]:
        """The OneRoster version and the school year under way."""
        return await self._roster.coverage()

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity over the rostering service."""
        return self._roster.pages(entity, cursor=cursor, resume=resume)
