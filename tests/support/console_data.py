"""An invented district's database as a console might find it: runs, logins, errors, conflicts, mappings."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from siscon.domain.events import EventKind, Level
from siscon.domain.leases import EngineInfo
from siscon.domain.mappings import SyncStatus
from siscon.domain.privacy import Secret
from siscon.domain.records import Entity
from siscon.domain.runs import Lane, Phase, RunKind, RunStatus
from siscon.domain.tokens import Token
from siscon.store import (
    changes,
    conflicts,
    dead_records,
    events,
    integrations,
    leases,
    mappings,
    ratelimits,
    records,
    run_counts,
    runs,
    tokens,
)
from siscon.store.changes import Change
from siscon.store.conflicts import NewConflict
from siscon.store.database import Connection, Database
from siscon.store.dead_records import DeadEntry
from siscon.store.mappings import Tie
from siscon.store.vault import Vault
from support.timetables import arm, put_lines

NOW_MS = 1_795_226_400_000
"""A night in November 2026."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
VAULT = Vault([bytes(range(32))])
ORDER = (Entity.SCHOOL, Entity.STAFF, Entity.STUDENT, Entity.COURSE, Entity.SECTION, Entity.ENROLLMENT)


async def what_was_sent(dead_id: int) -> dict[str, str]:  # the same of each
    """The places of a row in error, as who holds the key tells them."""
    sent = {"dcid": "number", "name.first_name": "text of 5", "name.last_name": "text of 7"}
    return {**sent, "demographics.gender": "text of 1", "birth_date": "text of 10", "grade_level": "empty"}


@dataclass(frozen=True)
class Names:
    """Foreign text wherever foreign text can be; tests put hostile text here."""

    title: str = "PowerSchool"
    other_title: str = "Skyward"
    error: str = "The SIS refuses the login: client id or secret is wrong. Check both in config.yaml."
    held: str = "412 of 1,930 student records are missing at the source (21 %, limit 10 %)"
    reason: str = "The birth date '31/02/2011' is no date; expected YYYY-MM-DD."
    external_id: str = "S-104-77"
    value: str = "Amara Okonkwo"
    address: str = "amara@okonkwo.example"
    actor: str = "night.shift(1004)"
    host: str = "roster-01"
    event: str = "students: 9,812 of 9,812 fetched"


async def fill(db: Database, *, names: Names = Names(), engine: bool = True, mapped: int = 40) -> None:
    """Fill an empty database."""
    async with db.transaction() as c:
        await _integrations(c, names)
        await _tokens(c, names)
        await _history(c, names)
        await _running(c, names)
        await _dead(c, names)
        await _conflicts(c, names)
        await _mappings(c, names, mapped)
        await _plan(c, names)
        await _changes(c, names)
        if engine:
            await alive(c, names, now_ms=NOW_MS)


async def alive(c: Connection, names: Names = Names(), *, now_ms: int) -> None:
    """An engine that lives for the next half minute."""
    info = EngineInfo("e1", names.host, 4242, "0.1.0", now_ms - 6 * HOUR_MS, now_ms, True)
    await leases.register_engine(c, info)
    await leases.take(c, "engine:e1", "e1", ttl_s=30, now_ms=now_ms)


async def _integrations(c: Connection, names: Names) -> None:
    told = (
        ("harbor", "infinite_campus", "Infinite Campus", "30 1 * * *", 120),
        ("lakeside", "skyward", names.other_title, "0 2 * * *", 60),
        ("mesa", "powerschool", "PowerSchool", "", 0),
        ("northfield", "powerschool", names.title, "15 * * * *", 90),
        ("orchard", "skyward", "Skyward", "0 3 * * 1-5", 60),
    )
    for name, provider, title, schedule, rate in told:
        await integrations.activate(
            c,
            name=name,
            provider=provider,
            title=title,
            schedule=schedule,
            requests_per_minute=rate,
            now_ms=NOW_MS - 90 * DAY_MS,
        )
        await put_lines(c, name, schedule)
    await integrations.note_good(c, "northfield", NOW_MS - 42 * MINUTE_MS)
    await arm(c, "northfield", NOW_MS + 15 * MINUTE_MS)
    await integrations.note_good(c, "lakeside", NOW_MS - 27 * HOUR_MS)
    await integrations.note_failure(c, "lakeside", names.error, NOW_MS - 3 * HOUR_MS)
    await arm(c, "lakeside", NOW_MS + 21 * HOUR_MS)
    await integrations.note_good(c, "harbor", NOW_MS - 3 * HOUR_MS)
    await arm(c, "harbor", NOW_MS + 23 * HOUR_MS + 30 * MINUTE_MS)
    await integrations.note_good(c, "orchard", NOW_MS - 2 * DAY_MS)
    await integrations.set_paused(c, "orchard", True)
    await ratelimits.reserve(c, ["northfield"], requests=90, per_s=60, now_ms=NOW_MS)
    await ratelimits.reserve(c, ["northfield"], requests=90, per_s=60, now_ms=NOW_MS)


