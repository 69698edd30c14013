"""What the home screen says of an integration that cannot go on: in words, with a sign."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.deliveries import DEAD_AFTER, ChannelState
from siscon.domain.freshness import Fresh
from siscon.domain.integrations import Integration, IntegrationState
from siscon.domain.outcomes import SLOTS_A_DAY, Outcome, Slot
from siscon.domain.records import Entity
from siscon.domain.tokens import TokenHealth
from siscon.ops.trends import Trend
from siscon.ops.views import Budget, Health
from siscon.store import channels, integrations
from siscon.store.sqlite import open_database
from siscon.tui.health_lines import (
    BUDGET_WIDTH,
    GRAPH,
    HEALTH,
    budget_cell,
    fresh_lines,
    health_line,
    health_panel,
    health_sentences,
)
from siscon.tui.looks import Looks
from siscon.tui.present import ASCII, Look
from siscon.tui.widgets.columns import fit
from siscon.tui.widgets.panel import as_cell
from support.console_data import NOW_MS as NOW
from support.consoles import console, press, text_of, until

Filled = Callable[..., Awaitable[Path]]

NOW_MS = 1_790_000_000_000


def a_connection(*, paused: bool = False, breaker: str = "closed") -> Integration:
    return Integration(
        *("north", "powerschool", "PowerSchool", True, paused, "", 60, 1, None, NOW_MS, "", None),
        breaker_state=breaker,
        breaker_until_ms=None if breaker == "closed" else NOW_MS + 60_000,
    )


def shown(
    *, login: TokenHealth = TokenHealth.GOOD, paused: bool = False, breaker: str = "closed", tries: int = 0
) -> str:
    one = a_connection(paused=paused, breaker=breaker)
    view = Health(one, IntegrationState.OK, None, None, Budget(60, 0, None), 0, 0, login, hook_tries=tries)
    return "\n".join(cell.text for cell in health_sentences(view, Look(ASCII), NOW_MS))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (shown(login=TokenHealth.NEEDS_PERSON), "x The login needs a person"),
        (shown(breaker="open"), "~ Breaker open: the SIS is asked again"),
        (shown(breaker="trying"), "~ Breaker trying"),
        (shown(tries=3), "x What webhooks told could not be fetched in 3 tries"),
        (shown(paused=True), "o Paused by a person"),
    ],
)
def test_what_is_in_the_way_has_a_word_and_a_sign(told: str, words: str) -> None:
    assert words in told


def test_nothing_in_the_way_is_not_told() -> None:
    assert not any(word in shown() for word in ("reaker", "aused", "person", "ebhook"))


async def test_what_needs_a_person_stands_first_and_is_counted(filled: Filled) -> None:
    path = await filled()
    db = await open_database(path)
    async with db.transaction() as c:
        await integrations.note_failure(c, "orchard", "No route to the SIS.", NOW)
        await integrations.set_paused(c, "orchard", False)
    await db.close()
    async with console(path) as pilot:
        names = [line.value.integration.name for line in pilot.app.screen.table().rows.lines]
        shown = text_of(pilot.app)

    assert names == ["harbor", "lakeside", "orchard", "mesa", "northfield"]
    assert "3 of 5 need a person" in shown


async def test_the_status_line_is_shortened_before_it_loses_a_count(filled: Filled) -> None:
    path = await filled()
    async with console(path) as pilot:
        shown = text_of(pilot.app).split("\n")
        assert shown[-2].startswith(" 2 of 5 need a person  450 errors (4)  23 conflicts (5) ")
        assert shown[-2].endswith(" as of 02:00 ")
        await press(pilot, "p")
        shown = text_of(pilot.app).split("\n")
        assert "23 conflicts (5) " in shown[-2]
        assert shown[-2].endswith(" HELD STILL  02:00 ")
    async with console(path, size=(120, 40)) as pilot:
        assert "2 of 5 integrations need a person " in text_of(pilot.app)


@pytest.mark.parametrize(("columns", "cells"), [(80, 4), (110, 14), (120, 14), (140, 14)])
def test_from_110_columns_on_the_graph_has_a_cell_for_each_of_its_days(columns: int, cells: int) -> None:
    assert fit(HEALTH, columns - 2)[GRAPH] >= cells


@given(per_minute=st.integers(1, 10_000_000), used=st.floats(0, 1))
def test_what_is_left_of_a_budget_is_never_cut(per_minute: int, used: float) -> None:
    budget = Budget(per_minute, int(per_minute * used), None)
    shown = budget_cell(budget, Look(ASCII)).text

    assert len(shown) <= BUDGET_WIDTH
    assert shown.startswith("[")


@pytest.mark.parametrize(
    ("per_minute", "shown"),
    [(90, "[###]  90"), (1500, "[##] 1.5k"), (60_000, "[###] 60k"), (600_000, "[##] 600k")],
)
def test_a_large_budget_is_told_in_thousands(per_minute: int, shown: str) -> None:
    assert budget_cell(Budget(per_minute, 0, None), Look(ASCII)).text == shown


def test_what_came_within_the_minute_came_just_now_and_does_not_count_seconds() -> None:
    told = [Fresh(Entity.STUDENT, 1, 0, NOW_MS - ago_ms, 9, 9, True) for ago_ms in (4_000, 59_000, 60_000)]
    (line,) = fresh_lines(told, Look(), NOW_MS, 80)

    assert as_cell(line).text == "student just now  student just now  student 1 min"


@pytest.mark.parametrize(
    ("size", "beside"), [((80, 24), False), ((139, 40), False), ((140, 40), True)], ids=str
)
async def test_the_panel_tells_the_week_and_how_fresh_each_entity_is(
    filled: Filled, size: tuple[int, int], beside: bool
) -> None:
    async with console(await filled(), size=size, looks=Looks(glyphs="ascii")) as pilot:
        shown = text_of(pilot.app)

    for words in ("Sun    Mon    Tue    Wed", "enrollment 11 h", "[###] 120", "...~.. .**.~."):
        assert words in shown
    assert ("x failed  ! held" in shown) is beside
    assert ("errors: 14 days, most 3 on" in shown) is beside
    assert {len(line) for line in shown.split("\n")} == {size[0]}


async def test_a_window_that_becomes_wide_moves_the_panel_and_widens_the_graphs(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        await pilot.resize_terminal(160, 40)
        await until(pilot, lambda: "failed  ◆ held" in text_of(pilot.app))
        await until(pilot, lambda: "        ███▁" in text_of(pilot.app))


async def test_an_empty_list_after_thousands_is_loud(filled: Filled) -> None:
    path = await filled()
    db = await open_database(path)
    async with db.transaction() as c:
        await c.run("UPDATE runs SET full_compare = 1, status = 'completed', error = '' WHERE id = 21")
        await c.run(
            "UPDATE run_counts SET known = 9812, fetched = 0 WHERE run_id = 21 AND entity = 'student'"
        )
    await db.close()
    async with console(path, size=(150, 40), looks=Looks(glyphs="ascii")) as pilot:
        await press(pilot, "j")
        shown = text_of(pilot.app)

    assert "x EMPTY" in shown
    assert "The last import is no success: no student came of" in shown
    assert re.search(r"student \d+ h EMPTY", shown)


def test_without_pictures_there_are_words() -> None:
    look = Look(ASCII, pictures=False)
    view = Health(a_connection(), IntegrationState.OK, None, None, Budget(60, 0, None), 0, 0)
    slots = (Slot(date(2026, 11, 20), Outcome.GOOD, 3, 1),) * SLOTS_A_DAY
    line = health_line(view, look, NOW_MS, trend=Trend(slots), width=200)
    panel = health_panel(view, look, NOW_MS, trend=Trend(slots), width=60)

    assert [cell.text for cell in line.cells][GRAPH] == "most 3"
    assert line.cells[5].text.strip() == "60"
    assert "runs: 1 day, 6 runs, every day good" in [as_cell(one).text for one in panel]


async def test_a_channel_to_people_that_is_dead_is_named(filled: Filled) -> None:
    path = await filled()
    db = await open_database(path)
    async with db.transaction() as c:
        dead = ChannelState("oncall", failures=DEAD_AFTER, failing_since_ms=NOW, last_error="nobody answers")
        await channels.save(c, dead)
    await db.close()
    async with console(path, size=(120, 40)) as pilot:
        await until(pilot, lambda: "channel oncall dead (0)" in text_of(pilot.app))
