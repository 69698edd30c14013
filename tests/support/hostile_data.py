"""A database that holds every piece of a corpus wherever foreign text can be: many pieces share one database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from siscon.store.database import Connection
from siscon.store.sqlite import open_database
from support.console_data import NOW_MS, fill

PER_CONFLICT = 20


async def hostile_database(path: Path, texts: Sequence[str]) -> Path:
    """Make it at ``path``."""
    db = await open_database(path, synchronous="normal")
    await fill(db, mapped=len(texts))
    async with db.transaction() as c:
        await _people(c, texts)
        await _runs_and_events(c, texts)
        await _questions(c, texts)
        await _requests(c, texts)
    await db.close()
    return path


async def _ids(c: Connection, sql: str) -> list[int]:
    return [row[0] for row in await c.all(sql)]


async def _people(c: Connection, texts: Sequence[str]) -> None:
    ids = await _ids(c, "SELECT id FROM students ORDER BY id")
    await c.many(
        "UPDATE students SET first_name = ?, last_name = ?, email = ? WHERE id = ?",
        [(text, text, text, id_) for text, id_ in zip(texts, ids, strict=True)],
    )
    for name in ("northfield", "harbor"):
        ties = await _ids(c, f"SELECT id FROM {name}_mappings ORDER BY id")
        told = zip(cycle(texts), ties, strict=False)
        await c.many(
            f"UPDATE {name}_mappings SET external_id = ?, base = ?, error_message = ? WHERE id = ?",
            [
                (f"{text}-{id_}", json.dumps({"first_name": text, "last_name": text}), text, id_)
                for text, id_ in told
            ],
        )
    changed = [
        (
            NOW_MS,
            1,
            "harbor",
            "student",
            text,
            ids[0],
            "updated",
            json.dumps({"first_name": text}),
            json.dumps({text: text}),
        )
        for text in texts
    ]
    await c.many(
        "INSERT INTO changes (at_ms, run_id, integration, entity, external_id, internal_id, kind, before, after)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        changed,
    )


async def _runs_and_events(c: Connection, texts: Sequence[str]) -> None:
    await c.many(
        "INSERT INTO runs (integration, kind, lane, status, entities, requested_by, queued_at_ms, started_at_ms,"
        " finished_at_ms, error, reason, approved_by, cancel_requested_by)"
        " VALUES ('harbor', 'import', 'bulk', 'failed', '[\"student\"]', ?, ?, ?, ?, ?, ?, ?, ?)",
        [(text, NOW_MS - 9, NOW_MS - 8, NOW_MS - 7, text, text, text, text) for text in texts],
    )
    runs = cycle((22, 21, 20))
    await c.many(
        "INSERT INTO events (at_ms, kind, level, integration, run_id, text)"
        " VALUES (?, 'page note', 'error', 'harbor', ?, ?)",
        [(NOW_MS, run_id, text) for text, run_id in zip(texts, runs, strict=False)],
    )
    staged = [
        (
            21,
            "student",
            f"{text}-{at}",
            json.dumps({"first_name": text}),
            json.dumps({text or "x": [text, text, None]}),
        )
        for at, text in enumerate(texts)
    ]
    await c.many(
        "INSERT INTO staged (run_id, entity, external_id, body, fingerprint, verdict, changes)"
        " VALUES (?, ?, ?, ?, '', 'update', ?)",
        staged,
    )
    names = await c.all("SELECT name FROM integrations ORDER BY name")
    told = islice(cycle(texts), 3 * len(names))
    await c.many(
        "UPDATE integrations SET title = ?, last_error = ?, coverage = ? WHERE name = ?",
        [(next(told), next(told), next(told), row[0]) for row in names],
    )
    await c.run(
        "UPDATE tokens SET scope = :text, last_error = :text, access = NULL, refresh = NULL, key_id = NULL",
        {"text": texts[-1]},
    )
    await c.run("UPDATE engines SET host = :text, version = :text", {"text": texts[0]})


async def _questions(c: Connection, texts: Sequence[str]) -> None:
    dead = await _ids(c, "SELECT id FROM dead_records ORDER BY id")
    told = list(zip(cycle(texts), dead, strict=False))
    await c.many(
        "UPDATE dead_records SET reason = ?, external_id = ?, record_key = ?, field = ? WHERE id = ?",
        [(text, text, f"{text}-{id_}", text if id_ % 2 else None, id_) for text, id_ in told],
    )
    conflicts = await _ids(c, "SELECT id FROM conflicts ORDER BY id")
    await c.many(
        "UPDATE conflicts SET external_id = ?, base = ?, sis = ?, local = ?, why = ? WHERE id = ?",
        [
            (f"{some[0]}-{id_}", _fields(some, "b"), _fields(some, "s"), _fields(some, "l"), some[-1], id_)
            for some, id_ in zip(_several(texts), conflicts, strict=False)
        ],
    )


def _several(texts: Sequence[str]) -> Iterator[list[str]]:
    endless = cycle(texts)
    while True:
        yield list(islice(endless, PER_CONFLICT))


def _fields(texts: Sequence[str], mark: str) -> str:
    return json.dumps({text or "x": f"{text}{mark}" for text in texts})


async def _requests(c: Connection, texts: Sequence[str]) -> None:
    await c.many(
        "INSERT INTO commands (kind, body, actor, left_at_ms, status, answer, answered_at_ms)"
        " VALUES ('pause', ?, ?, ?, 'refused', ?, ?)",
        [
            (json.dumps({"integration": text, "paused": True}), text, NOW_MS - 5, text, NOW_MS - 4)
            for text in texts
        ],
    )
    await c.many(
        "INSERT INTO audit (seq, at_ms, actor, action, target, detail, seal) VALUES (?, ?, ?, ?, ?, ?, x'00')",
        [(seq, NOW_MS - 3, text, text, text, json.dumps({text: text})) for seq, text in enumerate(texts, 1)],
    )
