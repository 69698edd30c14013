"""Bodies read with a cap: at most one encoding, inflated piece by piece, so that a bomb stays small."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Literal

from siscon.domain.errors import ProviderError, TransientError
from siscon.domain.privacy import Secret, strike
from siscon.domain.text import plain
from siscon.providers.contract import Answer
from siscon.providers.transport.said import said

Media = Literal["json", "xml"]

ACCEPT: Mapping[Media, str] = {"json": "application/json", "xml": "application/xml, text/xml;q=0.9"}

_XML_ROOT = re.compile(r"(?:<\?[^>]*\?>\s*|<!--(?:(?!-->).)*-->\s*)*<([A-Za-z_][\w.-]*)", re.DOTALL)
"""What may stand before the first element; a document type may not, so that no web page passes for XML."""


RATIO_MOST = 400
RATIO_FROM_BYTES = 1_048_576
"""Lists shrink to a tenth or a thirtieth; only what is made to harm shrinks by more than this, and small ones harm
nobody."""


_PACKINGS = frozenset({"br", "zstd", "dcb", "dcz", "compress", "x-compress", "deflate"})
"""The registered ones; a header may hold anything else, such as what it was sent."""


def _packing(encoding: str) -> str:
    named = [one for one in (part.strip() for part in encoding.split(",")) if one in _PACKINGS]
    return ", ".join(named[:3]) or "something unknown"


async def read_capped(pieces: AsyncIterator[bytes], encoding: str, cap_bytes: int) -> bytes:
    """The whole decompressed body; more than the cap, or any encoding but one gzip, is a ``ProviderError``."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return await _joined(pieces, cap_bytes)
    if encoding in ("gzip", "x-gzip"):
        return await _inflated(pieces, cap_bytes)
    raise ProviderError(
        f"The SIS packed its answer as {_packing(encoding)}, which siscon did not offer. "
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
    packed = 0
    try:
        async for piece in pieces:
            if unzip.eof and piece:
                raise _second_stream()
            packed += len(piece)
            whole += unzip.decompress(piece, cap_bytes + 1 - len(whole))
            if len(whole) > cap_bytes or unzip.unconsumed_tail:
                raise _too_large(cap_bytes)
            if len(whole) > RATIO_FROM_BYTES and len(whole) > RATIO_MOST * packed:
                raise ProviderError(
                    f"The SIS sent an answer that unfolds to more than {RATIO_MOST} times its size: that is no list. "
                    "Ask the SIS's support what stands in between.",
                    code="too_large",
                )
    except zlib.error as error:
        raise TransientError("The SIS sent a damaged gzip answer.", code="connection_lost") from error
    if not packed:  # answers without a body (304) may carry the header all the same
        return b""
    if not unzip.eof:
        raise TransientError("The SIS broke off in the middle of a gzip answer.", code="connection_lost")
    if unzip.unused_data:
        raise _second_stream()
    return bytes(whole)


def _second_stream() -> ProviderError:
    return ProviderError(
        "The SIS sent more than one gzip stream in one answer. Ask the vendor about the proxy in between.",
        code="bad_encoding",
    )


def looks_like(media: Media, answer: Answer) -> bool:
    """False for an empty body, a web page, a scalar, and for what was cut off before its last bracket."""
    head, tail = _edges(answer.body)
    return _begins_like(media, answer, head) and tail.endswith((">",) if media == "xml" else ("}", "]"))


def _begins_like(media: Media, answer: Answer, head: str) -> bool:
    if "html" in answer.headers.get("content-type", "").lower():
        return False
    if media == "xml":
        root = _XML_ROOT.match(head)
        return root is not None and root[1].lower() != "html"
    return head[:1] in ("{", "[")


def _edges(body: bytes) -> tuple[str, str]:
    """The begin and the end of a text, without white space around it; enough of it to see what it is."""
    wide = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(body[:2])
    if wide:
        body = body[2:]
    encoding = wide or "utf-8"
    head, tail = body[:4096].decode(encoding, "replace"), body[-64:].decode(encoding, "replace")
    return head.lstrip("\ufeff \t\r\n"), tail.rstrip(" \t\r\n")


def not_as_asked(media: Media, request: str, answer: Answer, secrets: Iterable[Secret] = ()) -> ProviderError:
    """The error for a 2xx that carries neither JSON nor XML, whichever was asked for."""
    named = media.upper()
    kind = plain(strike(answer.headers.get("content-type", "no content type"), secrets), limit=60)
    why = "Often a login page, a proxy's page or maintenance: open base_url in a browser and check it."
    head, _ = _edges(answer.body)
    if not head:
        what = "an empty body"
    elif _begins_like(media, answer, head):
        what = f"{named} that breaks off after {len(answer.body)} bytes"
        why = "Something between here and the SIS cuts answers short: sync again; if it stays, ask the SIS's support."
    else:
        what = f"something that is not {named} ({kind})"
    return ProviderError(
        f"{request} answered {answer.status} with {what}. {why}",
        code=f"not_{media}",
        detail=said(answer, secrets),
    )
