"""The assembly for what goes out by itself: metrics in a file and over HTTP, reports by mail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from siscon.config import Settings
from siscon.domain.errors import ConfigError, DatabaseError
from siscon.domain.leases import Lease
from siscon.domain.metrics import Family
from siscon.domain.periods import Period
from siscon.domain.text import plain
from siscon.engine import reports
from siscon.engine.chores import Chore, every
from siscon.engine.moments import wall_ms
from siscon.engine.reports import Written
from siscon.ops import metrics, opening
from siscon.ops.files import whole_or_not
from siscon.ops.reports.as_html import as_html
from siscon.ops.reports.as_text import as_text
from siscon.ops.reports.mailed import mailed, subject_of
from siscon.store.database import Database

log = logging.getLogger(__name__)

TEXT_FILE = "metrics file"
READABLE = 0o644
"""Whoever collects text files does so under another account; no value in it is a secret."""
AGAIN_S = 60.0


def chores(db: Database, settings: Settings) -> list[Chore]:
    """What an engine does from time to time beside its own chores, as the configuration wants it."""
    found = reports.chores(db, settings, partial(_write_report, db, settings), now_ms=wall_ms)
    if settings.metrics.textfile is not None:
        work = partial(_write_file, db, settings, settings.metrics.textfile)
        found.append(Chore(TEXT_FILE, every(settings.metrics.every_s), work))
    return found


def parts(db: Database, settings: Settings) -> dict[str, Callable[[], Awaitable[None]]]:
    """What runs beside an engine, by name."""
    address = settings.metrics.address
    return {} if address is None else {"metrics": _Listening(db, settings, address).run}


async def read_metrics(settings: Settings) -> list[Family]:
    """Every metric, from the database of a configuration, opened for that alone and for reading."""
    db = await opening.open_database(
        settings.database, synchronous=settings.storage.synchronous, read_only=True
    )
    try:
        return await _read(db, settings)
    finally:
        await db.close()


async def serve_metrics(settings: Settings, host: str, port: int, *, on_ready: Callable[[str], None]) -> None:
    """Answer Prometheus until cancelled; raises ``ConfigError`` where it cannot listen there."""
    from siscon.metrics import server  # brings starlette and uvicorn: only where they serve

    listening = server.bind(host, port)
    shown = f"[{host}]" if ":" in host else host
    on_ready(f"http://{shown}:{listening.getsockname()[1]}{server.PATH}")
    await server.serve(lambda: read_metrics(settings), listening)


async def _read(db: Database, settings: Settings) -> list[Family]:
    return await metrics.read(db, settings.database, now_ms=wall_ms())


async def _write_report(
    db: Database, settings: Settings, name: str, wanted: Sequence[str], period: Period
) -> Written:
    zone = ZoneInfo(settings.time_zone)
    report = await mailed(db, name, wanted, period, now_ms=period.until_ms, zone=zone)
    return Written(subject_of(report, settings.profile.name), as_text(report), as_html(report))


async def _write_file(db: Database, settings: Settings, path: Path, _lease: Lease) -> str:
    from siscon.metrics.exposition import exposition

    text, _ = exposition(await _read(db, settings))
    try:
        with whole_or_not(path, mode=READABLE) as file:
            file.write(text.decode())
    except OSError as error:
        raise DatabaseError(
            f"The metrics could not be written to {plain(path)}: {error.strerror}.", code="metrics_file"
        ) from error
    return f"{len(text):,} bytes written to {plain(path)}"


class _Listening:
    """The address at which an engine answers. That it cannot be had is told once, then tried in silence."""

    def __init__(self, db: Database, settings: Settings, address: tuple[str, int]) -> None:
        self._db, self._settings, self._address = db, settings, address
        self._told = False

    async def run(self) -> None:
        """Answer for ever."""
        while True:
            try:
                from siscon.metrics import server  # where the extra is not installed this says so

                listening = server.bind(*self._address)
            except ConfigError as error:
                if not self._told:
                    self._told = True
                    raise
                log.warning("%s", error.sentence)
                await asyncio.sleep(AGAIN_S)
                continue
            self._told = False
            await server.serve(self._read, listening)

    async def _read(self) -> Sequence[Family]:
        return await _read(self._db, self._settings)
