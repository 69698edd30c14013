"""Each command is answered once, with its effect and its audit row in the same transaction."""

from __future__ import annotations

import pytest

from siscon.domain.commands import (
    CancelRun,
    Command,
    CommandRow,
    CommandStatus,
    PauseIntegration,
    Purge,
    RefreshToken,
    RemoveIntegration,
    ResumeIntegration,
    StartRun,
    StopEngine,
    TakeBack,
)
from siscon.domain.leases import LEASE_TTL_S
from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.domain.runs import RunStatus
from siscon.engine.answers import LiveEngine
from siscon.engine.inbox import carry_out
from siscon.store import audit, commands, integrations, leases, runs
from siscon.store.sqlite import SqliteDatabase
from siscon.store.vault import Vault
from support.clock import HandClock
from support.databases import activate
from support.house import anybody
from support.runs import a_run


class Desk:
    """Leaves a command and looks at what became of it."""

    def __init__(self, db: SqliteDatabase, vault: Vault, clock: HandClock) -> None:
        self.db, self.vault, self.clock = db, vault, clock
        self.done: list[str] = []
        self.live: LiveEngine | None = LiveEngine(
            "one",
            frozenset({"harbor"}),
            stop=lambda: self.done.append("stop"),
            renew_token=lambda name: self.done.append(f"renew {name}"),
        )

    async def ask(self, command: Command) -> CommandRow:
        async with self.db.transaction() as c:
            number = await commands.leave(c, command, actor="ann(1000)", now_ms=self.clock.now_ms())
        await carry_out(self.db, vault=self.vault, live=self.live, judge=anybody, now_ms=self.clock.now_ms)
        async with self.db.read() as c:
            row = await commands.get(c, number)
        assert row is not None
        return row

    async def audited(self) -> list[tuple[str, str, str]]:
        async with self.db.read() as c:
            assert await audit.verify(c, self.vault) is None
            return [(one.actor, one.action, one.target) for one in await audit.entries(c)]

    async def run(self, run_id: int):
        async with self.db.read() as c:
            return await runs.get(c, run_id)


@pytest.fixture
def desk(db: SqliteDatabase, vault: Vault, clock: HandClock) -> Desk:
    return Desk(db, vault, clock)


async def test_an_import_asked_for_is_queued_and_audited(desk: Desk):
    row = await desk.ask(StartRun("harbor", entities=("student", "school"), full=True))

    assert row.status is CommandStatus.DONE
    assert row.run_id is not None
    run = await desk.run(row.run_id)
    assert (run.entities, run.full, run.requested_by) == ((Entity.SCHOOL, Entity.STUDENT), True, "ann(1000)")
    assert await desk.audited() == [("ann(1000)", "start_run", f"run {row.run_id}")]


