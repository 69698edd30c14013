"""Settings for strangers: numbers, choices and times as they are, every other text by its length alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from siscon.config import Settings
from siscon.domain import schedules
from siscon.domain.errors import UsageError
from siscon.domain.mappings import INTEGRATION_NAME
from siscon.domain.privacy import Secret

_CLOCK = re.compile(r"\d{1,2}:\d\d")
_KEY = re.compile(r"[a-z][a-z_]{0,40}")
HOSTS = ("base_url", "host", "listen", "public_url", "origins")
LINES = ("schedule", "full_schedule", "weekdays")
MASKED_HOST = "host"


def settings_of(settings: Settings, words: Collection[str], *, with_hosts: bool) -> Any:
    """The settings as JSON-able values. Of addresses the host is left, without its path, or with ``with_hosts`` off
    the scheme alone; secrets, references, paths, logins, templates and names of people never are.
    """
    known = {*_choices(type(settings).model_json_schema()), settings.time_zone, *words}
    return _told(settings.model_dump(), (), known, with_hosts)


def _choices(node: Any) -> Iterator[str]:
    """Every word that a setting may be chosen from."""
    if isinstance(node, dict):
        found = [*node.get("enum", ()), node.get("const")] if isinstance(node.get("enum", ()), list) else []
        yield from (one for one in found if isinstance(one, str))
        for inner in node.values():
            yield from _choices(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _choices(inner)


def _told(value: Any, path: tuple[str, ...], known: Collection[str], with_hosts: bool) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Path):
        return "<path>"
    if isinstance(value, Mapping) and "settings" in path:
        return f"<{len(value)} entries>"  # only a provider's own settings go by names that are ours
    if isinstance(value, Mapping):
        return {
            _key(str(key)): _told(one, (*path, str(key)), known, with_hosts) for key, one in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_told(one, path, known, with_hosts) for one in value]
    return _text(str(value), path, known, with_hosts)


def _key(key: str) -> str:
    return key if _KEY.fullmatch(key) or INTEGRATION_NAME.match(key) else "<key>"


def _text(text: str, path: tuple[str, ...], known: Collection[str], with_hosts: bool) -> str:
    if text == str(Secret("")):
        return "<secret>"
    key = path[-1] if path else ""
    if not text or _CLOCK.fullmatch(text):
        return text
    if key in HOSTS:
        return _host(text, with_hosts)
    if key in LINES and _is_line(text if key != "weekdays" else f"0 0 * * {text}"):
        return text
    # What a provider's own settings hold is known to that provider alone.
    return text if text in known and "settings" not in path else f"<text of {len(text)}>"


def _is_line(text: str) -> bool:
    try:
        schedules.parse(text)
    except UsageError:
        return False
    return True


def _host(text: str, with_hosts: bool) -> str:
    if text.startswith(("/", "file:")):
        return "<path>"
    bare = "://" not in text
    parts = urlsplit(f"//{text}" if bare else text)
    host = (parts.hostname or "") if with_hosts else MASKED_HOST
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{'' if bare else f'{parts.scheme}://'}{host}{port}"
