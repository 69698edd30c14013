"""A configuration file read, expanded, overridden by the environment and checked: every complaint at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from siscon.config import references, secrecy, words
from siscon.config.addresses import checked_address
from siscon.config.document import MAX_BYTES, Document, Path, dotted, read_document
from siscon.config.model import Settings, with_file
from siscon.config.roles import belongs_to_another, doubts_about
from siscon.domain.errors import Complaint, ConfigError, SisconError

ProviderSettingsOf = Callable[[str], type[BaseModel] | None]
"""The settings model of a provider by its name; None when there is no such provider."""

ProviderNeeds = Callable[[str, BaseModel], Collection[str]]
"""What an integration must bring along for a provider with these settings to log in: keys beside ``provider``."""

KeyFaults = Callable[[Mapping[str, Sequence[str]]], Iterable[tuple[str, str]]]
"""What is wrong with ``console.keys``: an action's id and a sentence each."""

OVERRIDE = "SISCON__"
"""``SISCON__ENGINE__BATCH=100`` in the environment beats ``engine.batch`` in the file."""


def nothing_needed(_provider: str, _settings: BaseModel) -> Collection[str]:
    """Where nobody knows the providers' logins, none is checked."""
    return ()


def no_faults(_keys: Mapping[str, Sequence[str]]) -> Iterable[tuple[str, str]]:
    """Where nobody knows the console, its keys are taken as they are."""
    return ()


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One value of a configuration as it may be shown, and where it comes from."""

    key: str
    value: str
    source: str


@dataclass(slots=True)
class Loaded:
    """Settings beside all that is known of where they come from."""

    file: FilePath
    document: Document
    owner: int
    settings: Settings | None = None
    written: dict[Path, str] = field(default_factory=dict)
    overridden: dict[Path, str] = field(default_factory=dict)
    of_providers: dict[str, dict[str, Any]] = field(default_factory=dict)


def load(
    path: FilePath,
    environ: Mapping[str, str],
    *,
    provider_settings: ProviderSettingsOf,
    provider_needs: ProviderNeeds = nothing_needed,
    known_providers: Collection[str] = (),
    key_faults: KeyFaults = no_faults,
    behind_sudo: bool = False,
) -> Settings:
    """The checked settings; raises ``ConfigError`` with every complaint.

    ``behind_sudo``: another account became this one, and its own files are not believed.
    """
    loaded = read(
        path,
        environ,
        provider_settings=provider_settings,
        provider_needs=provider_needs,
        known_providers=known_providers,
        key_faults=key_faults,
    )
    complaints = loaded.document.complaints
    if complaints or loaded.settings is None:
        told = tuple(sorted(complaints, key=lambda one: (one.line or 1_000_000, one.column, one.path)))
        many = "one thing is" if len(told) == 1 else f"{len(told)} things are"
        raise ConfigError(
            f"The configuration {path} cannot be used: {many} wrong.", complaints=told, file=str(path)
        )
    doubt = belongs_to_another(path, loaded.owner, loaded.settings.home) if behind_sudo else ""
    if doubt:
        raise ConfigError(doubt, file=str(path), code="not_believed")
    return loaded.settings


def read(
    path: FilePath,
    environ: Mapping[str, str],
    *,
    provider_settings: ProviderSettingsOf,
    provider_needs: ProviderNeeds = nothing_needed,
    known_providers: Collection[str] = (),
    key_faults: KeyFaults = no_faults,
) -> Loaded:
    """Read and check a file; what is wrong stands in the document's complaints, whose settings are then None."""
    text, owner = _text_of(path)
    loaded = Loaded(path.absolute(), read_document(text), owner)
    if loaded.document.complaints and not loaded.document.values:
        return loaded
    loaded.written = references.expand(loaded.document, environ, beside=loaded.file.parent)
    _override(loaded, environ)
    loaded.document.values = _without_empty(loaded.document.values, ())
    _check_secrets(loaded)
    _check_providers(loaded, provider_settings, provider_needs, known_providers)
    _check_model(loaded)
    _check_keys(loaded, key_faults)
    _check_roles(loaded)
    if loaded.document.complaints:
        loaded.settings = None
    return loaded


