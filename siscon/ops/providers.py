"""What may be told of the installed providers: what each offers, needs and lets be set, and whose code it is."""

from __future__ import annotations

from typing import Any

from siscon.domain.errors import SisconError, UsageError
from siscon.providers import registry
from siscon.providers.contract import Provider, ProviderSettings
from siscon.providers.grants import Grant, needs

Row = dict[str, Any]

LOGINS = {
    "ClientCredentials": "OAuth client credentials",
    "Password": "OAuth password grant",
    "AuthorizationCode": "OAuth authorization code",
    "StaticBearer": "a token",
    "ApiKey": "a key in a header",
    "NoLogin": "none",
}


def provider_rows() -> list[Row]:
    """Every installed provider; of one that cannot be loaded the reason."""
    good, bad = registry.load_all()
    rows = [_row(name, kind) for name, kind in good.items()]
    rows += [{"name": name, "state": "broken", "reason": why} for name, why in bad.items()]
    return sorted(rows, key=lambda row: str(row["name"]))


def provider_row(name: str) -> Row:
    """Everything that can be told of one provider; raises ``UsageError`` when it cannot be had."""
    try:
        kind = registry.load(name)
    except SisconError as error:
        raise UsageError(error.sentence, code=error.code) from error
    package = registry.package_of(name, kind)
    rate = kind.rate
    login, needed = _login(kind)
    return {
        **_row(name, kind),
        "media": kind.media,
        "requests": rate.requests,
        "per_s": rate.per_s,
        "at_once": rate.at_once,
        "min_interval_s": rate.min_interval_s,
        "login": login,
        "needs": needed,
        "settings": [_setting(kind.Settings, field) for field in kind.Settings.model_fields],
        "file": package.file,
        "sha256": package.sha256,
    }


def _row(name: str, kind: type[Provider]) -> Row:
    package = registry.package_of(name, kind)
    return {
        "name": name,
        "state": "ok",
        "title": kind.title,
        "entities": [entity.value for entity in kind.entities],
        "distribution": package.distribution,
        "version": package.version,
        "reason": "",
    }


def _login(kind: type[Provider]) -> tuple[str, list[str]]:
    """How it logs in with its default settings; what has no default is invented for the question."""
    fields = kind.Settings.model_fields
    invented: dict[str, Any] = {
        name: "https://sis.example" for name, field in fields.items() if field.is_required()
    }
    try:
        grant: Grant = kind.grant(kind.Settings.model_construct(**invented))
        return LOGINS.get(type(grant).__name__, type(grant).__name__), list(needs(grant))
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything; it is only asked, not used
        return f"depends on its settings ({type(error).__name__})", []


def _setting(model: type[ProviderSettings], name: str) -> Row:
    """One setting as the schema has it."""
    told = model.model_json_schema()["properties"].get(name, {})
    field = model.model_fields[name]
    kinds = [one.get("type", "") for one in told.get("anyOf", [told])]
    choices = told.get("enum") or ([told["const"]] if "const" in told else [])
    return {
        "name": name,
        "type": "one of " + ", ".join(map(str, choices)) if choices else " or ".join(filter(None, kinds)),
        "required": field.is_required(),
        "default": None if field.is_required() else told.get("default"),
        "description": " ".join((field.description or "").split()),
    }
