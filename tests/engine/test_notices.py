"""What people are told over nights and failures, with real mail servers: once, again on change, once of the end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from siscon.config import Settings
from siscon.domain.deliveries import MessageState
from siscon.domain.errors import LeaseLost
from siscon.domain.events import EventKind, Level
from siscon.domain.leases import LEASE_TTL_S
from siscon.domain.notices import CauseState
from siscon.domain.records import Entity
from siscon.domain.runs import RunStatus
from siscon.engine import notice_check
from siscon.engine.leases import Holdings
from siscon.engine.notices import NOTICES_LEASE, Watch
from siscon.engine.postman import Postman
from siscon.ops import health_page
from siscon.store import chores, events, integrations, leases, notices, outbox, runs
from siscon.store.sqlite import SqliteDatabase
from support.clock import HandClock
from support.databases import activate
from support.mail_server import MailBox, mail_server
from support.runs import a_run

EVENING = datetime(2026, 11, 25, 22, tzinfo=UTC)
"""A Wednesday."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock(int(EVENING.timestamp() * 1000))


def settings_for(home: Path, port: int = 1, **told: Any) -> Settings:
    mail = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "siscon@district.example.org",
        "to": ["oncall@district.example.org"],
        "timeout_s": 5,
    }
    one = {
        "provider": "fake",
        "base_url": "http://127.0.0.1:9",
        "entities": ["student"],
        "schedule": "0 * * * *",
    }
    notices_told = {"channels": {"ops": mail}, "gather_s": 0, **told}
    return Settings.model_validate({"home": home, "notices": notices_told, "integrations": {"harbor": one}})


class Night:
    """An installation whose engine looks and sends whenever it is told to."""

    def __init__(self, db: SqliteDatabase, clock: HandClock, settings: Settings) -> None:
        self.db, self.clock = db, clock
        self.restart(settings)

    def restart(self, settings: Settings) -> None:
        """Another engine takes over: nothing is kept in memory."""
        self.settings = settings
        self.watch = Watch(self.db, settings, self.clock.now_ms)
        self.man = Postman(self.db, settings.notices.channels, self.clock.now_ms, luck=lambda: 0.0)

    async def look(self) -> None:
        while await self.watch.look(None):
            pass
        while begun := await self.man.look(None):
            for task in begun:
                await task

    async def run(self, status: RunStatus, code: str = "", error: str = "") -> int:
        """A nightly import that ends so."""
        run_id = await a_run(self.db, self.clock.now_ms())
        async with self.db.transaction() as c:
            await runs.claim(c, run_id, engine="e", now_ms=self.clock.now_ms())
            await runs.move(c, run_id, status, now_ms=self.clock.now_ms(), error_code=code, error=error)
            kind = EventKind.RUN_HELD if status is RunStatus.HELD else EventKind.RUN_ENDED
            level = Level.ERROR if status is RunStatus.FAILED else Level.INFO
            text = f"run {run_id} {status}: {error}" if error else f"run {run_id} {status}"
            told = {"integration": "harbor", "run_id": run_id, "at_ms": self.clock.now_ms()}
            await events.append(c, kind, level, text, **told)  # type: ignore[arg-type]
        return run_id

    async def event(self, kind: EventKind, level: Level = Level.WARNING, text: str = "x") -> None:
        async with self.db.transaction() as c:
            await events.append(c, kind, level, text, integration="harbor", at_ms=self.clock.now_ms())

    async def good(self, entity: Entity = Entity.STUDENT) -> None:
        """An import that brought records of one kind."""
        run_id = await self.run(RunStatus.COMPLETED)
        async with self.db.transaction() as c:
            sql = """
INSERT INTO run_counts (run_id, entity, position, done, fetched, known) VALUES (:run, :entity, 1, 1, 9, 9)
"""
            await c.run(sql, {"run": run_id, "entity": entity.value})


