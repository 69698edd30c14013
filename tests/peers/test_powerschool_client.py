"""A client that others wrote and use against real PowerSchool servers reads the sandbox's.

It speaks https only and blocks, so the test turns its address to the sandbox on loopback and runs it in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from powerschool import PowerSchool
from requests.exceptions import HTTPError

from siscon.sandbox.launch import INVENTED_SECRET
from siscon.sandbox.origin import client_id_of
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import POWERSCHOOL
from siscon.sandbox.world import CONTROL
from support.clock import LIMIT_S
from support.sandbox_sis import sandbox

SECTIONS, ENROLLMENTS = "org.siscon.roster.sections", "org.siscon.roster.enrollments"


@pytest.fixture
async def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SandboxState]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    async with sandbox(tmp_path, students=120) as running:
        yield running


def logged_in(state: SandboxState) -> PowerSchool:
    host = f"127.0.0.1:{state.ports[0]}"
    client = PowerSchool(host)
    client.base_url = f"http://{host}"
    client.session.trust_env = False
    client.authorize((client_id_of(POWERSCHOOL), INVENTED_SECRET))
    return client


async def run(state: SandboxState, use: Callable[[PowerSchool], Any]) -> Any:
    def work() -> Any:
        client = logged_in(state)
        try:
            return use(client)
        finally:
            client.session.close()

    return await asyncio.to_thread(work)


async def switch(state: SandboxState, **values: Any) -> None:
    url = f"http://127.0.0.1:{state.ports[0]}{CONTROL}quirks"
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as http:
        answer = await http.post(url, headers={"X-Sandbox-Control": "yes"}, json=values)
    assert answer.status_code == 200, answer.text


async def test_it_logs_in_and_learns_the_page_sizes(state: SandboxState) -> None:
    token, metadata = await run(state, lambda client: (client.access_token, client.metadata))

    assert token["expires_at"] > 0
    assert metadata.schema_table_query_max_page_size == 1000


async def test_it_counts_and_reads_a_table_page_by_page(state: SandboxState) -> None:
    await switch(state, max_page_size=50)

    def use(client: PowerSchool) -> Any:
        table = client.get_schema_table("students")
        return table.count(), table.query(projection="dcid,last_name")

    count, rows = await run(state, use)

    assert count == len(rows) == 120
    assert len({row["dcid"] for row in rows}) == 120


async def test_a_last_page_of_one_row_is_a_list_for_it(state: SandboxState) -> None:
    rows = await run(
        state, lambda client: client.get_schema_table("students").query(projection="dcid", pagesize=17)
    )

    assert len(rows) == 120
    one = await run(
        state,
        lambda client: client.get_schema_table("students").query(projection="dcid", q="dcid==4110"),
    )
    assert one == [{"dcid": "4110"}]


@pytest.mark.parametrize(
    "table", ["students", "schools", "terms", "courses", "users", "schoolstaff", "sections", "cc"]
)
async def test_without_a_projection_it_asks_for_what_is_granted(state: SandboxState, table: str) -> None:
    await switch(state, no_access=f"{table}.id")

    rows = await run(state, lambda client: client.get_schema_table(table).query())

    assert rows
    assert all("dcid" in row and "id" not in row for row in rows)


async def test_it_reads_one_row_by_its_key_and_a_stretch_in_order(state: SandboxState) -> None:
    def use(client: PowerSchool) -> Any:
        table = client.get_schema_table("students")
        return (
            table.query(pk=4110, projection="dcid"),
            table.query(projection="dcid", q="dcid=ge=4110;dcid=lt=4113", sort="dcid", sortdescending="true"),
        )

    one, stretch = await run(state, use)

    assert one == [{"dcid": "4110"}]
    assert [row["dcid"] for row in stretch] == ["4112", "4111", "4110"]


async def test_it_runs_power_queries_by_page_and_in_one_piece(state: SandboxState) -> None:
    def use(client: PowerSchool) -> Any:
        names = [one["name"] for one in client.list_named_queries()]
        sections = client.get_named_query(SECTIONS)
        return (
            names,
            sections.count(),
            sections.query(),
            client.get_named_query(ENROLLMENTS).query(pagesize=0),
            sections.query(body={"$dataversion": "90412", "$dataversion_applicationname": "siscon"}),
        )

    names, count, sections, enrollments, changed = await run(state, use)

    assert names == [ENROLLMENTS, SECTIONS]
    assert count == len(sections) == len({row["dcid"] for row in sections})
    assert len(enrollments) == 480
    assert changed == []


@pytest.mark.parametrize(
    ("quirk", "projection", "words"),
    [
        ({"no_access": "STUDENTS.DOB"}, "dcid,dob", "NoAccess"),
        ({}, "dcid,ssn", "is not valid column for table"),
    ],
)
async def test_it_is_told_why_it_is_refused(
    state: SandboxState, quirk: dict[str, str], projection: str, words: str
) -> None:
    await switch(state, **quirk)

    with pytest.raises(HTTPError, match=words):
        await run(state, lambda client: client.get_schema_table("students").query(projection=projection))


async def test_a_table_that_is_not_shown_is_refused(state: SandboxState) -> None:
    with pytest.raises(HTTPError, match="not allowed on table TEACHERS"):
        await run(state, lambda client: client.get_schema_table("teachers").count())
