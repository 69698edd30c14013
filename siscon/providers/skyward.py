"""Skyward: OneRoster as Qmlativ and SMS 2.0 serve it, with a token URL that no rule derives.

Facts: integrators' guides to Skyward's OneRoster; see docs/providers.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from siscon.domain.records import Entity
from siscon.providers.contract import Api, Page, Provider, ProviderSettings, Rate
from siscon.providers.grants import ClientCredentials
from siscon.providers.oneroster import ENTITIES, OneRosterPages, OneRosterSettings, grant_for, service_path


class SkywardSettings(OneRosterSettings):
    """``token_url`` comes from the district's API configuration page; the version is 1.1 for SMS 2.0."""

    flavour: Literal["oneroster", "sms_v1"] = "oneroster"
    """Which of Skyward's interfaces to read: OneRoster, or the older one of SMS 2.0 alone."""
    version: Literal["1.1", "1.2"] = "1.1"
    token_url: str


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

    def pages(self, entity: Entity, *, cursor: str | None, resume: str | None) -> AsyncIterator[Page]:
        """The pages of one entity over the rostering service."""
        return self._roster.pages(entity, cursor=cursor, resume=resume)
