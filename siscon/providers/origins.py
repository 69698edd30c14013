"""Where secrets may go: scheme, host and port of a URL, exact."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from siscon.domain.errors import ConfigError

Origin = tuple[str, str, int | None]
"""Scheme, host in lower case, port (None: the scheme's own)."""

_OWN_PORT = {"http": 80, "https": 443}


def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL; what is none, or names a user, is a ``ConfigError``."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii").lower()
    except ValueError as error:
        raise ConfigError("An address of the integration is not a URL.") from error
    if parts.scheme not in _OWN_PORT or not host or parts.username is not None:
        raise ConfigError("An address of the integration must be https://host[:port][/path].")
    return parts.scheme, host, None if port == _OWN_PORT[parts.scheme] else port


def is_loopback(host: str) -> bool:
    """True for this machine itself, the one place that may be reached without TLS."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
