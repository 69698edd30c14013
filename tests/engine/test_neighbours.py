"""One SIS that is down, hangs or drips keeps nobody else waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from siscon.config import Settings
from siscon.domain.commands import CancelRun, StartRun
from siscon.domain.runs import RunStatus
from siscon.providers.registry import load
from siscon.sandbox import launch
from siscon.sandbox.origin import client_id_of
from siscon.sandbox.systems import SYSTEMS
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import until
from support.engines import living_engine
from support.sandbox_sis import sandbox, settings_for

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@asynccontextmanager
async def bad_server(how: str) -> AsyncIterator[str]:
    """An address behind which something is wrong."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if how == "resets":
                return
            if how == "drips":
                writer.write(HEAD)
            while True:
                if how == "drips":
                    writer.write(b" ")
                    await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if how == "dead":
        server.close()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


def one(name: str, state: Any, **more: Any) -> dict[str, Any]:
    own = settings_for(load(name), state)
    return {
        "provider": name,
        "base_url": own.base_url,
        "client_id": client_id_of(SYSTEMS[name]),
        "client_secret": launch.INVENTED_SECRET,
        "settings": own.model_dump(exclude={"base_url"}, exclude_defaults=True),
        "requests_per_minute": 0,
        **more,
    }


@pytest.mark.long
@pytest.mark.parametrize("how", ["dead", "hangs", "drips", "resets"])
async def test_two_integrations_finish_while_the_third_gets_no_answer(
    db: SqliteDatabase, vault: Vault, tmp_path: Path, how: str
) -> None:
    (tmp_path / "sis").mkdir()
    async with bad_server(how) as address, sandbox(tmp_path / "sis", students=30) as state:
        settings = Settings.model_validate(
            {
                "home": tmp_path,
                "integrations": {
                    "harbor": one("powerschool", state),
                    "hill": one("infinite_campus", state),
                    "island": one("powerschool", state, base_url=address, timeout_s=1.0),
                },
            }
        )
        async with living_engine(db, settings, vault, load_provider=load) as living:
            bad = await living.ask(StartRun("island", (), False))
            good = [await living.ask(StartRun(name, (), False)) for name in ("harbor", "hill")]
            for row in good:
                await living.reaches(row.run_id, RunStatus.COMPLETED)

            assert (await living.run(bad.run_id)).status is RunStatus.RUNNING

            async def is_named() -> bool:
                async with db.read() as c:
                    told = await c.all("SELECT text FROM events WHERE kind = 'run waits'")
                return any(address.removeprefix("http://") in row["text"] for row in told)

            await until(is_named)
            await living.ask(CancelRun(bad.run_id or 0))
            await living.reaches(bad.run_id, RunStatus.CANCELLED)
    async with db.read() as c:
        assert await c.all("SELECT * FROM dead_records") == []
