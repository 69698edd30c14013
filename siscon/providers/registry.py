"""Providers by name. They are found as entry points of the group ``siscon.providers``, ours like a stranger's, or as
one file that the configuration names by its path. Nothing is imported before it is asked for by name.
"""

from __future__ import annotations

import difflib
import hashlib
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from siscon.domain.errors import ConfigError, SisconError
from siscon.domain.records import Entity
from siscon.domain.text import plain
from siscon.providers.contract import Provider, ProviderSettings
from siscon.providers.grants import Grant, needs
from siscon.providers.one_file import is_file_name, load_member

GROUP = "siscon.providers"


def _found() -> dict[str, EntryPoint]:
    return {one.name: one for one in sorted(entry_points(group=GROUP), key=lambda one: one.name)}


@dataclass(frozen=True, slots=True)
class Package:
    """Where a provider's code comes from. ``sha256`` is of the file in which its class stands; empty: not known."""

    distribution: str
    version: str
    file: str
    sha256: str

    def __str__(self) -> str:
        shown = f"{self.distribution} {self.version}".strip() or self.file
        return plain(f"{shown}, sha256 {self.sha256[:12]}", limit=300)


def names() -> list[str]:
    """The names of all installed providers; nothing is imported."""
    return list(_found())


def load(name: str) -> type[Provider]:
    """The provider of that name. An unknown or broken one is a ``ConfigError`` that says what to do."""
    if is_file_name(name):
        return _checked(name, load_member(name))
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
    return _checked(name, kind)


def _checked(name: str, kind: object) -> type[Provider]:
    if not (isinstance(kind, type) and issubclass(kind, Provider)):
        raise ConfigError(
            f"What stands behind provider {plain(name)} is no siscon.providers.contract.Provider. "
            "Mend or remove its package.",
            code="broken_provider",
        )
    lacking = _lacking(kind)
    if lacking:
        raise ConfigError(
            f"The provider {plain(name)} is not usable: {lacking}. Mend its code.", code="broken_provider"
        )
    return kind


def _lacking(kind: type[Provider]) -> str:
    """What a class does not say of itself as the contract wants it; empty when all is well."""
    for what in ("name", "title"):
        if not isinstance(getattr(kind, what, None), str):
            return f"its '{what}' is no text"
    entities = getattr(kind, "entities", None)
    if not isinstance(entities, tuple) or not all(isinstance(one, Entity) for one in entities):
        return "its 'entities' are no tuple of Entity"
    if entities != tuple(one for one in Entity if one in entities):
        return "its 'entities' do not stand in the order of Entity, parents before what refers to them"
    if not (isinstance(kind.Settings, type) and issubclass(kind.Settings, ProviderSettings)):
        return "its 'Settings' are no class of ProviderSettings"
    return ""


def package_of(name: str, kind: type[Provider]) -> Package:
    """Where the code of a provider that was loaded under a name comes from."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    try:
        digest = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
    except OSError:
        digest = ""
    entry = _found().get(name)
    if entry is None or entry.dist is None:
        return Package("", "", file, digest)
    return Package(entry.dist.name, entry.dist.version, file, digest)


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
    return load(name).Settings if name in _found() or is_file_name(name) else None


def needs_of(name: str, settings: BaseModel) -> Collection[str]:
    """What an integration must bring along for a provider with these settings to log in.

    A provider that cannot tell is a ``ConfigError``.
    """
    kind = load(name)
    try:
        grant = kind.grant(kind.Settings.model_validate(settings.model_dump()))
    except SisconError:
        raise
    except Exception as error:
        raise _speechless(name, type(error).__name__) from error
    if not isinstance(grant, get_args(Grant)):
        raise _speechless(name, f"its grant is {type(grant).__name__}")
    return needs(grant)


def _speechless(name: str, why: str) -> ConfigError:
    return ConfigError(
        f"The provider {plain(name)} does not say how it logs in ({plain(why)}). Update its package.",
        code="broken_provider",
    )