def explain(
    path: FilePath,
    environ: Mapping[str, str],
    *,
    provider_settings: ProviderSettingsOf,
    provider_needs: ProviderNeeds = nothing_needed,
    known_providers: Collection[str] = (),
) -> list[SettingRow]:
    """Every value with its source; secrets are never shown. Raises ``ConfigError`` as :func:`load` does."""
    load(
        path,
        environ,
        provider_settings=provider_settings,
        provider_needs=provider_needs,
        known_providers=known_providers,
    )
    loaded = read(path, environ, provider_settings=provider_settings, known_providers=known_providers)
    if loaded.settings is None:
        return []
    values = loaded.settings.model_dump(mode="json")
    for name, told in loaded.of_providers.items():
        values["integrations"][name]["settings"] = told
    return list(_rows(loaded, values, ()))


def _rows(loaded: Loaded, values: Any, path: Path) -> list[SettingRow]:
    if isinstance(values, dict) and (values or path == ()):
        return [row for key, value in values.items() for row in _rows(loaded, value, (*path, key))]
    shown = "***" if _is_hidden(loaded, path) else words.shown(values)
    return [SettingRow(dotted(path), shown, _source(loaded, path))]


def _is_hidden(loaded: Loaded, path: Path) -> bool:
    """A secret, or what a provider's setting takes from a reference: only its author knows whether that is one."""
    if path[0] == "integrations" and path[2:3] == ("settings",):
        return any(written[: len(path)] == path for written in loaded.written)
    return secrecy.is_secret(path)


def _source(loaded: Loaded, path: Path) -> str:
    if path in loaded.overridden:
        return f"environment {loaded.overridden[path]}"
    place = loaded.document.places.get(path)
    if place is None:
        return "default"
    reference = loaded.written.get(path, "").partition(":-")[0]
    closed = reference if not reference or reference.endswith("}") else reference + "}"
    return f"{loaded.file.name}:{place[0]}" + (f", {closed}" if closed else "")


def _text_of(path: FilePath) -> tuple[str, int]:
    """What stands in a file, and the account that this very file belongs to."""
    try:
        with path.open("rb") as file:
            owner = os.fstat(file.fileno()).st_uid
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        said = f"There is no configuration at {path}: name one with --config, or start with 'siscon demo'."
        raise ConfigError(said, file=str(path), code="no_config") from error
    except OSError as error:
        raise ConfigError(
            f"The configuration {path} cannot be read: {error.strerror}.", file=str(path)
        ) from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"The configuration {path} is larger than 1 MiB: split it.", file=str(path))
    try:
        return content.decode("utf-8-sig"), owner
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        complaint = Complaint("", "this line is not text in UTF-8: save the file as UTF-8", line, 1)
        said = f"The configuration {path} cannot be used: one thing is wrong."
        raise ConfigError(said, complaints=(complaint,), file=str(path)) from error


def _override(loaded: Loaded, environ: Mapping[str, str]) -> None:
    for name in sorted(one for one in environ if one.startswith(OVERRIDE)):
        path: Path = tuple(name.removeprefix(OVERRIDE).lower().split("__"))
        holder: Any = loaded.document.values
        for key in path[:-1]:
            if holder.get(key) is None:
                holder[key] = {}
            holder = holder[key]
            if not isinstance(holder, dict):
                break
        if not isinstance(holder, dict) or isinstance(holder.get(path[-1]), dict) or not all(path):
            loaded.document.complain(path, f"the environment variable {name} names no single value")
            continue
        holder[path[-1]] = environ[name]
        loaded.overridden[path] = name
        loaded.written.pop(path, None)
        loaded.document.refused.discard(path)
        loaded.document.complaints = [one for one in loaded.document.complaints if one.path != dotted(path)]


def _without_empty(values: Any, path: Path) -> Any:
    """An empty key means the default; an integration without anything lacks everything."""
    if not isinstance(values, dict):
        return values
    kept = {key: _without_empty(value, (*path, key)) for key, value in values.items() if value is not None}
    if path == ("integrations",):
        kept.update({key: {} for key, value in values.items() if value is None})
    return kept


def _integrations(loaded: Loaded) -> list[tuple[str, dict[str, Any]]]:
    found = loaded.document.values.get("integrations")
    told = found.items() if isinstance(found, dict) else ()
    return [(name, values) for name, values in told if isinstance(values, dict)]


def _check_secrets(loaded: Loaded) -> None:
    for path, here in secrecy.places(loaded.document.values):
        if path in loaded.overridden or path in loaded.document.refused:
            continue
        written = loaded.written.get(path, "")
        if not references.is_reference(written):
            said = "must not stand here in clear: write ${NAME} for an environment variable, or ${file:/path}"
            loaded.document.complain(path, said)
        elif references.has_default(written) and not here:
            said = (
                "a default after ':-' puts the secret here in clear: allowed for systems on this machine only"
            )
            loaded.document.complain(path, said)


