"""Random histories of both sides: the engine comes to what the plain model says, row for row."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from siscon.domain.conflicts import Policy, Strategy
from siscon.domain.records import Entity, Student
from support.fake_sis import FakeSis
from support.house import NAME, test_house
from support.reference_model import NAMES, Fields, ReferenceModel

WHO = st.sampled_from(["u1", "u2", "u3", "u4"])
VALUES: dict[str, st.SearchStrategy[str | None]] = {
    "first_name": st.sampled_from(["Ada", "Bo"]),
    "last_name": st.sampled_from(["Quill", "Marsh", "O'Neil"]),
    "email": st.sampled_from([None, "a@example.org", "b@example.org"]),
    "grade_level": st.sampled_from([None, "07", "08"]),
    "status": st.sampled_from(["active", "inactive"]),
}
PERSON = st.fixed_dictionaries(VALUES)
CHANGE = st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
STEP = st.one_of(
    st.tuples(st.just("send"), WHO, PERSON),
    st.tuples(st.just("change"), WHO, CHANGE),
    st.tuples(st.just("edit"), WHO, CHANGE),
    st.tuples(st.just("drop"), WHO, st.none()),
    st.tuples(st.just("sync"), st.none(), st.none()),
)
HISTORY = st.lists(STEP, min_size=3, max_size=14)
STRATEGIES = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([Strategy.SIS_WINS, Strategy.LOCAL_WINS, Strategy.MANUAL])
)
ALWAYS: Fields = {
    "first_name": "Una",
    "last_name": "Stay",
    "email": None,
    "grade_level": None,
    "status": "active",
}
"""Somebody who never leaves: an empty list would wait for a person."""
KINDS = ("created", "updated", "unchanged", "conflict", "withdrawn")


def of_school(sis: dict[str, Fields]) -> list[Student]:
    return [Student(external_id=who, **told) for who, told in sis.items()]  # type: ignore[arg-type] # as drawn


async def see(house: Any) -> tuple[dict[str, Fields], dict[str, set[str]], set[str], set[str]]:
    """The roster, the open questions, who is withdrawn and who came back as somebody else, as the database has it."""
    rows = await house.rows(
        f"SELECT m.external_id, m.withdrawn_at, s.* FROM {NAME}_mappings m JOIN students s ON s.id = m.internal_id"
    )
    asked = await house.rows("SELECT external_id, sis, kind FROM conflicts WHERE status = 'open'")
    return (
        {row["external_id"]: {name: row[name] for name in NAMES} for row in rows},
        {row["external_id"]: set(json.loads(row["sis"])) for row in asked if row["kind"] == "fields"},
        {row["external_id"] for row in rows if row["withdrawn_at"] is not None},
        {row["external_id"] for row in asked if row["kind"] == "identity"},
    )


async def live(folder: Path, strategies: dict[str, Strategy], history: list[Any]) -> None:
    model, sis = ReferenceModel(strategies), {"u0": ALWAYS}
    async with test_house(folder, FakeSis()) as house:
        house.policies = {Entity.STUDENT: Policy(strategies=strategies)}
        house.entities = (Entity.STUDENT,)
        for kind, who, told in [*history, ("sync", None, None), ("sync", None, None), ("sync", None, None)]:
            if kind == "send":
                sis[who] = dict(told)
            elif kind == "change" and who in sis:
                sis[who] = {**sis[who], told[0]: told[1]}
            elif kind == "drop":
                sis.pop(who, None)
            elif kind == "edit" and who in model.local:
                model.local[who][told[0]] = told[1]
                await edit(house, who, *told)
            elif kind == "sync":
                await compare(house, model, sis)
        before = await house.content()
        await compare(house, model, sis)
        assert await house.content() == before, "what is applied again changes nothing"


async def edit(house: Any, who: str, name: str, value: str | None) -> None:
    async with house.db.transaction() as c:
        await c.run(
            f"UPDATE students SET {name} = :value WHERE id = "
            f"(SELECT internal_id FROM {NAME}_mappings WHERE external_id = :who)",
            {"value": value, "who": who},
        )


async def compare(house: Any, model: ReferenceModel, sis: dict[str, Fields]) -> None:
    house.sis.lists[Entity.STUDENT] = list(of_school(sis))
    expected = model.sync(sis)
    _, counts = await house.sync()
    found = counts[Entity.STUDENT]
    assert {name: getattr(found, name) for name in KINDS} == expected
    assert found.reconciles
    assert found.fetched == len(sis)
    assert await see(house) == (model.local, model.asked, model.withdrawn, model.others)


@pytest.mark.parametrize("examples", [12, pytest.param(150, marks=pytest.mark.long)])
def test_the_engine_comes_to_what_the_plain_model_says(examples: int) -> None:
    @settings(
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
        derandomize=examples < 50,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    @given(STRATEGIES, HISTORY)
    def holds(strategies: dict[str, Strategy], history: list[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(live(Path(folder), strategies, history))

    holds()
