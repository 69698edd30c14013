"""Bad records apart from good ones: batches that fail, records that kill the engine."""

from __future__ import annotations

import pytest

from siscon.domain.commands import RetryDead
from siscon.domain.errors import DatabaseError
from siscon.domain.records import Entity, Student
from siscon.domain.runs import RunStatus
from siscon.engine import batches, fetch, isolation
from siscon.engine.lifeline import give_back
from siscon.store import runs
from support.fake_sis import FakeSis
from support.house import NAME, test_house

POISON = "b13"


class Killed(BaseException):
    """What is left of an engine that was killed: nothing of its code runs any more."""


def a_class(n: int) -> FakeSis:
    sis = FakeSis(page_size=100)
    sis.hold(*(Student(f"b{number:02}", f"Kim{number}", None, "Marsh") for number in range(n)))
    return sis


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, a_class(40)) as opened:
        opened.batch = 20
        yield opened


async def refuse(house, *names):
    """Let the database itself refuse some students."""
    listed = ", ".join(f"'{name}'" for name in names)
    for event in ("INSERT", "UPDATE"):
        await house.do(
            f"CREATE TRIGGER no_{event} BEFORE {event} ON students WHEN NEW.first_name IN ({listed}) "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )


async def test_one_bad_record_costs_its_batch_nothing_and_no_further_transaction(house):
    await refuse(house, "Kim13")

    status, counts = await house.sync()

    assert status is RunStatus.WITH_ERRORS
    assert (counts[Entity.STUDENT].created, counts[Entity.STUDENT].failed) == (39, 1)
    (dead,) = await house.rows("SELECT * FROM dead_records")
    assert (dead["external_id"], dead["code"]) == ("b13", "refused_by_roster")
    batches = await house.rows("SELECT detail FROM audit WHERE action = 'apply'")
    assert len(batches) >= 2
    assert len(await house.rows("SELECT * FROM students")) == 39


async def test_known_records_are_set_apart_like_new_ones_and_come_in_once_they_can(house):
    await house.sync()
    house.sis.lists[Entity.STUDENT] = [
        Student(f"b{number:02}", f"Lee{number}", None, "Marsh") for number in range(40)
    ]
    await refuse(house, "Lee3", "Lee4", "Lee39")

    status, counts = await house.sync()

    assert status is RunStatus.WITH_ERRORS
    assert (counts[Entity.STUDENT].updated, counts[Entity.STUDENT].failed) == (37, 3)
    await house.do("DROP TRIGGER no_INSERT")
    await house.do("DROP TRIGGER no_UPDATE")
    status, counts = await house.sync()
    assert status is RunStatus.COMPLETED
    assert counts[Entity.STUDENT].updated == 3


async def test_a_fault_that_every_record_has_is_no_fault_of_the_records(house):
    await house.do("CREATE TRIGGER never BEFORE INSERT ON students BEGIN SELECT RAISE(ABORT, 'never'); END")

    with pytest.raises(DatabaseError):
        await house.sync()

    assert await house.rows("SELECT * FROM dead_records") == []
    assert await house.rows("SELECT * FROM students") == []


async def test_a_fault_of_our_own_over_one_record_is_that_records_alone(house, monkeypatch):
    await house.sync()
    house.sis.replace(Student("b07", "Rho", None, "Marsh"))
    house.sis.replace(Student("b08", "Sol", None, "Marsh"))

    change = batches._change

    def fails(batch, job, entity, row, *rest):
        if row.external_id == "b07":
            raise ZeroDivisionError
        change(batch, job, entity, row, *rest)

    monkeypatch.setattr(batches, "_change", fails)

    status, counts = await house.sync()

    assert status is RunStatus.WITH_ERRORS
    assert (counts[Entity.STUDENT].updated, counts[Entity.STUDENT].failed) == (1, 1)
    (dead,) = await house.rows("SELECT * FROM dead_records")
    assert (dead["external_id"], dead["code"]) == ("b07", "unexpected")
    assert "ZeroDivisionError" in dead["reason"]


async def die_over_the_poison(house, monkeypatch, run_id):
    """Start the run, and let the engine die when it comes to the poison; the next one finds the run."""

    write_batch = isolation.write_batch

    async def deadly(c, job, entity, found, *, after):
        if entity is Entity.STUDENT and after < POISON <= found.upto:
            raise Killed
        await write_batch(c, job, entity, found, after=after)

    with monkeypatch.context() as patched:
        patched.setattr(isolation, "write_batch", deadly)
        job = await house.start(run_id)
        with pytest.raises(Killed):
            await house.go_on(job)
    await house.do("UPDATE leases SET expires_at_ms = 0")
    assert await give_back(house.db, now_ms=lambda: house.now_ms) == 1


async def test_a_record_that_kills_the_engine_three_times_is_set_aside_and_named(house, monkeypatch):
    house.now_ms += 1000
    run_id = await house.enqueue()
    for _ in range(3):
        await die_over_the_poison(house, monkeypatch, run_id)

    status = await house.go_on(await house.start(run_id))

    assert status is RunStatus.WITH_ERRORS
    (dead,) = await house.rows("SELECT * FROM dead_records")
    assert (dead["external_id"], dead["code"]) == (POISON, "kills_the_engine")
    (told,) = await house.rows("SELECT text FROM events WHERE kind = 'record set aside'")
    assert POISON in told["text"]
    (count,) = await house.rows("SELECT * FROM run_counts WHERE entity = 'student'")
    assert (count["fetched"], count["created"], count["failed"]) == (40, 39, 1)
    status, counts = await house.sync()
    assert status is RunStatus.COMPLETED
    assert counts[Entity.STUDENT].skipped == 1, "no run tries by itself what may kill it, too"
    retry = await house.ask(RetryDead(NAME, (dead["id"],), {}, 1))
    assert await house.carry_on(retry.run_id) is RunStatus.COMPLETED
    assert (await house.rows("SELECT count(*) AS n FROM students"))[0]["n"] == 40
    assert await house.rows("SELECT * FROM dead_records WHERE status = 'open'") == []


async def test_a_list_over_which_engines_die_again_and_again_ends_its_run(house, monkeypatch):
    house.now_ms += 1000
    run_id = await house.enqueue()

    async def deadly(*_):
        raise Killed

    for _ in range(3):
        job = await house.start(run_id)
        with monkeypatch.context() as patched:
            patched.setattr(fetch, "_commit", deadly)
            with pytest.raises(Killed):
                await house.go_on(job)
        await house.do("UPDATE leases SET expires_at_ms = 0")
        await give_back(house.db, now_ms=lambda: house.now_ms)

    async with house.db.read() as c:
        run = await runs.get(c, run_id)
    assert run.deaths == 3
    with pytest.raises(Exception, match="3 engines died"):
        await house.go_on(await house.start(run_id))
    assert await house.rows(f"SELECT * FROM {NAME}_mappings") == []