async def _tokens(c: Connection, names: Names) -> None:
    for name, began_ms, life_ms in (
        ("northfield", NOW_MS - 20 * MINUTE_MS, HOUR_MS),
        ("harbor", NOW_MS - 53 * MINUTE_MS, HOUR_MS),
        ("orchard", NOW_MS - 2 * DAY_MS, HOUR_MS),
        ("lakeside", NOW_MS - 4 * HOUR_MS, HOUR_MS),
    ):
        await tokens.save(c, VAULT, name, Token(Secret("t"), began_ms, began_ms + life_ms))
    for _ in range(4):
        await tokens.note_failure(c, "lakeside", names.error)


async def _enqueue(c: Connection, integration: str, at_ms: int, actor: str, *, full: bool = False) -> int:
    run_id = await runs.enqueue(
        c,
        integration=integration,
        kind=RunKind.IMPORT,
        lane=Lane.BULK,
        entities=ORDER,
        full=full,
        requested_by=actor,
        due_at_ms=None,
        now_ms=at_ms,
    )
    assert run_id is not None
    await run_counts.start(c, run_id, ORDER)
    return run_id


async def _history(c: Connection, names: Names) -> None:
    ends = (
        ("northfield", RunStatus.COMPLETED),
        ("harbor", RunStatus.WITH_ERRORS),
        ("northfield", RunStatus.WITH_WARNINGS),
        ("lakeside", RunStatus.FAILED),
        ("northfield", RunStatus.CANCELLED),
        ("harbor", RunStatus.COMPLETED),
        ("harbor", RunStatus.HELD),
    )
    for turn, (name, end) in enumerate(ends * 3):
        at_ms = NOW_MS - (22 - turn) * 4 * HOUR_MS
        end_now = RunStatus.COMPLETED if end is RunStatus.HELD and turn < 14 else end
        run_id = await _enqueue(c, name, at_ms, "clock" if turn % 3 else names.actor)
        await runs.claim(c, run_id, engine="e1", now_ms=at_ms + 2_000)
        await runs.add_requests(c, run_id, 712, None)
        for entity, count in zip(ORDER, (14, 611, 9_812, 402, 1_377, 58_010), strict=True):
            failed = 3 if end is RunStatus.WITH_ERRORS and entity is Entity.STUDENT else 0
            await run_counts.add(
                c,
                run_id,
                entity,
                fetched=count,
                unchanged=count - 9 - failed,
                created=2,
                updated=7,
                failed=failed,
                pages=count // 100 + 1,
            )
            await run_counts.note(c, run_id, entity, total=count, phase=Phase.APPLY, done=True)
        error = names.error if end is RunStatus.FAILED else names.held if end_now is RunStatus.HELD else ""
        await events.append(
            c,
            EventKind.ENTITY_DONE,
            Level.INFO,
            names.event,
            integration=name,
            run_id=run_id,
            at_ms=at_ms + 60_000,
        )
        await events.append(
            c,
            EventKind.RUN_ENDED,
            Level.INFO if end_now is RunStatus.COMPLETED else Level.WARNING,
            f"run {run_id} {end_now.value}",
            integration=name,
            run_id=run_id,
            at_ms=at_ms + 300_000,
        )
        await runs.move(c, run_id, end_now, now_ms=at_ms + (7 + turn % 5) * MINUTE_MS, error=error)


async def _running(c: Connection, names: Names) -> None:
    run_id = await _enqueue(c, "northfield", NOW_MS - 6 * MINUTE_MS, names.actor, full=True)
    await runs.claim(c, run_id, engine="e1", now_ms=NOW_MS - 5 * MINUTE_MS)
    await runs.set_phase(c, run_id, Phase.FETCH)
    await runs.add_requests(c, run_id, 311, None)
    for entity, done, total, pages in (
        (Entity.SCHOOL, 14, 14, 1),
        (Entity.STAFF, 611, 611, 7),
        (Entity.STUDENT, 4_200, 10_000, 42),
    ):
        await run_counts.add(
            c, run_id, entity, fetched=done, pages=pages, requests=pages, seconds=pages * 0.4
        )
        await run_counts.note(c, run_id, entity, total=total, phase=Phase.FETCH, done=done == total)
    await events.append(
        c,
        EventKind.RUN_STARTED,
        Level.INFO,
        names.event,
        integration="northfield",
        run_id=run_id,
        at_ms=NOW_MS - 5 * MINUTE_MS,
    )
    await _enqueue(c, "mesa", NOW_MS - MINUTE_MS, names.actor)


async def _dead(c: Connection, names: Names) -> None:
    student = DeadEntry(
        "harbor", Entity.STUDENT, "x", "x", 2, "bad_date", "validation", "low", "birth_date", names.reason
    )
    parent = replace(
        student,
        entity=Entity.ENROLLMENT,
        code="unknown_parent",
        severity="medium",
        field="section",
        reason="The section it refers to is not known here. It is tried again once the section has arrived.",
    )
    entries = [
        replace(student, record_key=f"{names.external_id}-{n}", external_id=f"{names.external_id}-{n}")
        for n in range(37)
    ]
    entries += [replace(parent, record_key=f"E-{n}", external_id=f"E-{n}") for n in range(412)]
    entries += [
        replace(
            student,
            integration="northfield",
            record_key="#9f31",
            external_id=None,
            code="no_id",
            field=None,
            severity="high",
            reason="The record has no id, so nothing can refer to it. Mend it in the SIS.",
        )
    ]
    await dead_records.bury(c, entries, now_ms=NOW_MS - 3 * HOUR_MS)