def subjects(box: MailBox) -> list[str]:
    return [str(one["Subject"]) for one in box.taken]


async def test_a_night_of_failures_is_one_notice_one_end_and_one_line_in_the_digest(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port, digest={"at": "07:00"}))
        await night.look()
        for hour in range(8):
            for kind in (EventKind.RUN_WAITING, EventKind.BREAKER_OPENED, EventKind.SCHEDULE_MISSED):
                await night.event(kind, text="harbor: harbor.example gave no good answer")
            code = ("unreachable", "outage", "unavailable", "timeout")[hour % 4]
            await night.run(
                RunStatus.FAILED, code, "GET /students: the SIS could not be reached. Check the network."
            )
            for _ in range(6):
                clock.forward(600)
                await night.look()
                night.restart(night.settings)
        assert subjects(box) == ["[siscon] FAILING harbor: run 1 failed"]
        await night.event(EventKind.BREAKER_CLOSED, Level.INFO)
        await night.run(RunStatus.COMPLETED)
        for _ in range(8):
            clock.forward(600)
            await night.look()

    assert subjects(box) == [
        "[siscon] FAILING harbor: run 1 failed",
        "[siscon] OK harbor: syncs again",
        "[siscon] Digest: 1 cause, 0 still open",
    ]
    first, last, digest = (one.get_content() for one in box.taken)
    assert "could not be reached" in first
    assert "siscon notices mute 1 --for 2h" in first
    assert "8 times in a row" in last
    assert [line for line in digest.splitlines() if "harbor" in line] == [digest.splitlines()[0]]
    assert digest.startswith(
        "OK  harbor: failing 8 times since Wed 25 Nov 22:00 UTC, over since Thu 26 Nov 06:00 UTC"
    )


async def test_the_class_of_an_error_is_told_again_once(db: SqliteDatabase, clock: HandClock, tmp_path: Path):
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port))
        for code in ("timeout", "login_refused", "timeout", "login_refused", "timeout"):
            await night.run(RunStatus.FAILED, code, "It failed.")
            clock.forward(3600)
            await night.look()
    assert [one.partition(":")[0] for one in subjects(box)] == [
        "[siscon] FAILING harbor",
        "[siscon] LOGIN harbor",
    ]
    assert "changed since you were last told" in box.taken[1].get_content()


async def test_a_held_run_is_told_and_its_end_when_somebody_has_decided(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port))
        run_id = await night.run(RunStatus.HELD, "guard", "412 of 1,930 student records are missing")
        async with db.transaction() as c:
            await runs.say_why_held(c, run_id, code="guard", why="412 of 1,930 student records are missing")
        for _ in range(3):
            clock.forward(3600)
            await night.look()
        async with db.transaction() as c:
            await runs.move(c, run_id, RunStatus.CANCELLED, now_ms=clock.now_ms())
        await night.look()
    assert [one.split()[1] for one in subjects(box)] == ["HELD", "OK"]
    assert "412 of 1,930" in box.taken[0].get_content()


async def test_several_causes_of_one_moment_are_one_mail(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port, gather_s=60))
        async with db.transaction() as c:
            await activate(c, "north", "south")
            for name in ("harbor", "north", "south"):
                text = f"{name} got no new token: ask the district"
                told = {"integration": name, "at_ms": clock.now_ms()}
                await events.append(c, EventKind.TOKEN_FAILED, Level.ERROR, text, **told)  # type: ignore[arg-type]
        await night.look()
        assert subjects(box) == ["[siscon] 3 causes: LOGIN harbor, LOGIN north, LOGIN south"]
        for name in ("harbor", "north"):
            async with db.transaction() as c:
                told = {"integration": name, "at_ms": clock.now_ms()}
                await events.append(c, EventKind.TOKEN_RENEWED, Level.INFO, "new", **told)  # type: ignore[arg-type]
            clock.forward(20)
            await night.look()
        assert len(box.taken) == 1, "gathered for a minute"
        clock.forward(30)
        await night.look()
    assert subjects(box)[1] == "[siscon] 2 causes: OK harbor, OK north"


