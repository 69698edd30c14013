"""One file from an address, streamed to disk under a cap; beside the client, the one other user of httpx."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import httpx

from siscon import __version__
from siscon.domain.errors import ConfigError, ProviderError, TransientError
from siscon.domain.text import plain
from siscon.providers.contract import Answer
from siscon.providers.origins import is_loopback, origin_of
from siscon.providers.transport.classify import judge, judge_fault
from siscon.providers.transport.tls import trust


async def download(
    url: str,
    into: IO[bytes],
    *,
    headers: Mapping[str, str],
    cap_bytes: int,
    whole_s: float,
    ca_file: Path | None,
) -> Answer:
    """Write the body of a 200 into a file; the answer (200 or 304) comes without it.

    No redirects, cookies, content encodings or proxies of the environment. Raises ``TransientError``,
    ``AuthError``, ``ProviderError``.
    """
    scheme, host, _ = origin_of(url)
    if scheme != "https" and not is_loopback(host):
        raise ConfigError(f"{plain(host)} is not reached by https; only loopback may go without.")
    target = httpx.URL(url)
    name = f"GET {plain(target.path, limit=120)}"
    sent = {
        "Accept-Encoding": "identity",
        "User-Agent": f"siscon/{__version__}",
        "Host": target.netloc.decode(),
    }
    bounds = httpx.Timeout(30.0, connect=5.0).as_dict()
    request = httpx.Request("GET", target, headers={**sent, **headers}, extensions={"timeout": bounds})
    transport = httpx.AsyncHTTPTransport(
        verify=trust(ca_file) if scheme == "https" else False, retries=0, trust_env=False
    )
    try:
        async with asyncio.timeout(whole_s), transport:
            response = await transport.handle_async_request(request)
            try:
                return await _kept(response, into, name, str(target), cap_bytes)
            finally:
                await response.aclose()
    except (httpx.TransportError, TimeoutError) as fault:
        raise judge_fault(fault, name) or TransientError(f"{name} failed.") from None


async def _kept(response: httpx.Response, into: IO[bytes], name: str, url: str, cap_bytes: int) -> Answer:
    headers = {key.lower(): value for key, value in response.headers.items()}
    answer = Answer(response.status_code, headers, b"", url)
    if response.status_code == 304:
        return answer
    if response.status_code != 200:
        raise judge(answer, name, now=datetime.now(UTC))
    if headers.get("content-encoding", "identity") not in ("", "identity"):
        raise ProviderError(f"{name} came packed, which siscon did not offer.", code="bad_encoding")
    size = 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > cap_bytes:
            raise ProviderError(f"{name} is larger than {cap_bytes // 1_048_576} MiB.", code="too_large")
        into.write(piece)
    return answer
