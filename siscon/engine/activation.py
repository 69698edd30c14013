"""What the configuration names is brought into the database: at the start of an engine, or before a short command."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from siscon.config import IntegrationSettings, Settings
from siscon.domain.errors import ConfigError, SisconError
from siscon.domain.events import EventKind, Level
from siscon.domain.text import plain
from siscon.providers.contract import Provider, ProviderSettings, Rate
from siscon.providers.registry import package_of
from siscon.store import blackouts, events, integrations, schedules
from siscon.store.database import Database

log = logging.getLogger(__name__)

LoadProvider = Callable[[str], type[Provider]]


def host_of(settings: IntegrationSettings) -> str:
    """Where the SIS is, as told to people: host and port, or the folder."""
    return plain(urlsplit(settings.base_url).netloc or settings.base_url, limit=120)


def own_settings(settings: IntegrationSettings, kind: type[Provider]) -> ProviderSettings:
    """The provider's own settings, checked by its model; raises ``ConfigError``."""
    try:
        return kind.Settings(base_url=settings.base_url, **settings.settings)
    except ValueError as error:
        raise ConfigError(
            f"The settings of {plain(kind.title)} do not hold: check them with 'siscon config check'."
        ) from error


def rate_of(settings: IntegrationSettings, kind: type[Provider], own: ProviderSettings) -> Rate:
    """The rate to keep: the configured requests a minute, else the provider's own for these settings."""
    rate = kind.rate_for(own)
    if settings.requests_per_minute is None:
        return rate
    return replace(rate, requests=settings.requests_per_minute, per_s=60.0)


def sharers_of(settings: Settings, name: str) -> tuple[str, ...]:
    """All integrations that ask the same server as the same client, this one among them: their SIS counts together.

    Not the secrets tell, but for whom they are: client id and user name, or the token that stands for both.
    """
    own = _credential(settings.integrations[name])
    if own is None:
        return (name,)
    return tuple(sorted(other for other, one in settings.integrations.items() if _credential(one) == own))


def _credential(settings: IntegrationSettings) -> tuple[object, ...] | None:
    """None where there is nothing to log in with, or no server."""
    parts = urlsplit(settings.base_url)
    token = settings.token.reveal() if settings.token else ""
    who = (settings.client_id, settings.username, token)
    return (parts.scheme.lower(), parts.netloc.lower(), *who) if parts.netloc and any(who) else None


def shared_rate(settings: Settings, name: str, load_provider: LoadProvider) -> Rate:
    """The rate of an integration, or the strictest of all who share its credential."""
    strictest: Rate | None = None
    for other in (name, *sharers_of(settings, name)):
        one = settings.integrations[other]
        try:
            kind = load_provider(one.provider)
            rate = rate_of(one, kind, own_settings(one, kind))
        except SisconError:
            if other == name:
                raise
            continue  # it cannot ask either
        strictest = rate if strictest is None else _stricter(strictest, rate)
    assert strictest is not None, "the integration itself is the first"
    return strictest


def _stricter(ours: Rate, other: Rate) -> Rate:
    """Ours, slowed down to the other's where that is slower; how many at once stays each one's own."""
    interval_s = max(ours.min_interval_s, other.min_interval_s)
    slower = other.requests > 0 and (
        ours.requests <= 0 or other.requests / other.per_s < ours.requests / ours.per_s
    )
    slow = other if slower else ours
    return replace(ours, requests=slow.requests, per_s=slow.per_s, min_interval_s=interval_s)


async def activate_all(
    db: Database, settings: Settings, *, load_provider: LoadProvider, now_ms: Callable[[], int]
) -> dict[str, IntegrationSettings]:
    """Activate every configured integration, switch the others off; those that can be used.

    One whose provider cannot be had harms itself alone: it is reported and stays off.
    """
    usable: dict[str, IntegrationSettings] = {}
    for name, one in settings.integrations.items():
        try:
            zone, kind = settings.time_zone, load_provider(one.provider)
            await _activate(db, name, one, kind=kind, zone=zone, now_ms=now_ms())
        except SisconError as error:
            log.error("%s: %s", name, error.sentence)  # noqa: TRY400 - expected, the sentence says it all
            text = plain(f"{name} cannot be used: {error.sentence}", limit=500)
            async with db.transaction() as c:
                await events.append(c, EventKind.TASK_FAILED, Level.ERROR, text, at_ms=now_ms())
        else:
            usable[name] = one
    async with db.transaction() as c:
        for known in await integrations.all_integrations(c):
            if known.name not in usable:
                await integrations.set_enabled(c, known.name, False)
                await schedules.disarm(c, known.name)
        await blackouts.replace_all(c, settings.all_blackouts)
    return usable


async def _activate(
    db: Database, name: str, settings: IntegrationSettings, *, kind: type[Provider], zone: str, now_ms: int
) -> None:
    timetable = settings.timetable(zone)
    rate = rate_of(settings, kind, own_settings(settings, kind))
    package = package_of(settings.provider, kind)
    async with db.transaction() as c:
        before = await integrations.one(c, name)
        await integrations.activate(
            c,
            name=name,
            provider=settings.provider,
            title=kind.title,
            schedule=next((one.line for one in timetable if one.enabled), ""),
            requests_per_minute=round(rate.requests * 60 / rate.per_s) if rate.requests else 0,
            now_ms=now_ms,
        )
        await integrations.set_enabled(c, name, settings.enabled)
        await schedules.put_all(c, name, timetable, enabled=settings.enabled)
        formerly = await integrations.note_package(c, name, str(package))
        if before is None:
            text = f"{name} ({plain(kind.title)}) is new here, read by {package}"
            kind_of_news = EventKind.INTEGRATION_ACTIVATED
            await events.append(c, kind_of_news, Level.INFO, text, integration=name, at_ms=now_ms)
            return
        if formerly and formerly != str(package):
            text = f"{name} is read by other code: {package}; before {formerly}"
            await events.append(
                c, EventKind.PROVIDER_CHANGED, Level.WARNING, text, integration=name, at_ms=now_ms
            )