async def test_a_deadline_fires_on_the_absence_of_success_also_after_a_night_without_engine(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    told = {
        "fresh_by": [{"integration": "harbor", "at": "06:30", "entities": ["student"], "weekdays": "mon-fri"}]
    }
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port, **told))
        await night.good()
        await night.look()
        clock.forward(8 * 3600)
        await night.look()
        assert subjects(box) == []

        clock.forward(25 * 3600)  # nobody ran at 06:30 on Friday
        night.restart(night.settings)
        await night.look()
        clock.forward(1800)
        await night.look()
        assert subjects(box) == ["[siscon] STALE harbor: not fresh by 06:30 on Fri 27 Nov"]
        assert "student (last good import 32 hours before)" in box.taken[0].get_content()

        await night.good()
        clock.forward(60)
        await night.look()
    assert subjects(box)[1:] == ["[siscon] OK harbor: is fresh again"]


async def test_no_step_that_is_cut_off_loses_or_doubles_a_notice(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The look dies after each thing that it writes, in turn; the next one tells everything once."""
    written = 0

    class Died(Exception):
        pass

    def dying(what: Any, at: int) -> Any:
        async def wrapped(*args: Any, **more: Any) -> Any:
            nonlocal written
            written += 1
            if written == at:
                raise Died
            return await what(*args, **more)

        return wrapped

    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port))
        for at in range(1, 8):
            await night.run(RunStatus.FAILED, "timeout", "It failed.")
            await night.run(RunStatus.COMPLETED)
            await night.run(RunStatus.FAILED, "timeout", "It failed.")
            written = 0
            with monkeypatch.context() as patched:
                for module, name in ((notices, "save"), (outbox, "put"), (notices, "looked")):
                    patched.setattr(module, name, dying(getattr(module, name), at))
                try:
                    await night.look()
                except Died:
                    night.restart(night.settings)
            await night.look()
            await night.run(RunStatus.COMPLETED)
            clock.forward(3600)
            await night.look()
    assert [one.split()[1] for one in subjects(box)] == ["FAILING", "OK"] * 7


async def test_a_dead_channel_is_told_to_the_others_once_and_makes_no_storm(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        settings = settings_for(tmp_path, box.port)
        dead = settings.notices.channels["ops"].model_copy(update={"port": 1})
        ways = {**settings.notices.channels, "gone": dead}
        told = settings.notices.model_copy(update={"channels": ways})
        night = Night(db, clock, settings.model_copy(update={"notices": told}))
        await night.run(RunStatus.FAILED, "timeout", "It failed.")
        for _ in range(200):
            clock.forward(600)
            await night.look()
        async with db.read() as c:
            waiting = [one for one in await outbox.latest(c) if one.channel == "gone"]
            causes = await notices.not_closed(c)
            attempts = sum(one.attempts for one in waiting)
    assert [one.split()[1] for one in subjects(box)] == ["FAILING", "CHANNEL"]
    assert len(waiting) == 1
    assert attempts < 100, "with growing pauses"
    assert {one.state for one in causes.values()} == {CauseState.NOTIFIED}


async def test_a_failed_chore_and_a_failed_part_of_the_engine_are_causes(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port))
        async with db.transaction() as c:
            await chores.set_due(c, "backup", 1)
            result = {
                "ok": False,
                "told": "the disk is full",
                "at_ms": clock.now_ms(),
                "took_ms": 1,
                "due_at_ms": 9,
            }
            await chores.done(c, "backup", **result)  # type: ignore[arg-type]
            text = "backup failed and is tried again: the disk is full"
            await events.append(c, EventKind.TASK_FAILED, Level.ERROR, text, at_ms=clock.now_ms())
            text = "the engine's clock failed and starts again: ValueError"
            await events.append(c, EventKind.TASK_FAILED, Level.ERROR, text, at_ms=clock.now_ms())
        await night.look()
        assert subjects(box) == ["[siscon] 2 causes: ENGINE siscon, CHORE FAILED backup"]
        async with db.transaction() as c:
            await chores.done(c, "backup", **{**result, "ok": True})  # type: ignore[arg-type]
        clock.forward(2 * 3600)
        await night.look()
    assert subjects(box)[1] == "[siscon] 2 causes: OK siscon, OK backup"


async def test_a_part_of_the_engine_that_fails_again_is_no_good_health(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    watch = Watch(db, settings_for(tmp_path, 9), clock.now_ms)
    text = "the engine's webhooks failed and starts again: ValueError"
    troubles = []
    for _ in range(2):
        async with db.transaction() as c:
            await events.append(c, EventKind.TASK_FAILED, Level.ERROR, text, at_ms=clock.now_ms())
        await watch.look(None)
        page = await health_page.page(db, tmp_path, engine="one", now_ms=clock.now_ms())
        troubles.append(page["trouble"])
    clock.forward(600)
    page = await health_page.page(db, tmp_path, engine="one", now_ms=clock.now_ms())

    assert [*troubles, page["trouble"]] == [[], [text], []]


async def test_what_comes_and_goes_is_told_so_often_a_day_and_then_only_if_it_stays(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port, episodes_a_day=3))
        for _ in range(8):
            for status in (RunStatus.FAILED, RunStatus.COMPLETED):
                await night.run(status, "timeout")
                clock.forward(3600)
                await night.look()
        assert [one.split()[1] for one in subjects(box)] == ["FAILING", "OK"] * 3
        for _ in range(6):
            await night.run(RunStatus.FAILED, "timeout")
            clock.forward(3600)
            await night.look()
    assert [one.split()[1] for one in subjects(box)] == [*["FAILING", "OK"] * 3, "FAILING"]


async def test_a_removed_integration_ends_its_causes(db: SqliteDatabase, clock: HandClock, tmp_path: Path):
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port))
        await night.run(RunStatus.FAILED, "timeout", "It failed.")
        await night.look()
        await night.event(EventKind.INTEGRATION_REMOVED)
        await night.look()
    assert [one.split()[1] for one in subjects(box)] == ["FAILING", "OK"]


async def test_refused_webhooks_are_told_of_when_they_flood_or_go_on(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port))
        for refused in ("3 bad signature", "2 bad signature, 4 replay"):
            await night.event(EventKind.WEBHOOKS_REFUSED, text=f"webhooks of harbor were refused: {refused}")
            await night.look()
        clock.forward(1200)
        await night.look()
        assert subjects(box) == []

        text = "webhooks of harbor were refused: 120 bad signature, 4 too old"
        await night.event(EventKind.WEBHOOKS_REFUSED, text=text)
        await night.look()
        clock.forward(1200)
        await night.look()
        for _ in range(4):
            await night.event(
                EventKind.WEBHOOKS_REFUSED, text="webhooks of harbor were refused: 1 bad signature"
            )
            await night.look()
            clock.forward(300)
        await night.look()
    assert [" ".join(one.split()[1:3]) for one in subjects(box)] == [
        *("WEBHOOKS REFUSED", "OK harbor:", "WEBHOOKS REFUSED")
    ]


async def test_without_an_engine_the_check_sends_what_is_due_and_says_that_none_is_alive(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        settings = settings_for(tmp_path, box.port)
        night = Night(db, clock, settings)
        await night.run(RunStatus.FAILED, "timeout", "It failed.")
        for lives in (False, False):
            assert await notice_check.check(db, settings, engine_lives=lives, now_ms=clock.now_ms)
        assert subjects(box) == ["[siscon] 2 causes: FAILING harbor, ENGINE siscon"]
        async with db.read() as c:
            assert await leases.holder(c, NOTICES_LEASE, now_ms=clock.now_ms()) is None

        holdings = Holdings(db, "engine", now_ms=clock.now_ms)
        await holdings.take(NOTICES_LEASE, on_lost=lambda: None)
        assert not await notice_check.check(db, settings, engine_lives=True, now_ms=clock.now_ms)
        await night.look()
    assert subjects(box)[1:] == ["[siscon] OK siscon: the engine is well again"]


async def test_an_engine_that_was_overtaken_writes_and_sends_nothing(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    async with mail_server() as box:
        settings = settings_for(tmp_path, box.port)
        night = Night(db, clock, settings)
        await night.run(RunStatus.FAILED, "timeout", "It failed.")
        lease = await Holdings(db, "one", now_ms=clock.now_ms).take(NOTICES_LEASE, on_lost=lambda: None)
        clock.forward(2 * LEASE_TTL_S)
        assert await Holdings(db, "two", now_ms=clock.now_ms).take(NOTICES_LEASE, on_lost=lambda: None)
        with pytest.raises(LeaseLost):
            await night.watch.look(lease)
    assert box.taken == []


async def test_nothing_is_written_where_nothing_has_changed(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    night = Night(db, clock, settings_for(tmp_path))
    await night.event(EventKind.PAGE_NOTE, Level.INFO)
    await night.look()
    await db.changed(timeout_s=0.01)
    clock.forward(30)
    await night.look()
    assert not await db.changed(timeout_s=0.05)


async def test_a_clock_that_was_ahead_and_is_put_back_silences_neither_notices_nor_digests(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    ahead_s = 30 * 24 * 3600
    async with mail_server() as box:
        night = Night(db, clock, settings_for(tmp_path, box.port, digest={"at": "07:00", "when_empty": True}))
        await night.look()
        clock.forward(ahead_s + 10 * 3600)
        await night.event(EventKind.BREAKER_OPENED, text="harbor: harbor.example gave no good answer")
        await night.look()
        assert subjects(box) == ["[siscon] Digest: 1 cause, 1 still open"]

        clock.forward(-ahead_s - 10 * 3600)
        await night.look()
        assert "FAILING harbor" in subjects(box)[-1]
        for hours in (10, 24):
            clock.forward(hours * 3600)
            await night.look()
    assert subjects(box)[2:] == ["[siscon] Digest: 1 cause, 1 still open"] * 2


async def test_a_notice_that_was_given_up_is_told_once_there_is_a_way_in_again(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    night = Night(db, clock, settings_for(tmp_path))
    for entity in ("first", "second"):
        await night.run(RunStatus.FAILED, "timeout", f"The {entity} failed.")
    for _ in range(15):
        await night.look()
        clock.forward(6 * 3600)
    async with db.read() as c:
        states = [one.state for one in await outbox.latest(c)]
    assert states == [MessageState.WAITING, MessageState.GIVEN_UP]

    async with mail_server() as box:
        night.restart(settings_for(tmp_path, box.port))
        for _ in range(4):
            await night.look()
            clock.forward(3600)
    assert subjects(box) == ["[siscon] FAILING harbor: run 2 failed: The second failed."]


async def test_paused_or_not_an_integration_that_is_known_has_its_deadline(
    db: SqliteDatabase, clock: HandClock, tmp_path: Path
):
    told = {"fresh_by": [{"integration": "harbor", "at": "06:30"}]}
    night = Night(db, clock, settings_for(tmp_path, **told))
    async with db.transaction() as c:
        await integrations.set_paused(c, "harbor", True)
    clock.forward(9 * 3600)
    await night.look()
    async with db.read() as c:
        causes = await notices.not_closed(c)
    assert [one.text for one in causes.values()] == [
        "not fresh by 06:30 on Thu 26 Nov: student (never imported)"
    ]
