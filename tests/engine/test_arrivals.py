"""From the inbox of webhooks to runs: merged, bounded, retried, and never more than a hint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from siscon.domain.blackouts import Blackout
from siscon.domain.commands import PauseIntegration, ResumeIntegration, StartRun
from siscon.domain.errors import ProviderError
from siscon.domain.events import EventKind
from siscon.domain.leases import Lease
from siscon.domain.records import Entity, Student
from siscon.domain.runs import Lane, Run, RunKind, RunStatus
from siscon.domain.webhooks import Action, Arrival, Hint, Message, Outcome
from siscon.engine import arrivals
from siscon.engine.answers import LiveEngine
from siscon.engine.carriers import carry
from siscon.engine.leases import Holdings
from siscon.ops import health_page
from siscon.ops import webhooks as desk
from siscon.store import audit, blackouts, events, integrations, runs, webhook_inbox
from siscon.store.database import Database
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from siscon.store.webhook_inbox import Kept, Waiting
from support.clock import until
from support.engines import LivingEngine, living_engine, settings_for
from support.fake_sis import FakeSis, small_district

NOW = 1_800_000_000_000
MINUTE_MS = 60_000


async def told(db: Database, *hints: Hint, key: str = "m", at_ms: int = NOW) -> None:
    """A message arrives."""
    arrival = Arrival("harbor", key, b"", Message("told", "", hints), None, at_ms)
    assert await desk.keep(db, [arrival], {}, most_open=1_000_000, now_ms=at_ms) == [Outcome.ACCEPTED]


def changed(entity: Entity, *ids: str) -> Hint:
    return Hint(entity, Action.CHANGED, ids)


async def kept(db: Database) -> list[Kept]:
    async with db.read() as c:
        return await webhook_inbox.page(c, limit=1000)


async def newest(db: Database, limit: int = 10) -> list[Run]:
    async with db.read() as c:
        return await runs.latest(c, limit=limit)


def live(**entities: frozenset[Entity]) -> LiveEngine:
    return LiveEngine("one", frozenset({"harbor"}), lambda: None, lambda _name: None, entities)


@pytest.fixture
async def quiet(db: SqliteDatabase) -> SqliteDatabase:
    """A database with an integration and no engine: what is queued stays as it is."""
    async with db.transaction() as c:
        await integrations.activate(
            c, name="harbor", provider="fake", title="Fake", schedule="", requests_per_minute=0, now_ms=1
        )
    return db


async def end(db: Database, run_id: int, status: RunStatus) -> None:
    async with db.transaction() as c:
        if status is not RunStatus.CANCELLED:
            await runs.claim(c, run_id, engine="one", now_ms=NOW)
        await runs.move(c, run_id, status, now_ms=NOW)


async def test_messages_that_wait_become_one_run_with_each_id_once(quiet: SqliteDatabase) -> None:
    await told(quiet, changed(Entity.STUDENT, "u2", "u1"), key="a")
    await told(quiet, Hint(Entity.STUDENT, Action.REMOVED, ("u1",)), changed(Entity.SECTION, "x1"), key="b")
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)

    [run] = await newest(quiet)
    assert (run.kind, run.lane, run.requested_by) == (RunKind.REDRIVE, Lane.QUICK, "webhook")
    assert run.request == {"wanted": {"student": ["u2", "u1"], "section": ["x1"]}}
    assert {(one.state, one.run_id) for one in await kept(quiet)} == {("taken", run.id)}


async def test_what_comes_meanwhile_waits_for_the_next_run(quiet: SqliteDatabase) -> None:
    await told(quiet, changed(Entity.STUDENT, "u1"), key="a")
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)
    for n in range(20):
        await told(quiet, changed(Entity.STUDENT, f"u{n % 3}"), key=f"b{n}")
        await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)
    [first] = await newest(quiet)
    await end(quiet, first.id, RunStatus.COMPLETED)
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)

    second, _first = await newest(quiet)
    assert second.request == {"wanted": {"student": ["u0", "u1", "u2"]}}
    assert sorted({one.state for one in await kept(quiet)}) == ["done", "taken"]


@pytest.mark.parametrize(
    "hints", [[changed(Entity.STUDENT)], [changed(Entity.STUDENT, *map(str, range(1001)))]]
)
async def test_too_many_or_no_ids_become_a_sync_of_the_kind_beside_quick_ones(
    quiet: SqliteDatabase, hints: Sequence[Hint]
) -> None:
    await told(quiet, *hints, key="a")
    await told(quiet, changed(Entity.SECTION, "x1"), key="b")
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)

    sync, quick = await newest(quiet)
    assert (sync.kind, sync.lane, sync.entities) == (RunKind.IMPORT, Lane.BULK, (Entity.STUDENT,))
    assert quick.request == {"wanted": {"section": ["x1"]}}


async def test_no_sync_is_queued_while_another_is_under_way(quiet: SqliteDatabase) -> None:
    async with quiet.transaction() as c:
        first = await runs.enqueue(
            c,
            integration="harbor",
            kind=RunKind.IMPORT,
            lane=Lane.BULK,
            entities=(),
            full=False,
            requested_by="ann",
            due_at_ms=None,
            now_ms=NOW,
        )
    await told(quiet, changed(Entity.STUDENT))
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)
    assert [run.id for run in await newest(quiet)] == [first]
    await end(quiet, first or 0, RunStatus.COMPLETED)
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)

    assert len(await newest(quiet)) == 2


async def test_in_a_window_single_records_are_fetched_and_a_sync_waits_for_its_end(
    quiet: SqliteDatabase,
) -> None:
    day = datetime.fromtimestamp(NOW / 1000, UTC).date().isoformat()
    async with quiet.transaction() as c:
        await blackouts.replace_all(c, [Blackout("rollover", "UTC", day, day)])
    await told(quiet, changed(Entity.STUDENT), key="a")
    await told(quiet, changed(Entity.SECTION, "x1"), key="b")
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)
    assert [run.lane for run in await newest(quiet)] == [Lane.QUICK]
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW + 24 * 3_600_000)

    assert [run.lane for run in await newest(quiet)] == [Lane.BULK, Lane.QUICK]


async def test_a_failed_fetch_is_tried_again_later_each_time_and_at_last_given_up(
    quiet: SqliteDatabase,
) -> None:
    await told(quiet, changed(Entity.STUDENT, "u1"))
    now_ms, waits = NOW, list[int]()
    for _ in range(arrivals.MOST_TRIES):
        await arrivals.look(quiet, "harbor", live=live(), now_ms=now_ms)
        await end(quiet, (await newest(quiet, 1))[0].id, RunStatus.FAILED)
        await arrivals.look(quiet, "harbor", live=live(), now_ms=now_ms)
        [row] = await kept(quiet)
        waits.append((row.due_at_ms - now_ms) // MINUTE_MS)
        now_ms = row.due_at_ms

    async with quiet.read() as c:
        said = [one for one in await events.latest(c) if one.kind is EventKind.WEBHOOKS_GIVEN_UP]
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert row.state == "given up"
    assert "could not be fetched in 12 tries" in said[0].text


async def test_what_fails_again_and_again_is_no_good_health(quiet: SqliteDatabase, tmp_path: Path) -> None:
    await told(quiet, changed(Entity.STUDENT, "u1"))
    now_ms, troubles = NOW, list[list[str]]()
    for _ in range(3):
        await arrivals.look(quiet, "harbor", live=live(), now_ms=now_ms)
        await end(quiet, (await newest(quiet, 1))[0].id, RunStatus.FAILED)
        await arrivals.look(quiet, "harbor", live=live(), now_ms=now_ms)
        page = await health_page.page(quiet, tmp_path, engine="one", now_ms=now_ms)
        troubles.append(page["trouble"])
        now_ms += 10 * MINUTE_MS

    assert troubles == [[], [], ["harbor: what webhooks told could not be fetched in 3 tries"]]


async def test_a_message_that_the_sis_chokes_on_takes_no_others_along(quiet: SqliteDatabase) -> None:
    bad = "no-such-form"
    for n, record in enumerate(("u1", bad, "u2")):
        await told(quiet, changed(Entity.STUDENT, record), key=f"m{n}")
    now_ms = NOW
    for _ in range(60):
        await arrivals.look(quiet, "harbor", live=live(), now_ms=now_ms)
        [run] = await newest(quiet, 1)
        if run.status is RunStatus.QUEUED:
            fails = bad in run.request["wanted"]["student"]
            await end(quiet, run.id, RunStatus.FAILED if fails else RunStatus.COMPLETED)
        now_ms += 20 * MINUTE_MS

    states = {one.hints[0].ids[0]: one.state for one in await kept(quiet)}
    assert states == {"u1": "done", bad: "given up", "u2": "done"}


async def test_a_clock_that_was_set_back_makes_nobody_wait_for_ever(quiet: SqliteDatabase) -> None:
    await told(quiet, changed(Entity.STUDENT, "u1"))
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)
    await end(quiet, (await newest(quiet))[0].id, RunStatus.FAILED)
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW - 30 * 24 * 3_600_000)

    assert len(await newest(quiet)) == 2


async def test_what_goes_on_all_day_comes_to_no_more_than_a_run_in_some_seconds(
    quiet: SqliteDatabase,
) -> None:
    at_ms = NOW
    began: list[int] = []
    for second in range(1200):
        at_ms = NOW + second * 1000
        await told(quiet, changed(Entity.STUDENT, f"u{second}"), key=f"k{second}", at_ms=at_ms)
        if await arrivals.look(quiet, "harbor", live=live(), now_ms=at_ms):
            began.append(second)
            [run] = await newest(quiet, 1)
            await end(quiet, run.id, RunStatus.COMPLETED)

    assert began[:120] == list(range(120))
    assert len([one for one in began if one >= 600]) < 140
    assert max(b - a for a, b in pairwise(began)) <= 31
    waiting = [one for one in await kept(quiet) if one.state == "waiting"]
    assert len(waiting) <= 31


async def test_a_run_that_a_person_cancelled_is_not_asked_for_again(quiet: SqliteDatabase) -> None:
    await told(quiet, changed(Entity.STUDENT, "u1"))
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)
    await end(quiet, (await newest(quiet))[0].id, RunStatus.CANCELLED)
    await arrivals.look(quiet, "harbor", live=live(), now_ms=NOW)

    assert [one.state for one in await kept(quiet)] == ["given up"]


async def test_a_kind_that_is_not_imported_is_passed_over(quiet: SqliteDatabase) -> None:
    await told(quiet, changed(Entity.STUDENT, "u1"), key="a")
    await told(quiet, changed(Entity.STUDENT, "u1"), changed(Entity.SCHOOL, "s1"), key="b")
    here = live(harbor=frozenset({Entity.SCHOOL}))
    await arrivals.look(quiet, "harbor", live=here, now_ms=NOW)

    assert (await newest(quiet))[0].request == {"wanted": {"school": ["s1"]}}
    assert [one.state for one in await kept(quiet)] == ["taken", "ignored"]


def test_a_burst_is_sorted_out_in_time_that_grows_with_it() -> None:
    burst = [Waiting(n, (changed(Entity.STUDENT, str(n % 900)),), 0) for n in range(5_000)]
    wanted = arrivals.sort_out(burst, lambda _kind: True)

    assert len(wanted.few[Entity.STUDENT]) == 900
    assert len(wanted.few_from) == 5_000


async def test_refusals_are_told_once_by_an_event_and_an_audit_row(
    quiet: SqliteDatabase, vault: Vault
) -> None:
    lease = await lease_of(quiet)
    for minute in range(2):
        refused = {("harbor", "bad signature"): 3, ("", "unknown path"): 2}
        await desk.keep(quiet, [], refused, most_open=1, now_ms=NOW + minute * MINUTE_MS)
    for _ in range(2):
        await arrivals.tell_refusals(quiet, vault, lambda: NOW, lease)
    async with quiet.read() as c:
        said = [one.text for one in await events.latest(c) if one.kind is EventKind.WEBHOOKS_REFUSED]
        rows = await audit.entries(c)

    assert sorted(said) == [
        "webhooks of harbor were refused: 6 bad signature",
        "webhooks to no integration's path were refused: 4 unknown path",
    ]
    assert [(one.action, one.target, one.detail) for one in rows] == [
        ("webhooks refused", "(none)", {"unknown path": 4}),
        ("webhooks refused", "harbor", {"bad signature": 6}),
    ]


async def test_old_messages_are_forgotten_and_those_that_wait_are_not(quiet: SqliteDatabase) -> None:
    await told(quiet, changed(Entity.STUDENT, "u1"), key="a")
    async with quiet.transaction() as c:
        await webhook_inbox.keep(c, [Arrival("harbor", "b", b"", Message("noise"), NOW, NOW)], most_open=9)
    lease = await lease_of(quiet)
    week_ms = 7 * 24 * 3_600_000
    assert await arrivals.forget_old(quiet, 7, lambda: NOW + week_ms, lease) == "0 messages forgotten"
    assert await arrivals.forget_old(quiet, 7, lambda: NOW + week_ms + 1, lease) == "1 message forgotten"

    assert [one.event for one in await kept(quiet)] == ["told"]


async def lease_of(db: SqliteDatabase) -> Lease:
    lease = await Holdings(db, "one", now_ms=lambda: NOW).take("chores", on_lost=lambda: None)
    assert lease is not None
    return lease


@asynccontextmanager
async def at_work(
    db: SqliteDatabase, folder: Path, vault: Vault, sis: FakeSis
) -> AsyncIterator[LivingEngine]:
    """An engine that has imported the district."""
    async with living_engine(db, settings_for(folder), vault, sis=sis, importer=carry) as engine:
        done = await engine.ask(StartRun("harbor"))
        await engine.reaches(done.run_id, RunStatus.COMPLETED)
        sis.asked.clear()
        yield engine


async def all_done(db: Database) -> bool:
    return {one.state for one in await kept(db)} == {"done"}


async def grade_of(db: Database, local_id: str) -> Any:
    async with db.read() as c:
        row = await c.one("SELECT grade_level, status FROM students WHERE local_id = :id", {"id": local_id})
    return None if row is None else tuple(row)


async def test_a_changed_record_is_fetched_by_its_id_and_nothing_is_taken_from_the_message(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
) -> None:
    sis = small_district()
    async with at_work(db, tmp_path, vault, sis):
        one = next(r for r in sis.lists[Entity.STUDENT] if isinstance(r, Student) and r.external_id == "u2")
        sis.replace(replace(one, grade_level="8"))
        await told(db, changed(Entity.STUDENT, "u2"))
        await until(lambda: all_done(db))

        assert await grade_of(db, "002") == ("8", "active")
        assert sis.asked_single == [(Entity.STUDENT, "u2")]
        assert sis.asked == []


async def test_nobody_is_withdrawn_because_a_webhook_said_so(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
) -> None:
    sis = small_district()
    async with at_work(db, tmp_path, vault, sis):
        sis.remove(Entity.STUDENT, ["u2"])
        await told(db, Hint(Entity.STUDENT, Action.REMOVED, ("u1", "u2", "nobody")))
        await until(lambda: all_done(db))
        async with db.read() as c:
            said = [one.text for one in await events.latest(c) if one.kind is EventKind.RECORDS_GONE]

        assert await grade_of(db, "001") == ("7", "active")
        assert await grade_of(db, "002") == ("7", "active")
        assert len(said) == 2


async def test_a_paused_integration_fetches_when_it_is_resumed(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
) -> None:
    sis = small_district()
    async with at_work(db, tmp_path, vault, sis) as engine:
        await engine.ask(PauseIntegration("harbor"))
        await told(db, changed(Entity.STUDENT, "u2"))
        await arrivals.look(db, "harbor", live=live(), now_ms=NOW)
        assert [one.state for one in await kept(db)] == ["waiting"]
        await engine.ask(ResumeIntegration("harbor"))
        await until(lambda: all_done(db))

        assert sis.asked_single == [(Entity.STUDENT, "u2")]


async def test_a_fetch_that_fails_leaves_its_messages_visible_and_waiting(
    db: SqliteDatabase, tmp_path: Path, vault: Vault
) -> None:
    sis = small_district()
    async with at_work(db, tmp_path, vault, sis):
        sis.fail_single_at, sis.failure = "u2", ProviderError("The SIS said no.", code="refused")
        await told(db, changed(Entity.STUDENT, "u2"))

        async def is_back() -> bool:
            return [(one.state, one.tries) for one in await kept(db)] == [("waiting", 1)]

        await until(is_back)
        assert (await newest(db))[0].status is RunStatus.FAILED