async def test_a_second_import_of_the_same_integration_is_refused_by_name_of_the_first(desk: Desk):
    first = await desk.ask(StartRun("harbor"))
    second = await desk.ask(StartRun("harbor"))

    assert second.status is CommandStatus.REFUSED
    assert f"Run {first.run_id} of harbor is already queued" in second.answer
    assert [action for _, action, _ in await desk.audited()] == ["start_run", "start_run refused"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (StartRun("nobody"), "no integration 'nobody'"),
        (StartRun("harbor", entities=("pupil",)), "'pupil' is no kind of record"),
        (CancelRun(99), "no run 99"),
        (PauseIntegration("nobody"), "no integration"),
        (RefreshToken("nobody"), "no integration"),
        (StopEngine("gone"), "no living engine 'gone'"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_a_sentence(desk: Desk, command: Command, says: str):
    row = await desk.ask(command)

    assert row.status is CommandStatus.REFUSED
    assert says in row.answer


async def test_an_integration_that_is_not_enabled_starts_nothing(desk: Desk):
    async with desk.db.transaction() as c:
        await integrations.set_enabled(c, "harbor", False)

    assert (await desk.ask(StartRun("harbor"))).status is CommandStatus.REFUSED


async def test_pause_and_resume_switch_the_integration(desk: Desk):
    async def paused() -> bool:
        async with desk.db.read() as c:
            return (await integrations.one(c, "harbor")).paused

    await desk.ask(PauseIntegration("harbor"))
    assert await paused()
    await desk.ask(ResumeIntegration("harbor"))
    assert not await paused()


async def test_a_queued_run_is_cancelled_at_once(desk: Desk):
    run_id = await a_run(desk.db, 1)
    row = await desk.ask(CancelRun(run_id))

    run = await desk.run(run_id)
    assert (row.status, run.status) == (CommandStatus.DONE, RunStatus.CANCELLED)
    assert run.error == "cancelled by ann(1000)"
    assert "ended already" in (await desk.ask(CancelRun(run_id))).answer


async def test_a_held_run_is_decided_on_and_not_cancelled(desk: Desk):
    run_id = await claimed(desk)
    async with desk.db.transaction() as c:
        await runs.move(c, run_id, RunStatus.HELD, now_ms=desk.clock.now_ms())
    row = await desk.ask(CancelRun(run_id))

    run = await desk.run(run_id)
    assert (row.status, run.status, run.cancel_requested_by) == (
        *(CommandStatus.REFUSED, RunStatus.HELD, None),
    )
    assert f"siscon runs discard {run_id}" in row.answer


async def test_what_an_administrator_asked_for_is_not_taken_back_by_an_operators_row(desk: Desk):
    now_ms = desk.clock.now_ms()
    async with desk.db.transaction() as c:
        asked = await commands.leave(c, Purge(1), actor="ann(1000)", now_ms=now_ms, grace_ms=5000)
        row = await commands.leave(c, TakeBack(asked), actor="kim(1001)", now_ms=now_ms)
    await carry_out(
        desk.db, vault=desk.vault, live=None, judge=lambda _: Role.OPERATOR, now_ms=desk.clock.now_ms
    )

    async with desk.db.read() as c:
        one, other = await commands.get(c, asked), await commands.get(c, row)
    assert one is not None
    assert other is not None
    assert (one.status, other.status) == (CommandStatus.PENDING, CommandStatus.REFUSED)
    assert "needs admin" in other.answer


async def claimed(desk: Desk) -> int:
    run_id = await a_run(desk.db, 1)
    async with desk.db.transaction() as c:
        await leases.take(c, "engine:one", "one", ttl_s=LEASE_TTL_S, now_ms=desk.clock.now_ms())
        await runs.claim(c, run_id, engine="one", now_ms=desk.clock.now_ms())
    return run_id


async def test_a_running_run_is_asked_to_stop(desk: Desk):
    run_id = await claimed(desk)
    row = await desk.ask(CancelRun(run_id))

    run = await desk.run(run_id)
    assert "after the open batch" in row.answer
    assert (run.status, run.cancel_requested_by) == (RunStatus.RUNNING, "ann(1000)")


async def test_a_running_run_of_a_dead_engine_is_cancelled_without_it(desk: Desk):
    run_id = await claimed(desk)
    desk.clock.forward(LEASE_TTL_S + 1)
    desk.live = None
    await desk.ask(CancelRun(run_id))

    assert (await desk.run(run_id)).status is RunStatus.CANCELLED


async def test_renewing_a_token_needs_a_living_engine(desk: Desk):
    assert (await desk.ask(RefreshToken("harbor"))).status is CommandStatus.DONE
    assert desk.done == ["renew harbor"]
    desk.live = None
    row = await desk.ask(RefreshToken("harbor"))

    assert row.status is CommandStatus.REFUSED
    assert "siscon serve" in row.answer


async def test_only_the_engine_meant_stops(desk: Desk):
    async with desk.db.transaction() as c:
        await leases.take(c, "engine:two", "two", ttl_s=LEASE_TTL_S, now_ms=desk.clock.now_ms())
    other = await desk.ask(StopEngine("two"))
    assert (other.status, desk.done) == (CommandStatus.PENDING, [])
    own = await desk.ask(StopEngine("one"))

    assert (own.status, desk.done) == (CommandStatus.DONE, ["stop"])


async def test_hostile_names_are_answered_without_acting_on_a_terminal(desk: Desk):
    row = await desk.ask(StartRun("harbor\x1b]0;x\x07"))

    assert row.status is CommandStatus.REFUSED
    assert row.answer.isprintable()


async def test_a_removed_integration_is_gone_until_it_is_activated_again(desk: Desk):
    refused = await desk.ask(RemoveIntegration("harbor", 0))
    assert refused.status is CommandStatus.REFUSED
    assert "siscon stop" in refused.answer

    desk.live = None
    assert "begin again" in (await desk.ask(RemoveIntegration("harbor", 3))).answer
    started = await desk.ask(StartRun("harbor"))
    assert (
        f"Run {started.run_id} of harbor is queued" in (await desk.ask(RemoveIntegration("harbor", 0))).answer
    )
    await desk.ask(CancelRun(started.run_id or 0))

    done = await desk.ask(RemoveIntegration("harbor", 0))
    assert done.status is CommandStatus.DONE
    assert done.answer == (
        "harbor is removed: 0 mappings, 0 dead records, 0 conflicts, 0 tokens. The roster stays."
    )
    assert (await desk.ask(StartRun("harbor"))).status is CommandStatus.REFUSED
    assert (await desk.audited())[-2:] == [
        ("ann(1000)", "remove_integration", "harbor"),
        ("ann(1000)", "start_run refused", "start_run"),
    ]

    async with desk.db.transaction() as c:
        await activate(c, "harbor")
        await integrations.set_enabled(c, "harbor", True)
    assert (await desk.ask(StartRun("harbor"))).status is CommandStatus.DONE


async def test_a_command_without_an_engine_answers_its_own_request_and_no_other(desk: Desk):
    desk.live = None
    async with desk.db.transaction() as c:
        theirs = await commands.leave(c, RefreshToken("harbor"), actor="ben(1001)", now_ms=1)
        ours = await commands.leave(c, StartRun("harbor"), actor="ann(1000)", now_ms=1)

    await carry_out(
        desk.db, vault=desk.vault, live=None, judge=anybody, now_ms=desk.clock.now_ms, only={ours}
    )

    async with desk.db.read() as c:
        answered, waits = await commands.get(c, ours), await commands.get(c, theirs)
    assert answered is not None
    assert answered.status is CommandStatus.DONE
    assert waits is not None
    assert waits.status is CommandStatus.PENDING