async def _conflicts(c: Connection, names: Names) -> None:
    base = {"email": "a.okonkwo@northfield.example", "grade_level": "09"}
    found = [
        NewConflict(
            integration=("northfield", "harbor")[n % 2],
            entity=Entity.STUDENT,
            external_id=f"{names.external_id}-{n}",
            internal_id=1000 + n,
            run_id=3,
            base=base,
            sis={**base, "email": f"amara.{n}@northfield.example", "grade_level": "10"},
            local={**base, "email": names.address, "grade_level": "11"},
            sis_fingerprint="f",
            local_version=2,
            sis_modified_at="2026-11-20T19:55:00Z",
            local_edited_at_ms=NOW_MS - 2 * DAY_MS,
        )
        for n in range(23)
    ]
    await conflicts.open_many(c, found, now_ms=NOW_MS - 5 * HOUR_MS)


async def _mappings(c: Connection, names: Names, mapped: int) -> None:
    first = await records.take_ids(c, mapped)
    await c.many(
        "INSERT INTO students (id, first_name, last_name, grade_level, status, created_at_ms, updated_at_ms)"
        " VALUES (?, ?, ?, '09', 'active', ?, ?)",
        [
            (first + n, names.value, f"Invented {n}", NOW_MS - DAY_MS, NOW_MS - DAY_MS)
            for n in range(mapped)
            if "\ud800" not in names.value
        ],
    )
    fields = {"first_name": names.value, "last_name": "Invented", "grade_level": "09", "status": "active"}
    base = json.dumps(fields)
    for name in ("northfield", "harbor"):
        ties = [
            Tie(f"{names.external_id}-{n:04}", first + n, SyncStatus.SYNCED, "", "f" * 32, base)
            for n in range(mapped)
        ]
        await mappings.tie(c, name, Entity.STUDENT, ties, now_ms=NOW_MS - HOUR_MS)
        marks = [(f"{names.external_id}-bad-{n}", names.reason) for n in range(3)]
        await mappings.mark(c, name, Entity.STUDENT, marks, status=SyncStatus.ERROR)


async def _plan(c: Connection, names: Names) -> None:
    """What the held run would do: some come, some change, many are missing."""
    run_id = 21
    rows = [
        (
            run_id,
            "student",
            f"{names.external_id}-new-{n}",
            json.dumps({"first_name": names.value}),
            "create",
            None,
        )
        for n in range(12)
    ]
    told = json.dumps({"grade_level": ["09", "10", None], "last_name": [names.value, "Invented", None]})
    rows += [(run_id, "student", f"{names.external_id}-{n:04}", "{}", "update", told) for n in range(30)]
    rows += [
        (run_id, "student", f"{names.external_id}-gone-{n:03}", "{}", "missing", None) for n in range(412)
    ]
    rows += [(run_id, "staff", f"P-{n}", "{}", "unchanged", None) for n in range(25)]
    rows += [
        (run_id, "enrollment", f"E-{n}", "{}", "update", '{"status": ["active", "inactive", null]}')
        for n in range(9)
    ]
    await c.many(
        "INSERT INTO staged (run_id, entity, external_id, body, fingerprint, verdict, changes)"
        " VALUES (?, ?, ?, ?, '', ?, ?)",
        rows,
    )
    for entity, known in ((Entity.STAFF, 25), (Entity.STUDENT, 1_930), (Entity.ENROLLMENT, 9_120)):
        await c.run(
            "UPDATE run_counts SET known = :known WHERE run_id = :run_id AND entity = :entity",
            {"known": known, "run_id": run_id, "entity": entity.value},
        )


async def _changes(c: Connection, names: Names) -> None:
    """The first student came with an import, got another grade, and was called otherwise by a person."""
    first = await c.one("SELECT min(id) AS id FROM students")
    if first is None or first["id"] is None:
        return
    external_id = f"{names.external_id}-0000"
    born = json.dumps({"first_name": names.value, "last_name": "Invented", "grade_level": "08"})
    made = [
        ("created", 1, None, born),
        ("updated", 8, '{"grade_level": "08"}', '{"grade_level": "09"}'),
        ("edited", 15, '{"last_name": "Invented"}', '{"last_name": "Invented 0"}'),
    ]
    for turn, (kind, run_id, before, after) in enumerate(made):
        one = Change(Entity.STUDENT, external_id, first["id"], kind, before, after)
        await changes.add(c, [one], integration="harbor", run_id=run_id, at_ms=NOW_MS - (9 - turn) * DAY_MS)
    await c.run(
        "UPDATE students SET edited_at_ms = :at_ms, version = version + 1 WHERE id = :id",
        {"at_ms": NOW_MS - DAY_MS, "id": first["id"]},
    )
