"""Providers by name. They are found as entry points of the group ``siscon.providers``, ours like a stranger's."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points

from pydantic import BaseModel

from siscon.domain.errors import ConfigError, SisconError
from siscon.domain.text import plain
from siscon.providers.contract import Provider, ProviderSettings
from siscon.providers.grants import needs

GROUP = "siscon.providers"


def _found() -> dict[str, EntryPoint]:
    return {one.name: one for one in sorted(entry_points(group=GROUP), key=lambda one: one.name)}


def names() -> list[str]:
    """The names of all installed providers; nothing is imported."""
    return list(_found())


def load(name: str) -> type[Provider]:
    """The provider of that name. An unknown or broken one is a ``ConfigError`` that says what to do."""
    found = _found()
    entry = found.get(name)
    if entry is None:
        near = difflib.get_close_matches(name, found, n=1)
        hint = (
            f"Did you mean {plain(near[0])}?"
            if near
            else f"Installed are: {plain(', '.join(found)) or 'none'}."
        )
        raise ConfigError(f"There is no provider {plain(name)}. {hint}", code="unknown_provider")
    try:
        kind = entry.load()
    except Exception as error:
        raise ConfigError(
            f"The provider {plain(name)} cannot be imported ({type(error).__name__}: {plain(error)}). "
            "Reinstall or update its package.",
            code="broken_provider",
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Provider)):
        raise ConfigError(
            f"The entry point of provider {plain(name)} is no siscon.providers.contract.Provider.",
            code="broken_provider",
        )
    return kind


def load_all() -> tuple[dict[str, type[Provider]], dict[str, str]]:
    """All providers that load, and for each that does not the sentence why."""
    good: dict[str, type[Provider]] = {}
    bad: dict[str, str] = {}
    for name in names():
        try:
            good[name] = load(name)
        except ConfigError as error:
            bad[name] = error.sentence
    return good, bad


def settings_of(name: str) -> type[ProviderSettings] | None:
    """The model of a provider's settings; None when there is no such provider, ``ConfigError`` when it is broken."""
    return load(name).Settings if name in _found() else None


def needs_of(name: str, settings: BaseModel) -> Collection[str]:
    """What an integration must bring along for a provider with these settings to log in.

    A provider that cannot tell is a ``ConfigError``.
    """
    kind = load(name)
    try:
        return needs(kind.grant(kind.Settings.model_validate(settings.model_dump())))
    except SisconError:
        raise
    except Exception as error:
        raise ConfigError(
            f"The provider {plain(name)} does not say how it logs in ({type(error).__name__}). Update its package.",
            code="broken_provider",
        ) from error
