"""Where in a configuration secrets stand: they are given by reference alone, and shown as stars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from siscon.config.addresses import is_loopback
from siscon.config.document import Path
from siscon.config.model import SECRETS
from siscon.config.notices import SECRETS as OF_CHANNELS


def places(values: dict[str, Any]) -> Iterator[tuple[Path, bool]]:
    """The place of each secret that is given, and whether it concerns systems on this machine alone."""
    for name, told in _named(values.get("integrations")):
        here = is_loopback(str(told.get("base_url", "")))
        yield from ((("integrations", name, key), here) for key in SECRETS if key in told)
        webhook = told.get("webhook")
        keys = webhook.get("secrets") if isinstance(webhook, dict) else None
        place: Path = ("integrations", name, "webhook", "secrets")
        if isinstance(keys, list):
            yield from (((*place, at), here) for at in range(len(keys)))
        elif keys is not None:
            yield place, here
    notices = values.get("notices")
    for name, told in _named(notices.get("channels") if isinstance(notices, dict) else None):
        host = str(told.get("host", ""))
        near = is_loopback(f"smtp://[{host}]" if ":" in host else f"smtp://{host}") if host else None
        for key in (one for one in OF_CHANNELS if one in told):
            top: Path = ("notices", "channels", name, key)
            if key == "urls" and isinstance(told[key], list):
                yield from (((*top, at), _is_here(one)) for at, one in enumerate(told[key]))
            else:
                yield top, _is_here(told.get("url")) if near is None else near


def is_secret(path: Path) -> bool:
    """Whether a value is shown as stars."""
    if path[0] == "integrations":
        return (len(path) == 3 and path[2] in SECRETS) or path[2:4] == ("webhook", "secrets")
    return path[:2] == ("notices", "channels") and len(path) > 3 and path[3] in OF_CHANNELS


def _is_here(address: object) -> bool:
    """For an address with another scheme (apprise's json://localhost) its host counts, too."""
    return isinstance(address, str) and is_loopback(address)


def _named(found: object) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(found, dict):
        yield from ((name, told) for name, told in found.items() if isinstance(told, dict))
