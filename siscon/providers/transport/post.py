"""One message posted to an address of the configuration: no redirects, proxies or cookies, one deadline for it all."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from pathlib import Path

import httpx

from siscon import __version__
from siscon.domain.errors import ConfigError, TransientError
from siscon.providers.contract import Answer
from siscon.providers.origins import is_loopback, origin_of
from siscon.providers.transport.tls import trust

CONNECT_S = 10.0


async def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    whole_s: float,
    ca_file: Path | None,
    internal: bool = False,
) -> Answer:
    """Send it once; status and headers of the answer, whose body nobody reads. Neither it nor an error repeats the
    address, which may be a secret.

    https alone, but for this machine. Its name is looked up once, and what it leads to is where the message goes: a
    private address only if it is ``internal``. Raises ``TransientError`` and ``ConfigError``.
    """
    scheme, host, port = origin_of(url)
    if scheme != "https" and not is_loopback(host):
        raise ConfigError("The address is not reached by https; only this machine may go without.")
    try:
        async with asyncio.timeout(whole_s):
            places = await _places(host, port or (443 if scheme == "https" else 80), internal=internal)
            return await _first_that_listens(places, url, body, headers=headers, ca_file=ca_file)
    except TimeoutError:
        raise TransientError("It gave no whole answer in time.", code="timeout") from None
    except httpx.TransportError as fault:
        raise TransientError(_words(fault), code="unreachable") from None


async def _places(host: str, port: int, *, internal: bool) -> list[str]:
    """The addresses of a host, each of which may be called."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError:
        raise TransientError("The name of its host cannot be looked up.", code="unreachable") from None
    places = list(dict.fromkeys(str(one[4][0]) for one in found))
    for place in places:
        if not _may_call(
            ipaddress.ip_address(place.partition("%")[0]), near=is_loopback(host), internal=internal
        ):
            raise ConfigError(
                "Its host lies in a private network or on this machine, and the configuration does not call it "
                "internal.",
                code="private_address",
            )
    return places


def _may_call(place: ipaddress.IPv4Address | ipaddress.IPv6Address, *, near: bool, internal: bool) -> bool:
    mapped = getattr(place, "ipv4_mapped", None)
    place = mapped or place
    if place.is_link_local or place.is_multicast or place.is_unspecified:
        return False
    if place.is_loopback:
        return near
    return place.is_global or internal


async def _first_that_listens(
    places: list[str], url: str, body: bytes, *, headers: Mapping[str, str], ca_file: Path | None
) -> Answer:
    target = httpx.URL(url)
    verify = trust(ca_file) if target.scheme == "https" else False
    sent = {
        "Host": target.netloc.decode("ascii"),
        "User-Agent": f"siscon/{__version__}",
        "Accept-Encoding": "identity",
        **headers,
    }
    last: httpx.TransportError = httpx.ConnectError("it has no address")
    bounds = httpx.Timeout(None, connect=CONNECT_S).as_dict()
    for place in places:
        extensions = {"timeout": bounds, "sni_hostname": target.raw_host.decode("ascii")}
        request = httpx.Request(
            "POST", target.copy_with(host=place), headers=sent, content=body, extensions=extensions
        )
        try:
            async with httpx.AsyncHTTPTransport(verify=verify, retries=0, trust_env=False) as transport:
                response = await transport.handle_async_request(request)
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout) as fault:
            last = fault
        else:
            told = {key.lower(): value for key, value in response.headers.items()}
            return Answer(response.status_code, told, b"", "")
    raise last


def _words(fault: httpx.TransportError) -> str:
    if "CERTIFICATE" in str(fault).upper():
        return "Its certificate was not accepted."
    if isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout):
        return "It cannot be reached."
    return "It broke the exchange off."
