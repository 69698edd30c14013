"""Bodies read with a cap: at most one encoding, inflated piece by piece, so that a bomb stays small."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.text import plain
from siscon.providers.classify import said
from siscon.providers.contract import Answer


async def read_capped(pieces: AsyncIterator[bytes], encoding: str, cap_bytes: int) -> bytes:
    """The whole decompressed body; more than the cap, or any encoding but one gzip, is a ``ProviderError``."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return await _joined(pieces, cap_bytes)
    if encoding in ("gzip", "x-gzip"):
        return await _inflated(pieces, cap_bytes)
    raise ProviderError(
        f"The SIS packed its answer as {plain(encoding, limit=40)}, which siscon did not offer. "
        "Ask the vendor about the proxy in between.",
        code="bad_encoding",
    )


def _too_large(cap_bytes: int) -> ProviderError:
    return ProviderError(
        f"The SIS sent an answer larger than {cap_bytes // 1_048_576} MiB. Lower page_size.", code="too_large"
    )


async def _joined(pieces: AsyncIterator[bytes], cap_bytes: int) -> bytes:
    kept: list[bytes] = []
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > cap_bytes:
            raise _too_large(cap_bytes)
        kept.append(piece)
    return kept[0] if len(kept) == 1 else b"".join(kept)


async def _inflated(pieces: AsyncIterator[bytes], cap_bytes: int) -> bytes:
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    whole = bytearray()
    try:
        async for piece in pieces:
            whole += unzip.decompress(piece, cap_bytes + 1 - len(whole))
            if len(whole) > cap_bytes or unzip.unconsumed_tail:
                raise _too_large(cap_bytes)
    except zlib.error as error:
        raise TransientError("The SIS sent a damaged gzip answer.", code="connection_lost") from error
    if not unzip.eof:
        raise TransientError("The SIS broke off in the middle of a gzip answer.", code="connection_lost")
    if unzip.unused_data:
        raise ProviderError("The SIS sent more than one gzip stream in one answer.", code="bad_encoding")
    return bytes(whole)


def looks_like_json(answer: Answer) -> bool:
    """False for an empty body, a web page, a scalar, and for what was cut off before its last bracket."""
    body = answer.body
    if "html" in answer.headers.get("content-type", ""):
        return False
    return body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") and body[-64:].rstrip()[-1:] in (
        b"}",
        b"]",
    )


def not_json(request: str, answer: Answer) -> ProviderError:
    """The error for a 2xx that carries no JSON."""
    kind = plain(answer.headers.get("content-type", "no content type"), limit=60)
    why = "Often a login page, a proxy's page or maintenance: open base_url in a browser and check it."
    if not answer.body.strip():
        what = "an empty body"
    elif answer.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        what = f"JSON that breaks off after {len(answer.body)} bytes"
        why = "Something between here and the SIS cuts answers short: sync again; if it stays, ask the SIS's support."
    else:
        what = f"something that is not JSON ({kind})"
    return ProviderError(
        f"{request} answered {answer.status} with {what}. {why}", code="not_json", detail=said(answer)
    )
