"""Newcomers get a user name and an e-mail address with their record, and keep them; nobody shares one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from siscon.domain.accounts import OF_PEOPLE, AccountRule, parse, parse_email
from siscon.domain.commands import CommandStatus, CreateAccounts, EditRecord, ForceSync, ReleaseEdits, UndoRun
from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.records import Entity, Staff, Student
from siscon.domain.runs import RunStatus
from siscon.engine import account_acts
from siscon.engine.accounts import Accounts, preview
from siscon.ops.accounts import account_rows
from siscon.store import accounts, edits, run_counts
from support.fake_sis import small_district
from support.house import NAME, test_house


def rule(entity: Entity, username: str = "{first:1}{last}", email: str = "{username}@example.org", **more):
    known = OF_PEOPLE[entity]
    template, domain = parse_email(email, known) if email else ((), "")
    return AccountRule(parse(username, known) if username else (), template, domain, **more)


RULES = {Entity.STUDENT: rule(Entity.STUDENT), Entity.STAFF: rule(Entity.STAFF, "{first}.{last}")}


@pytest.fixture
async def house(tmp_path):
    async with test_house(tmp_path, small_district()) as opened:
        opened.accounts = RULES
        yield opened


async def names(house, table="students"):
    entity = "student" if table == "students" else "staff"
    rows = await house.rows(
        f"SELECT m.external_id, r.username, r.email FROM {NAME}_mappings m JOIN {table} r ON r.id = m.internal_id "
        f"WHERE m.entity_type = '{entity}' ORDER BY m.external_id"
    )
    return {row["external_id"]: (row["username"], row["email"]) for row in rows}


async def last_run(house):
    return (await house.rows("SELECT max(id) AS id FROM runs"))[0]["id"]


async def undo(house, run_id):
    (count,) = await house.rows(f"SELECT count(*) AS n FROM changes WHERE run_id = {run_id}")
    row = await house.ask(UndoRun(run_id, "", "", count["n"], "it was a mistake"))
    return await house.carry_on(row.run_id)


async def test_newcomers_are_named_with_their_record_and_the_next_syncs_change_nothing(house):
    status, counts = await house.sync()

    assert status is RunStatus.COMPLETED
    assert counts[Entity.STUDENT].created == 5
    assert await names(house) == {
        f"u{n}": (f"kmarsh{n if n > 1 else ''}", f"kmarsh{n if n > 1 else ''}@example.org")
        for n in range(1, 6)
    }
    assert await names(house, "staff") == {
        "p1": ("rhea.okafor", "rhea.okafor@example.org"),
        "p2": ("tom.lind", "tom.lind@example.org"),
    }
    bases = await house.rows(f"SELECT base FROM {NAME}_mappings WHERE entity_type = 'student'")
    assert not [one for one in bases if "username" in one["base"] or "email" in one["base"]]
    images = await house.rows("SELECT kind, after FROM changes WHERE entity = 'student' ORDER BY external_id")
    assert json.loads(images[1]["after"])["username"] == "kmarsh2"
    assert {one["kind"] for one in images} == {"created"}
    before = await house.content()
    for _ in range(2):
        _, counts = await house.sync()
        assert counts[Entity.STUDENT].unchanged == 5
        assert await house.content() == before


async def test_nobody_is_named_where_nothing_is_configured(house):
    house.accounts = {}
    await house.sync()

    assert set((await names(house)).values()) == {(None, None)}
    assert await house.rows("SELECT * FROM accounts") == []


async def test_what_the_sis_sends_stands_and_nobody_gets_such_a_name_not_even_before_its_owner_comes(house):
    house.sis.hold(Student("u9", "Zed", None, "Zorn", username="KMarsh2", email="k.marsh@sis.example"))
    house.sis.hold(Staff("p9", "Ann", "Berg", username="kmarsh"))
    house.batch = 2
    await house.sync()

    told = await names(house)
    assert told["u9"] == ("KMarsh2", "k.marsh@sis.example")
    assert [told[f"u{n}"][0] for n in range(1, 6)] == ["kmarsh3", "kmarsh4", "kmarsh5", "kmarsh6", "kmarsh7"]
    assert (await names(house, "staff"))["p9"] == ("kmarsh", "kmarsh@example.org")


async def test_a_user_name_of_the_sis_is_not_mended_but_the_lacking_address_is_given(house):
    house.sis.hold(Student("u8", "Ann", None, "Berg", username="A.Berg"))
    await house.sync()

    assert (await names(house))["u8"] == ("A.Berg", "a.berg@example.org")


async def test_a_name_is_kept_through_absence_and_return(house):
    await house.sync()
    gone = [one for one in house.sis.lists[Entity.STUDENT] if one.external_id == "u2"]
    house.sis.remove(Entity.STUDENT, ["u2"])
    for _ in range(3):
        await house.sync()
    house.sis.hold(Student("u6", "Kara", None, "Marsh"))
    await house.sync()
    assert (await names(house))["u6"][0] == "kmarsh6", "a withdrawn person's name is nobody else's"
    house.sis.hold(*gone)
    await house.sync()

    assert (await names(house))["u2"] == ("kmarsh2", "kmarsh2@example.org")


async def test_after_undo_a_name_stays_reserved_and_undoing_the_undo_brings_it_back(house):
    house.entities = (Entity.SCHOOL, Entity.STUDENT)
    await house.sync()
    run_id = await last_run(house)
    await undo(house, run_id)
    assert await names(house) == {}
    assert len(await house.rows("SELECT * FROM accounts")) == 10

    await undo(house, await last_run(house))
    assert (await names(house))["u2"] == ("kmarsh2", "kmarsh2@example.org")
    await undo(house, await last_run(house))
    await house.sync()
    assert (await names(house))["u2"][0] == "kmarsh7", "who is created anew is somebody new"


async def test_what_the_sis_sends_later_takes_the_place_of_what_was_given(house):
    await house.sync()
    house.sis.replace(replace(house.sis.lists[Entity.STUDENT][1], username="kim2", grade_level="8"))
    await house.sync()

    assert (await names(house))["u2"] == ("kim2", "kmarsh2@example.org")
    before = await house.content()
    for _ in range(2):
        await house.sync()
    assert await house.content() == before


async def test_a_policy_that_asks_keeps_the_given_name_until_a_person_decides(house):
    house.policies = {Entity.STUDENT: Policy(strategies={"username": Strategy.MANUAL})}
    await house.sync()
    house.sis.replace(replace(house.sis.lists[Entity.STUDENT][1], username="kim2", grade_level="8"))
    _, counts = await house.sync()

    assert counts[Entity.STUDENT].conflict == 1
    assert (await names(house))["u2"][0] == "kmarsh2"


async def test_a_name_that_a_person_changed_stays(house):
    await house.sync()
    await house.do("UPDATE students SET username = 'kimmy' WHERE username = 'kmarsh2'")
    house.sis.replace(replace(house.sis.lists[Entity.STUDENT][1], grade_level="8"))
    await house.sync()

    assert (await names(house))["u2"][0] == "kimmy"


async def test_a_hundred_of_one_name_are_told_apart_within_the_limit(house):
    house.accounts = {Entity.STUDENT: rule(Entity.STUDENT, longest=8)}
    house.batch = 40
    house.sis.hold(*(Student(f"w{n:03}", "Wilhelmina", None, "Montgomery") for n in range(120)))
    await house.sync()

    told = [one[0] for one in (await names(house)).values()]
    assert len(set(told)) == len(told) == 125
    assert max(map(len, told)) == 8
    assert "wmont120" in told


async def test_no_event_and_no_audit_row_tells_a_name(house):
    await house.sync()

    for table in ("events", "audit", "commands", "runs"):
        assert "marsh" not in str(await house.rows(f"SELECT * FROM {table}")).lower()


WANTED = ("student.username", "student.email", "staff.username", "staff.email")


async def create(house, expected, fields=WANTED):
    row = await house.ask(CreateAccounts(NAME, fields, expected, "names for everybody"))
    assert row.status is CommandStatus.DONE, row.answer
    return await house.carry_on(row.run_id)


async def test_who_was_here_before_is_named_by_an_act_that_can_be_undone(house):
    house.accounts = {}
    await house.sync()
    before = await house.content()
    house.accounts = RULES

    assert await create(house, 7) is RunStatus.COMPLETED
    run_id = await last_run(house)
    assert (await names(house))["u3"] == ("kmarsh3", "kmarsh3@example.org")
    assert (await names(house, "staff"))["p2"] == ("tom.lind", "tom.lind@example.org")
    for _ in range(2):
        _, counts = await house.sync()
        assert counts[Entity.STUDENT].unchanged == 5
    await undo(house, run_id)
    after = await house.content()
    for row in (*before["students"], *after["students"], *before["staff"], *after["staff"]):
        row.pop("version")
    assert after == before
    await create(house, 7)
    assert (await names(house))["u3"] == ("kmarsh3", "kmarsh3@example.org"), "the same person, the same name"


async def test_as_many_as_were_shown_or_nobody(house):
    house.accounts = {}
    await house.sync()

    row = await house.ask(CreateAccounts(NAME, WANTED, 6, "names for everybody"))
    assert "7 people lack one by now, 6 were shown" in row.answer
    row = await house.ask(CreateAccounts(NAME, ("student.shoe",), 7, "names for everybody"))
    assert "Nobody is given a 'student.shoe'" in row.answer


async def test_who_has_left_is_given_no_name_before_coming_back(house):
    house.accounts = {}
    house.sis.hold(Student("u7", "Gone", None, "Long", status="inactive"))
    house.sis.hold(Student("u8", "Soon", None, "Here", status="future"))
    await house.sync()
    house.accounts = RULES
    house.sis.hold(Student("u9", "Gone", None, "Too", status="inactive"))
    await house.sync()

    assert await create(house, 8) is RunStatus.COMPLETED
    told = await names(house)
    assert (told["u7"], told["u9"]) == ((None, None), (None, None))
    assert told["u8"][0] == "shere"

    house.sis.replace(Student("u7", "Gone", None, "Long"))
    await house.sync()
    await create(house, 1)
    assert (await names(house))["u7"][0] == "glong"


async def test_only_those_who_were_here_when_it_was_asked_for_are_named(house):
    house.accounts = {}
    await house.sync()
    asked = await house.ask(CreateAccounts(NAME, WANTED, 7, "names for everybody"))
    house.sis.hold(Student("u7", "Late", None, "Comer"))
    await house.sync()
    house.accounts = RULES

    assert await house.carry_on(asked.run_id) is RunStatus.COMPLETED
    told = await names(house)
    assert (told["u5"][0], told["u7"]) == ("kmarsh5", (None, None))


@pytest.mark.parametrize("how", ["one record", "an act"])
async def test_a_name_that_an_import_under_way_brings_is_left_to_whom_the_sis_gave_it(house, how):
    house.entities = (Entity.SCHOOL, Entity.STUDENT)
    house.accounts = {}
    await house.sync()
    house.sis.hold(Student("u9", "Zed", None, "Zorn", username="kmarsh"))
    house.now_ms += 60_000
    under_way = await house.enqueue(dry=True)
    assert await house.carry_on(under_way) is RunStatus.PLANNED
    house.accounts = RULES
    if how == "an act":
        await create(house, 5, ("student.username",))
    else:
        house.sis.hold(Student("u6", "Kara", None, "Marsh"))
        asked = await house.ask(ForceSync(NAME, "student", "u6", relations=False))
        assert await house.carry_on(asked.run_id) is RunStatus.COMPLETED

    told = await names(house)
    assert told["u1" if how == "an act" else "u6"][0] == "kmarsh2"
    _, counts = await house.sync()
    assert counts[Entity.STUDENT].failed == 0
    assert (await names(house))["u9"][0] == "kmarsh"


async def test_a_name_that_comes_from_the_sis_after_it_was_given_costs_no_record(house):
    await house.sync()
    house.sis.hold(Student("u9", "Zed", None, "Zorn", username="kmarsh", email="kmarsh@example.org"))
    _, counts = await house.sync()

    assert (counts[Entity.STUDENT].created, counts[Entity.STUDENT].failed) == (1, 0)
    assert (await names(house))["u9"] == (await names(house))["u1"], "what the SIS sends is not changed"


async def test_a_given_name_is_no_edit_and_is_not_given_back_with_the_edits(house):
    await house.sync()
    await house.ask(EditRecord(NAME, "student", "u1", {"grade_level": "9"}, "a clerk said so"))

    async with house.db.read() as c:
        (found,) = await edits.edited(c, NAME, Entity.STUDENT, None, limit=10)
    assert set(found.fields) == {"grade_level"}
    await house.ask(ReleaseEdits(NAME, "student", (), (), 1, "back to the SIS"))
    assert (await names(house))["u1"] == ("kmarsh", "kmarsh@example.org")


async def test_a_preview_tells_the_names_and_writes_nothing(house):
    house.accounts = {}
    await house.sync()
    before = await house.content()

    found = await preview(house.db, Accounts(RULES), NAME, examples=2)
    assert [(one.entity, one.lacking) for one in found] == [(Entity.STUDENT, 5), (Entity.STAFF, 2)]
    assert [told["username"] for _, told in found[0].examples] == ["kmarsh", "kmarsh2"]
    assert await house.content() == before
    assert await house.rows("SELECT * FROM accounts") == []


async def test_the_list_tells_whose_each_name_is_and_which_are_out_of_use(house):
    await house.sync()
    await house.do("UPDATE students SET username = 'kimmy' WHERE username = 'kmarsh2'")

    told = {row["name"]: row async for row in account_rows(house.db, integration=NAME)}
    assert (told["kmarsh2"]["external_id"], told["kmarsh2"]["in_use"]) == ("u2", False)
    assert (told["tom.lind"]["entity"], told["tom.lind"]["in_use"]) == ("staff", True)
    assert len(told) == 14


async def test_a_record_that_the_roster_refuses_takes_no_name_and_costs_the_others_nothing(house):
    house.batch = 10
    await house.do(
        "CREATE TRIGGER refuses BEFORE INSERT ON students WHEN NEW.grade_level = '13' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    house.sis.replace(replace(house.sis.lists[Entity.STUDENT][1], grade_level="13"))
    _, counts = await house.sync()

    assert (counts[Entity.STUDENT].created, counts[Entity.STUDENT].failed) == (4, 1)
    assert [one[0] for one in (await names(house)).values()] == ["kmarsh", "kmarsh2", "kmarsh3", "kmarsh4"]
    await house.do("DROP TRIGGER refuses")
    await house.sync()
    assert (await names(house))["u2"][0] == "kmarsh5"


async def test_names_are_looked_for_by_index_also_after_a_first_batch_that_failed(house):
    house.batch = 10
    await house.do(
        "CREATE TRIGGER refuses BEFORE INSERT ON staff WHEN NEW.last_name = 'Lind' BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    await house.sync()

    made = await house.rows("SELECT name FROM sqlite_master WHERE type = 'index' AND name GLOB '*_by_[ue]*'")
    assert {one["name"] for one in made} >= {
        f"{table}_by_{field}" for table in ("students", "staff") for field in accounts.KINDS
    }


async def test_naming_goes_on_where_it_was_stopped(house):
    house.accounts = {}
    await house.sync()
    house.accounts = RULES
    row = await house.ask(CreateAccounts(NAME, WANTED, 7, "names for everybody"))
    job = await house.start(row.run_id)
    async with house.db.transaction() as c:
        await run_counts.start(c, row.run_id, [Entity.STAFF, Entity.STUDENT])
        await account_acts._name_some(c, job, Entity.STUDENT, ["username", "email"], 0)

    assert await house.go_on(job) is RunStatus.COMPLETED
    assert [one[0] for one in (await names(house)).values()] == [
        f"kmarsh{n if n > 1 else ''}" for n in range(1, 6)
    ]


async def test_names_are_looked_for_by_index(house):
    await house.sync()

    for field in accounts.KINDS:
        sql = accounts.TAKEN.format(held=accounts._held(field))
        async with house.db.read() as c:
            rows = await c.all(f"EXPLAIN QUERY PLAN {sql}", {"names": "[]"})
        steps = [row["detail"] for row in rows]
        assert [one for one in steps if one.startswith("SCAN") and "j VIRTUAL" not in one] == [], steps
