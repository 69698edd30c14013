"""What pydantic finds wrong, said so that a person can mend it: our words, the nearest known key, no values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from siscon.config.document import Path
from siscon.config.model import (
    ConsoleSettings,
    EngineSettings,
    IntegrationSettings,
    ProfileSettings,
    Settings,
    StorageSettings,
)
from siscon.config.notices import (
    ChannelSettings,
    DeadlineSettings,
    DigestSettings,
    NoticeSettings,
    QuietSettings,
    RuleSettings,
)
from siscon.config.outward import MailedReport, MetricsSettings, ReportSettings
from siscon.config.policies import (
    AbsenceSettings,
    AccountSettings,
    ConflictSettings,
    GuardSettings,
    StaffAccounts,
    StudentAccounts,
)
from siscon.config.roles import RolesSettings
from siscon.config.schedules import BlackoutSettings, ScheduleSettings
from siscon.config.upkeep import (
    BackupSettings,
    CheckSettings,
    LogSettings,
    RetentionSettings,
    UpkeepSettings,
)
from siscon.config.webhooks import IntegrationWebhook, WebhookSettings
from siscon.domain.text import plain

ANY = "*"
"""Stands in a path for a name that people give, or for a number in a list."""

MODELS: Mapping[Path, type[BaseModel]] = {
    (): Settings,
    ("storage",): StorageSettings,
    ("engine",): EngineSettings,
    ("console",): ConsoleSettings,
    ("profile",): ProfileSettings,
    ("guard",): GuardSettings,
    ("upkeep",): UpkeepSettings,
    ("upkeep", "backup"): BackupSettings,
    ("upkeep", "retention"): RetentionSettings,
    ("upkeep", "check"): CheckSettings,
    ("upkeep", "log"): LogSettings,
    ("notices",): NoticeSettings,
    ("notices", "channels", ANY): ChannelSettings,
    ("notices", "rules", ANY): RuleSettings,
    ("notices", "quiet", ANY): QuietSettings,
    ("notices", "digest"): DigestSettings,
    ("notices", "fresh_by", ANY): DeadlineSettings,
    ("webhooks",): WebhookSettings,
    ("roles",): RolesSettings,
    ("reports",): ReportSettings,
    ("reports", "daily"): MailedReport,
    ("reports", "weekly"): MailedReport,
    ("metrics",): MetricsSettings,
    ("integrations", ANY): IntegrationSettings,
    ("integrations", ANY, "conflicts"): ConflictSettings,
    ("integrations", ANY, "absence"): AbsenceSettings,
    ("integrations", ANY, "webhook"): IntegrationWebhook,
    ("integrations", ANY, "accounts"): AccountSettings,
    ("integrations", ANY, "accounts", "student"): StudentAccounts,
    ("integrations", ANY, "accounts", "staff"): StaffAccounts,
    ("integrations", ANY, "schedules", ANY): ScheduleSettings,
    ("integrations", ANY, "blackouts", ANY): BlackoutSettings,
    ("blackouts", ANY): BlackoutSettings,
}
"""Which keys are known where."""

_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text: put it in quotes",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_too_long": "is too long",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must hold keys and values",
    "model_type": "must hold keys and values",
    "model_attributes_type": "must hold keys and values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "path_type": "must be a path",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One complaint of pydantic in our words."""

    path: Path
    sentence: str
    at_key: bool


def complaints_of(error: ValidationError, *, models: Mapping[Path, type[BaseModel]]) -> list[Told]:
    """Every complaint; ``models`` knows the keys at each place."""
    told = [_told(one, models) for one in error.errors(include_url=False)]
    below = {one.path[:end] for one in told for end in range(len(one.path))}
    return [one for one in told if one.sentence != _SENTENCES["too_short"] or one.path not in below]


def nearest(name: str, known: Collection[str], *, all_of: str) -> str:
    """``: did you mean 'x'?``, or else the names there are."""
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    if close:
        return f": did you mean '{close[0]}'?"
    return f": {all_of} {', '.join(sorted(known))}" if known else ""


def shown(value: Any) -> str:
    """A value as a person reads it in a listing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _told(error: Any, models: Mapping[Path, type[BaseModel]]) -> Told:
    path: Path = tuple(error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if path and path[-1] == "[key]":
        said = _unknown_word(error) if kind == "enum" else error["msg"]
        return Told(path[:-1], said, at_key=True)
    if kind == "extra_forbidden":
        return Told(path, "unknown key" + _nearest_key(path, models), at_key=True)
    if kind in _SENTENCES:
        return Told(path, _SENTENCES[kind], at_key=kind == "missing")
    if kind == "greater_than_equal":
        return Told(path, f"must be at least {context['ge']}", at_key=False)
    if kind == "less_than_equal":
        return Told(path, f"must be at most {context['le']}", at_key=False)
    if kind in ("enum", "literal_error") and not isinstance(error["input"], str):
        return Told(path, _SENTENCES["string_type"], at_key=False)
    if kind in ("enum", "literal_error"):
        return Told(path, _unknown_word(error), at_key=False)
    return Told(path, error["msg"].removeprefix("Value error, "), at_key=False)


def _unknown_word(error: Any) -> str:
    names = [one.strip("'") for one in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
    said = f"'{plain(error['input'], limit=40)}' is not known here"
    return said + nearest(str(error["input"]), names, all_of="known are")


def _nearest_key(path: Path, models: Mapping[Path, type[BaseModel]]) -> str:
    above = path[:-1]
    known_at = [one for one in models if len(one) == len(above) and _fits(above, one)]
    if not known_at:
        return ""
    known = [one for one in models[known_at[0]].model_fields if one != "base_url" or above]
    return nearest(str(path[-1]), known, all_of="known here are")


def _fits(path: Path, general: Path) -> bool:
    return all(told in (ANY, one) for one, told in zip(path, general, strict=True))
