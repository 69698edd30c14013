"""A window of time is asked for over the wire, of each system that has a filter by date; only what changed comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from siscon.domain.records import Entity
from siscon.sandbox import truth
from siscon.sandbox.systems import ALL_SYSTEMS
from siscon.sandbox.world import district_of
from support.district import District, open_district
from support.sandbox_sis import next_day

ASKED = re.compile(rb"^GET (\S+) HTTP/1\.1\r$", re.MULTILINE)


@asynccontextmanager
async def overheard(port: int) -> AsyncIterator[tuple[int, bytearray]]:
    """A port that leads to another, and all that clients sent through it."""
    sent = bytearray()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                kept += chunk
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, far_writer, sent), carry(far_reader, writer, bytearray()))

    async with await asyncio.start_server(through, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], sent


def students(district: District) -> dict[str, dict[str, object]]:
    now = district_of(district.system, district.state)
    rows = truth.rows(ALL_SYSTEMS[district.system], now, "student", with_broken=True)
    return {str(row["external_id"]): row for row in rows}


@pytest.mark.long
@pytest.mark.parametrize("system", ["infinite_campus", "skyward", "oneroster"])
async def test_the_request_carries_the_window_and_only_what_changed_in_it_comes(
    system: str, tmp_path: Path
) -> None:
    async with open_district(tmp_path, system=system, students=200) as district:
        port = district.state.ports[ALL_SYSTEMS[system].port]
        async with overheard(port) as (ear, sent):
            config = tmp_path / "config.yaml"
            config.write_text(
                config.read_text().replace(
                    f"base_url: http://127.0.0.1:{port}", f"base_url: http://127.0.0.1:{ear}"
                )
            )
            code, said = await district.siscon("sync", "north", "--full", "--wait")
            assert code in (0, 4), said
            before = students(district)
            await next_day(district.state)
            changed = {one for one, row in students(district).items() if before.get(one) != row}
            assert 0 < len(changed) < 100
            moment = datetime.fromisoformat(district.state.moments[1]) - timedelta(seconds=2)
            since = f"{moment:%Y-%m-%dT%H:%M:%S}Z"
            sent.clear()
            code, said = await district.siscon(
                *("backfill", "north", "--since", since, "--entity", Entity.STUDENT.value),
                *("--reason", "the SIS was restored", "--yes", "--wait"),
            )
            assert code in (0, 4), said

        asked = [unquote_plus(one.decode()) for one in ASKED.findall(bytes(sent))]
        lists = [one for one in asked if "limit=" in one and "offset=" in one]
        window = f"dateLastModified>='{moment:%Y-%m-%dT%H:%M:%S}.000Z'"
        assert any(window in one for one in lists), asked
        run = (await district.rows("runs", "list"))[0]
        assert len(changed) <= run["fetched"] <= len(changed) * 2
