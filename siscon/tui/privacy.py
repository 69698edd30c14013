"""Which lines may stand in a file: those that name no pupil and no place. Whatever is not known is private."""

from __future__ import annotations

import re
from enum import StrEnum

from siscon.domain.errors import Category, UsageError
from siscon.domain.events import Level
from siscon.domain.integrations import IntegrationState
from siscon.domain.mappings import INTEGRATION_NAME, SyncStatus
from siscon.domain.plans import Verdict
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.domain.tokens import TokenHealth
from siscon.tui.verbs import takes_of, understand

HARMLESS = frozenset({"integration", "entity", "--full", "run", "error", "theme", "time"})
"""Kinds of words that are names of ours or numbers. All others are ids, names of people, paths, or free text."""

_STATES: tuple[type[StrEnum], ...] = (RunStatus, SyncStatus, IntegrationState, TokenHealth, Verdict)
_WORDS = {
    "entity": frozenset(map(str, Entity)),
    "class": frozenset(map(str, Category)),
    "level": frozenset(map(str, Level)),
    **dict.fromkeys(
        ("state", "status", "end", "verdict"), frozenset(str(one) for kind in _STATES for one in kind)
    ),
}
"""Columns whose values are words of ours, and those words: anything else that is typed there may be a name."""
_NUMBERS = frozenset({"run", "attempts", "age", "records", "failed"})
_NUMBER = re.compile(r"[0-9]{1,9}[smhd]?\Z")
_TERM = re.compile(r"!?([a-z_]+)(?:!=|>=|<=|=|>|<)(.+)\Z")


def is_private(line: str) -> bool:
    """Whether a line may hold what no file may keep."""
    try:
        said = understand(line)
    except UsageError:
        return True
    kinds = {one.rstrip("?*") for one in takes_of(said.action)}
    if said.is_bare or not kinds:
        return False
    if kinds == {"filter"}:
        return not all(map(_names_nobody, said.rest.split()))
    return not kinds <= HARMLESS


def _names_nobody(term: str) -> bool:
    found = _TERM.match(term)
    if found is None:
        return False
    column, value = found.groups()
    if column in _NUMBERS:
        return bool(_NUMBER.match(value))
    if column == "integration":
        return bool(INTEGRATION_NAME.match(value))
    return value in _WORDS.get(column, ())
