"""Single records of servers that answer in their own way: nothing they say becomes somebody else's record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from siscon.domain.errors import AuthError, ProviderError, RateLimited, SisconError, TransientError
from siscon.domain.records import Entity
from siscon.providers.contract import Answer
from siscon.providers.oneroster.pages import OneRosterPages
from siscon.providers.oneroster.settings import OneRosterSettings

IVO = {
    "sourcedId": "u1", "status": "active", "givenName": "Ivo", "familyName": "Marsh", "role": "student",
    "dateLastModified": "2026-09-02T00:00:00Z",
}  # fmt: skip
BORN = {"sourcedId": "u1", "birthDate": "2011-01-01", "dateLastModified": "2026-09-03T00:00:00Z"}
ART = {"sourcedId": "k1", "title": "Art", "course": {"sourcedId": "c1"}, "school": {"sourcedId": "s1"}}
BELOW = "or/schools/s1/classes/k1/enrollments"


def seat(name: str, user: str, role: str = "student", section: str = "k1", **more: Any) -> dict[str, Any]:
    return {
        "sourcedId": name,
        "role": role,
        "user": {"sourcedId": user},
        "class": {"sourcedId": section},
        **more,
    }


def refused(code: str) -> ProviderError:
    return ProviderError("refused", code=code)


class Server:
    """Answers by path, an exception where one stands there; what is not there is 404."""

    def __init__(self, answers: Mapping[str, Any], *, repeats: bool = False) -> None:
        self.answers, self.repeats = answers, repeats
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, keep_s: float = 0.0
    ) -> Answer:
        self.asked.append((path, dict(params or {})))
        found = self.answers.get(path, refused("not_found"))
        if isinstance(found, Exception):
            raise found
        headers: dict[str, str] = {}
        if isinstance(found, dict) and "enrollments" in found:
            rows, start = found["enrollments"], 0 if self.repeats else int((params or {}).get("offset", 0))
            found = {"enrollments": rows[start:]}
            headers = {} if self.repeats else {"x-total-count": str(len(rows))}
        return Answer(200, headers, json.dumps(found).encode(), f"https://sis.example.org/{path}")

    async def post(self, *_: object, **__: object) -> Answer:
        raise AssertionError


def over(server: Server, **settings: Any) -> OneRosterPages:
    return OneRosterPages(server, OneRosterSettings(base_url="https://sis.example.org", **settings), "or")


async def student(answers: Mapping[str, Any], external_id: str = "u1", **settings: Any) -> Any:
    return await over(Server(answers), **settings).one(Entity.STUDENT, external_id)


@pytest.mark.parametrize(
    "body",
    [{"user": IVO}, {"user": [IVO]}, {"users": [IVO]}, {"users": IVO}, {"user": {**IVO, "identifier": 7}}],
    ids=["as documented", "a list of one", "as the list has it", "one under the list's key", "a number"],
)
async def test_a_record_is_taken_however_its_server_wraps_it(body: Any) -> None:
    page = await student({"or/students/u1": body, "or/demographics/u1": {"demographics": BORN}})

    record, part = page.records
    assert (record.external_id, record.last_name, dict(part.fields)["birth_date"]) == (
        "u1",
        "Marsh",
        "2011-01-01",
    )
    assert page.modified == {"u1": BORN["dateLastModified"]}


@pytest.mark.parametrize("body", [{"user": None}, {"user": {}}, {"users": []}, {"user": ""}])
async def test_an_answer_that_holds_nobody_is_nobody(body: Any) -> None:
    page = await student({"or/students/u1": body})

    assert (page.records, page.rejected, page.resume) == ([], [], None)


@pytest.mark.parametrize(
    "body",
    [{}, [], [IVO], {"error": "no"}, {"users": [IVO, IVO]}, {"user": {**IVO, "sourcedId": "u2"}}, "text"],
    ids=["empty", "no rows", "bare list", "an error", "two", "another", "text"],
)
async def test_an_answer_that_is_another_thing_is_an_error_and_not_nobody(body: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        await student({"or/students/u1": body})

    assert caught.value.code == "unexpected_answer"


@pytest.mark.parametrize("code", ["forbidden", "bad_request", "refused_values", "not_allowed", "not_offered"])
@pytest.mark.parametrize("path", ["or/students/u1", "or/demographics/u1"])
async def test_where_a_server_refuses_the_form_the_list_is_read(path: str, code: str) -> None:
    answers = {"or/students/u1": {"user": IVO}, "or/demographics/u1": {"demographics": BORN}}

    found = await student({**answers, path: refused(code)}, demographics=True)

    assert found is None


async def test_demographics_that_the_login_may_not_read_are_left_as_they_are_known() -> None:
    answers = {"or/students/u1": {"user": IVO}, "or/demographics/u1": refused("forbidden")}

    page = await student(answers)

    assert [one.external_id for one in page.records] == ["u1"]
    assert page.absent_fields == ("birth_date", "gender")
    assert page.modified == {"u1": IVO["dateLastModified"]}


@pytest.mark.parametrize("answer", [refused("not_found"), {"demographics": {}}], ids=["404", "empty"])
async def test_demographics_that_are_not_told_of_one_student_are_left_as_they_are_known(answer: Any) -> None:
    page = await student({"or/students/u1": {"user": IVO}, "or/demographics/u1": answer})

    assert [one.external_id for one in page.records] == ["u1"]
    assert page.absent_fields == ("birth_date", "gender")


async def test_bad_demographics_are_rejected_under_the_id_of_the_student() -> None:
    bad = {"demographics": {**BORN, "birthDate": "soon"}}
    page = await student({"or/students/u1": {"user": IVO}, "or/demographics/u1": bad})
    assert [(one.external_id, one.field) for one in page.rejected] == [("u1", "birthDate")]
    assert "soon" in page.rejected[0].raw


@pytest.mark.parametrize(
    "row", [{**IVO, "familyName": ""}, {"givenName": "Ivo"}, {**IVO, "givenName": {"a": 1}}]
)
async def test_a_bad_record_is_rejected_under_the_id_that_was_asked_for(row: Any) -> None:
    page = await student({"or/students/u1": {"user": row}})

    assert page.records == []
    assert [one.external_id for one in page.rejected] == ["u1"]
    assert json.loads(page.rejected[0].raw)["givenName"] == row["givenName"]


@pytest.mark.parametrize(
    "error", [AuthError("no"), RateLimited("later", retry_after_s=1.0), TransientError("later")]
)
async def test_refused_logins_limits_and_outages_pass_as_they_are(error: SisconError) -> None:
    for path in ("or/students/u1", "or/demographics/u1"):
        with pytest.raises(type(error)):
            await student({"or/students/u1": {"user": IVO}, path: error})


@pytest.mark.parametrize(
    ("entity", "list_", "roles", "is_theirs"),
    [
        (Entity.STUDENT, "students", [{"role": "teacher"}], False),
        (Entity.STUDENT, "students", [{"role": "teacher"}, {"role": "Student"}], True),
        (Entity.STUDENT, "students", [], True),
        (Entity.STAFF, "teachers", [{"role": "student"}], False),
        (Entity.STAFF, "teachers", [{"role": "guardian"}, {"role": "student"}], False),
        (Entity.STAFF, "teachers", [{"role": "principal"}], True),
    ],
)
async def test_a_server_that_looks_an_id_up_among_all_its_users_is_found_out(
    entity: Entity, list_: str, roles: list[dict[str, str]], is_theirs: bool
) -> None:
    row = {name: value for name, value in IVO.items() if name != "role"} | {"roles": roles}
    page = await over(Server({f"or/{list_}/u1": {"user": row}})).one(entity, "u1")

    assert page is not None
    assert bool(page.records) is is_theirs
    assert not page.rejected


async def test_odd_ids_stay_in_their_place_in_the_path_and_dots_alone_are_never_asked_for() -> None:
    server = Server({})
    roster = over(server)
    for external_id in ("a/b", "a b", "50%", "é?#", "../x"):
        page = await roster.one(Entity.COURSE, external_id)
        assert page is not None
        assert page.records == []
    assert [path for path, _ in server.asked] == [
        "or/courses/a%2Fb", "or/courses/a%20b", "or/courses/50%25", "or/courses/%C3%A9%3F%23", "or/courses/..%2Fx",
    ]  # fmt: skip
    for dots in ("", ".", ".."):
        assert await roster.one(Entity.COURSE, dots) is None
        assert await roster.related(Entity.ENROLLMENT, Entity.STUDENT, dots) is None
    assert len(server.asked) == 5


TEACHERS = [
    seat("e2", "t2", "teacher"),
    seat("e1", "t1", "teacher", primary=True),
    seat("e3", "u1"),
    seat("e4", "t3", "teacher", status="tobedeleted"),
]


@pytest.mark.parametrize("where", [BELOW, "or/enrollments"])
async def test_a_class_comes_with_its_teachers_by_the_path_below_its_school_or_by_a_filter(
    where: str,
) -> None:
    server = Server({"or/classes/k1": {"class": ART}, where: {"enrollments": TEACHERS}})

    page = await over(server).one(Entity.SECTION, "k1")

    assert page is not None
    assert [(one.external_id, getattr(one, "part_id", "")) for one in page.records] == [
        ("k1", ""),
        ("k1", "teacher:1:e2"),
        ("k1", "teacher:0:e1"),
    ]


OTHERS = [
    refused("bad_request"),
    refused("forbidden"),
    {"enrollments": []},
    {"enrollments": [*TEACHERS, seat("e9", "t9", "teacher", section="k2")]},
    {"enrollments": [seat("e9", "u9", section="k2")]},
    {"enrollments": [{"sourcedId": "e9", "role": "teacher", "user": {"sourcedId": "t1"}}]},
]


@pytest.mark.parametrize("answer", OTHERS, ids=range(len(OTHERS)))
async def test_a_filter_that_a_server_does_not_understand_is_never_taken_for_an_answer(answer: Any) -> None:
    answers = {"or/classes/k1": {"class": ART}, "or/enrollments": answer}

    assert await over(Server(answers)).one(Entity.SECTION, "k1") is None
    assert await over(Server(answers)).related(Entity.ENROLLMENT, Entity.SECTION, "k1") is None


@pytest.mark.parametrize(
    ("below", "teachers", "is_sure"),
    [
        ([], refused("not_found"), False),
        ([], refused("forbidden"), False),
        ([], {"users": [{"sourcedId": "t1", "givenName": "Ann", "familyName": "Berg"}]}, False),
        ([], {"users": []}, True),
        ([seat("e3", "u1")], refused("not_found"), True),
    ],
    ids=["not offered", "not allowed", "teachers all the same", "no teachers either", "students are listed"],
)
async def test_a_class_has_no_teachers_only_where_the_server_says_so(
    below: list[Any], teachers: Any, is_sure: bool
) -> None:
    answers = {
        "or/classes/k1": {"class": ART},
        BELOW: {"enrollments": below},
        "or/classes/k1/teachers": teachers,
    }
    page = await over(Server(answers)).one(Entity.SECTION, "k1")

    assert (page is not None) is is_sure
    assert page is None or [one.external_id for one in page.records] == ["k1"]


async def test_a_broken_teaching_never_buries_the_class_that_has_its_id_by_chance() -> None:
    broken = {"sourcedId": "k1", "role": "teacher", "class": {"sourcedId": "k1"}}
    page = await over(Server({"or/classes/k1": {"class": ART}, BELOW: {"enrollments": [broken]}})).one(
        Entity.SECTION, "k1"
    )

    assert page is not None
    assert [one.external_id for one in page.rejected] == [None]


async def test_the_seats_of_a_student_are_asked_for_with_one_request() -> None:
    server = Server({"or/enrollments": {"enrollments": [seat("e1", "u1"), seat("e2", "u1", section="k2")]}})

    page = await over(server).related(Entity.ENROLLMENT, Entity.STUDENT, "u1")

    assert page is not None
    assert [one.external_id for one in page.records] == ["e1", "e2"]
    assert [params.get("filter") for _, params in server.asked] == ["user.sourcedId='u1'"]


@pytest.mark.parametrize(
    ("classes", "is_sure"),
    [
        ({"classes": []}, True),
        ({"classes": [ART]}, False),
        (refused("not_found"), False),
        (refused("forbidden"), False),
    ],
)
async def test_no_seats_are_believed_only_where_the_classes_say_so_too(classes: Any, is_sure: bool) -> None:
    server = Server({"or/enrollments": {"enrollments": []}, "or/students/u1/classes": classes})

    page = await over(server).related(Entity.ENROLLMENT, Entity.STUDENT, "u1")

    assert (page is not None) is is_sure
    assert page is None or page.records == []


@pytest.mark.parametrize("external_id", ["o'hara", "a\\b", "a\nb"])
async def test_an_id_that_a_filter_cannot_hold_is_not_put_into_one(external_id: str) -> None:
    server = Server({"or/enrollments": {"enrollments": [seat("e1", external_id)]}})

    assert await over(server).related(Entity.ENROLLMENT, Entity.STUDENT, external_id) is None
    assert server.asked == []


async def test_a_server_that_refuses_the_filter_is_asked_for_lists_as_before() -> None:
    server = Server({"or/enrollments": refused("bad_request")})
    roster = over(server)
    assert await roster.related(Entity.ENROLLMENT, Entity.STUDENT, "u1") is None

    server.answers = {"or/enrollments": {"enrollments": [seat("e1", "u1")]}}
    pages = [page async for page in roster.pages(Entity.ENROLLMENT, cursor=None, resume=None)]

    assert [one.external_id for page in pages for one in page.records] == ["e1"]
    assert server.asked[-1][1]["filter"] == "role='student'"


async def test_other_relations_are_left_to_the_list() -> None:
    server = Server({})
    assert await over(server).related(Entity.STUDENT, Entity.SCHOOL, "s1") is None
    assert await over(server).related(Entity.ENROLLMENT, Entity.COURSE, "c1") is None
    assert server.asked == []


async def test_a_server_that_knows_no_pages_there_is_read_by_its_list() -> None:
    server = Server({"or/enrollments": {"enrollments": [seat("e1", "u1")]}}, repeats=True)

    assert await over(server).related(Entity.ENROLLMENT, Entity.STUDENT, "u1") is None
