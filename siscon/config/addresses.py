"""Addresses of a configuration to which a secret may be sent."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from siscon.config.kinds import wrong


def is_loopback(url: str) -> bool:
    """True for an address that never leaves this machine."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_place(url: str) -> str:
    """An address as :func:`checked_address` wants it, or a place of files: a folder, ``file://`` or ``sftp://``."""
    if url.startswith(("/", "file:///")):
        return url
    if not url.startswith("sftp://"):
        return checked_address(url)
    parts = urlsplit(checked_address(url.replace("sftp", "https", 1)))
    return parts._replace(scheme="sftp").geturl()


def checked_address(url: str, *, with_query: bool = False) -> str:
    """An address to which a secret may be sent; raises a complaint that says why not."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise wrong("is no address: write one such as https://district.example.org") from None
    if parts.scheme not in ("https", "http") or not host or any(one.isspace() for one in url):
        raise wrong("is no address: write one such as https://district.example.org")
    if parts.username or parts.password or "@" in parts.netloc:
        raise wrong("must not hold a login: use client_id and client_secret")
    if not with_query and (parts.query or parts.fragment or "?" in url or "#" in url):
        raise wrong("must end before any '?' or '#'")
    if parts.scheme == "http" and not is_loopback(url):
        raise wrong(
            "must be https: http sends the secret and the pupils' data in clear (allowed on this machine only)"
        )
    return url.rstrip("/")
