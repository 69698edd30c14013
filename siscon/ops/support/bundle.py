"""A bundle for whoever is asked for help: what siscon is, how it stands and what it said, without anybody's data."""

from __future__ import annotations

import io
import json
import platform
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from siscon import __version__
from siscon.config import Settings
from siscon.domain.masking import Masker, capitals_in, tail_of
from siscon.domain.privacy import Secret
from siscon.domain.records import Entity
from siscon.domain.text import plain_lines
from siscon.ops import activity, health_rows, metrics, run_rows
from siscon.ops.checks import Check
from siscon.ops.rows import Row, iso
from siscon.ops.support import logs
from siscon.ops.support.settings import settings_of
from siscon.ops.support.vocabulary import own_words
from siscon.providers import registry
from siscon.store import chores, dead_records, integrations, size, support
from siscon.store.database import Database

RUNS, EVENTS = 100, 500
LIBRARIES = ("aiosqlite", "textual", "httpx", "pydantic", "cryptography", "apscheduler", "uvicorn", "tzdata")
README = """This is a bundle for support, made by siscon {version}.

It holds no names, ids or values of pupils or staff, no secret, no reference to one, no path and no login. Texts that
people or systems wrote are left out; of sentences only words are left that siscon says by itself, the others are ***.
{hosts}Look into it before you send it: it is plain text.

{files}
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a bundle: its name, what it is, and its text."""

    name: str
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of what a bundle is made, for whom: with the names of hosts or without."""

    settings: Settings
    secrets: Sequence[Secret]
    checks: Sequence[Check]
    now_ms: int
    with_hosts: bool = True


async def parts(db: Database | None, here: Circumstances) -> list[Part]:
    """Every file of a bundle, masked; without a database what is known besides."""
    found = await _of_database(db, here) if db is not None else {}
    files = enumerate(logs.files_of(here.settings.home / "logs"), 1)
    lines = {logs.name_of(one, place): logs.last_lines(one) for place, one in files}
    masker = await _masker(db, here, found, lines)
    told = [
        Part("about.json", "versions and platform", _json(_about(here))),
        Part(
            "settings.json",
            "settings, without secrets, paths and texts",
            _json(settings_of(here.settings, [*registry.names(), *Entity], with_hosts=here.with_hosts)),
        ),
        Part(
            "doctor.json", "what the examination found", _json([_check(one, masker) for one in here.checks])
        ),
        *(Part(name, what, _json(_masked(rows, masker))) for name, (what, rows) in found.items()),
        *(
            Part(
                f"logs/{name}",
                "last lines of a log",
                "".join(f"{one}\n" for one in logs.masked_lines(text, masker)),
            )
            for name, text in lines.items()
        ),
    ]
    return [_readme(told, here), *told]


async def _of_database(db: Database, here: Circumstances) -> dict[str, tuple[str, Any]]:
    """What the database tells, by the name of the file."""
    async with db.read() as c:
        names = [one.name for one in await integrations.all_integrations(c)]
        measured = await size.measure(c, names)
        known = (await chores.all_chores(c)).values()
    families = await metrics.read(db, here.settings.database, now_ms=here.now_ms)
    events = [row async for row in activity.event_rows(activity.EventLog(db), limit=EVENTS)]
    values = [
        {"metric": one.metric.name, "labels": dict(zip(one.metric.labels, labels, strict=True)), "value": n}
        for one in families
        for labels, n in one.samples
    ]
    sizes = {"bytes": measured.bytes, "free_bytes": measured.free_bytes, "rows": dict(measured.rows)}
    return {
        "database.json": ("schema, size and numbers of rows", {"schema": _version_of(db), **sizes}),
        "integrations.json": (
            "how each integration is",
            await health_rows.health_rows(db, now_ms=here.now_ms),
        ),
        "runs.json": (
            "the last runs, with counts",
            [_run(row) for row in await run_rows.run_rows(db, limit=RUNS)],
        ),
        "errors.json": ("records in error by cause, with masked samples", await _errors(db)),
        "events.json": ("the last events", events),
        "chores.json": ("what is done from time to time", [_chore(one) for one in known]),
        "metrics.json": ("all metrics", values),
    }


async def _errors(db: Database) -> list[Row]:
    rows = []
    async with db.read() as c:
        for one in await dead_records.groups(c):
            names = await support.samples(c, one.integration, one.entity.value, one.code, one.field or "")
            rows.append(
                {
                    "integration": one.integration,
                    "entity": one.entity.value,
                    "code": one.code,
                    "field": one.field,
                    "records": one.count,
                    "first_seen_at": iso(one.first_seen_at_ms),
                    "last_seen_at": iso(one.last_seen_at_ms),
                    "reason": one.reason,
                    "samples": [tail_of(name) for name in names],
                }
            )
    return rows


OURS = frozenset({"schedule", "clock", "webhook"})
"""Who starts runs without being anybody."""
FREE = frozenset({"text", "error", "reason", "why", "told"})
"""The keys under which sentences stand; what else a row holds are numbers, moments, and words of siscon or of the
configuration.
"""


def _masked(value: Any, masker: Masker, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _masked(one, masker, str(name)) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one, masker, key) for one in value]
    return masker.masked(value) if isinstance(value, str) and key in FREE else value


def _free(value: Any, key: str = "") -> Iterable[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _free(one, str(name))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _free(one, key)
    elif isinstance(value, str) and key in FREE:
        yield value


async def _masker(
    db: Database | None,
    here: Circumstances,
    found: dict[str, tuple[str, Any]],
    lines: dict[str, list[str]],
) -> Masker:
    """Who knows siscon's words, but for those in the texts that are people's names as well."""
    words = own_words() | set(here.settings.integrations) | set(registry.names())
    year = datetime.fromtimestamp(here.now_ms / 1000, UTC).year
    masker = Masker(words, year - 1, tuple(here.secrets))
    if db is None:
        return masker
    texts = [*_free([rows for _, rows in found.values()]), *(one.seen for one in here.checks)]
    texts += [text for told in lines.values() for text in logs.words_of(told)]
    async with db.read() as c:
        return replace(masker, names=await support.names_among(c, capitals_in(texts, words)))


def _about(here: Circumstances) -> Row:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    return {
        "siscon": __version__,
        "python": sys.version.split()[0],
        "sqlite": support.sqlite_version(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "libraries": versions,
        "time_zone": here.settings.time_zone,
        "made_at": iso(here.now_ms),
        "providers": registry.names(),
    }


def _version_of(db: Database) -> int:
    return int(getattr(db, "version", 0))


def _run(row: Row) -> Row:
    by = row.pop("requested_by")
    return {**row, "started_by": by if by in OURS else "somebody"}


def _chore(one: Any) -> Row:
    return {
        "chore": one.name,
        "due_at": iso(min(one.due_at_ms, 1 << 42)),
        "last_at": iso(one.last_at_ms),
        "last_good_at": iso(one.last_good_at_ms),
        "ok": one.last_ok,
        "took_ms": one.last_took_ms,
        "told": one.last_told,
    }


def _check(one: Check, masker: Masker) -> Row:
    return {"check": masker.masked(one.name), "state": one.state.value, "seen": masker.masked(one.seen)}


def _readme(told: Sequence[Part], here: Circumstances) -> Part:
    size = max(len(one.name) for one in told)
    files = "\n".join(f"{one.name:{size}}  {one.what}" for one in told)
    hosts = "" if not here.with_hosts else "The names of the systems' hosts are in it.\n"
    return Part("README.txt", "what this is", README.format(version=__version__, hosts=hosts, files=files))


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True, default=str) + "\n"


def zipped(told: Sequence[Part]) -> bytes:
    """The files as one archive; all of them with the same moment, so that it tells nothing by the way."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for one in told:
            entry = zipfile.ZipInfo(one.name, date_time=(2000, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            file.writestr(entry, plain_lines(one.text, limit=20_000_000))
    return archive.getvalue()
