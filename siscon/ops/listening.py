"""The socket on which a receiver or a page of metrics listens."""

from __future__ import annotations

import socket

from siscon.domain.errors import ConfigError
from siscon.domain.text import plain


def bind(host: str, port: int, *, what: str, advice: str) -> socket.socket:
    """A socket bound to an address; raises ``ConfigError`` where that cannot be had.

    ``what`` begins the sentence that says so (such as "Webhooks cannot be received"), ``advice`` ends it.
    """
    try:
        [(family, kind, _, _, place), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.socket(family, kind)
    except (OSError, UnicodeError) as error:
        raise _refused(host, port, what, advice, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.setblocking(False)
    except (OSError, OverflowError) as error:
        listening.close()
        raise _refused(host, port, what, advice, error) from error
    return listening


def _refused(host: str, port: int, what: str, advice: str, error: Exception) -> ConfigError:
    why = getattr(error, "strerror", None) or "it is no address"
    return ConfigError(f"{what} at {plain(host)}, port {port}: {why}. {advice}", code="no_port")