def _check_providers(
    loaded: Loaded, settings_of: ProviderSettingsOf, needs_of: ProviderNeeds, known: Collection[str]
) -> None:
    for name, values in _integrations(loaded):
        provider = values.get("provider")
        if not isinstance(provider, str):
            continue
        try:
            model = settings_of(provider)
        except SisconError as error:
            loaded.document.complain(("integrations", name, "provider"), error.sentence)
            continue
        if model is None:
            said = f"there is no provider '{provider[:60]}'" + words.nearest(
                provider, known, all_of="installed are"
            )
            loaded.document.complain(("integrations", name, "provider"), said)
            continue
        settings = values.get("settings", {})
        if isinstance(settings, dict):
            checked = _check_provider_settings(loaded, name, values, settings, model)
            if checked is not None:
                _check_login(loaded, name, values, provider, needs_of, checked)


def _check_provider_settings(
    loaded: Loaded, name: str, values: dict[str, Any], settings: dict[str, Any], model: type[BaseModel]
) -> BaseModel | None:
    top: Path = ("integrations", name)
    if "base_url" in settings:
        loaded.document.complain(
            (*top, "settings", "base_url"), "stands one level up, beside provider", at_key=True
        )
    _check_addresses(loaded, (*top, "settings"), settings)
    try:
        checked = model.model_validate({**settings, "base_url": values.get("base_url", "")})
    except ValidationError as error:
        for one in words.complaints_of(error, models={(): model}):
            inside = ("settings", *one.path) if one.path[:1] != ("base_url",) else one.path
            _complain(loaded, (*top, *inside), one)
        return None
    loaded.of_providers[name] = checked.model_dump(mode="json", exclude={"base_url"})
    return checked


def _check_login(
    loaded: Loaded,
    name: str,
    values: dict[str, Any],
    provider: str,
    needs_of: ProviderNeeds,
    settings: BaseModel,
) -> None:
    """What the login cannot do without must be there before the first request, not be missed by it."""
    try:
        needed = [*needs_of(provider, settings)]
    except SisconError as error:
        loaded.document.complain(("integrations", name, "provider"), error.sentence)
        return
    if values.get("username") and not any(values.get(key) for key in ("password", "private_key")):
        needed.append("password")
    for key in needed:
        path: Path = ("integrations", name, key)
        if key not in values and path not in loaded.document.refused:
            loaded.document.complain(path, f"is missing: {provider} logs in with it")


def _check_addresses(loaded: Loaded, top: Path, settings: dict[str, Any]) -> None:
    """Further addresses of a provider (``token_url``) receive the secret as well: the same rules hold."""
    for key, value in settings.items():
        if key != "base_url" and key.endswith("_url") and isinstance(value, str) and value:
            try:
                checked_address(value, with_query=True)
            except PydanticCustomError as error:
                loaded.document.complain((*top, key), error.message())


def _check_model(loaded: Loaded) -> None:
    try:
        context = {"base": loaded.file.parent}
        settings = Settings.model_validate(loaded.document.values, context=context)
    except ValidationError as error:
        for one in words.complaints_of(error, models=words.MODELS):
            _complain(loaded, one.path, one)
    else:
        loaded.settings = with_file(settings, loaded.file)


def _check_keys(loaded: Loaded, faults_of: KeyFaults) -> None:
    if loaded.settings is not None:
        for id_, sentence in faults_of(loaded.settings.console.keys):
            _complain(loaded, ("console", "keys", id_), words.Told((), sentence, at_key=False))


def _check_roles(loaded: Loaded) -> None:
    """Roles stand in the file itself, and in one that only those can write who own the home."""
    for path in {*loaded.written, *loaded.overridden}:
        if path[:1] == ("roles",):
            loaded.document.complain(path, "must stand in the file itself: an environment is anybody's")
    if loaded.settings is not None and loaded.settings.roles is not None:
        doubt = doubts_about(loaded.file, loaded.settings.home, loaded.owner)
        if doubt:
            loaded.document.complain(("roles",), doubt, at_key=True)


def _complain(loaded: Loaded, path: Path, told: words.Told) -> None:
    if any(path[: len(refused)] == refused for refused in loaded.document.refused):
        return
    override = loaded.overridden.get(path)
    sentence = f"{told.sentence} (from the environment variable {override})" if override else told.sentence
    loaded.document.complain(path, sentence, at_key=told.at_key)
