"""Bodies read with a cap, piece by piece."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest

from siscon.domain.errors import ProviderError
from siscon.providers.transport.body import read_capped

MIB = 1024 * 1024


async def test_what_follows_the_end_of_a_gzip_stream_is_not_gathered() -> None:
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        yield gzip.compress(b'{"a":1}')
        for _ in range(1000):
            read += 1
            yield b"x" * 1024

    with pytest.raises(ProviderError) as told:
        await read_capped(pieces(), "gzip", MIB)

    assert (told.value.code, read) == ("bad_encoding", 1)


async def test_an_answer_without_a_body_may_call_itself_gzip() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"", b""):
            yield piece

    assert await read_capped(pieces(), "gzip", MIB) == b""
