"""Words, signs, bars and rows, without a screen."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from siscon.domain.integrations import IntegrationState
from siscon.domain.progress import TimeLeft
from siscon.domain.records import Entity
from siscon.domain.runs import Counts, Lane, Phase, Run, RunKind, RunStatus
from siscon.domain.tokens import TokenHealth
from siscon.tui import activity_lines
from siscon.tui.health_lines import HEALTH
from siscon.tui.lines import CONFLICTS, DEAD, EVENTS, GROUPS, MAPPINGS, TOKENS
from siscon.tui.present import (
    ASCII,
    GLYPHS,
    INTEGRATION_WORDS,
    RUN_WORDS,
    TOKEN_WORDS,
    Glyphs,
    Look,
    age,
    ahead,
    bar,
    clock_text,
    count,
    mark,
    narrow,
    of,
    percent,
    span,
)
from siscon.tui.run_lines import ACTIVE, COUNTS, HISTORY, count_line, doing, time_words
from siscon.tui.schedule_lines import SCHEDULES
from siscon.tui.screens.pane import LEAST_WIDTH
from siscon.tui.widgets.columns import GAP, Column, cut, fit

LOOK = Look()
PLAIN = Look(ASCII)


def run(**changes: object) -> Run:
    values: dict[str, object] = {
        "id": 7,
        "integration": "harbor",
        "kind": RunKind.IMPORT,
        "lane": Lane.BULK,
        "status": RunStatus.RUNNING,
        "phase": Phase.FETCH,
        "entities": (Entity.STUDENT,),
        "full": False,
        "requested_by": "clock",
        "due_at_ms": None,
        "queued_at_ms": 0,
        "started_at_ms": 0,
        "finished_at_ms": None,
        "attempt": 1,
        "engine": "e1",
        "cancel_requested_by": None,
        "approved_by": None,
        "error_code": "",
        "error": "",
        "requests": 0,
        "waiting_until_ms": None,
        **changes,
    }
    return Run(**values)


def test_every_state_has_a_word() -> None:
    assert set(INTEGRATION_WORDS) == set(IntegrationState)
    assert set(TOKEN_WORDS) == set(TokenHealth)
    assert set(RUN_WORDS) == set(RunStatus)


@pytest.mark.parametrize("words", [INTEGRATION_WORDS, TOKEN_WORDS, RUN_WORDS], ids=["health", "token", "run"])
def test_states_that_look_alike_have_other_words(words: dict[object, tuple[str, str]]) -> None:
    assert len({word for word, _ in words.values()}) == len(words)


def test_a_state_is_sign_and_word() -> None:
    assert mark("ok", "good", LOOK).text == "● ok"
    assert mark("ok", "good", PLAIN).text == "* ok"


def test_ascii_signs_are_ascii() -> None:
    assert all(getattr(ASCII, name).isascii() for name in Glyphs.__slots__)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_660, "1 h 01 m"),
        (86_400, "24 h"),
        (172_800, "2 d"),
    ],
)
def test_a_length_of_time_is_as_fine_as_matters(seconds: int, expected: str) -> None:
    assert span(seconds) == expected


def test_moments_are_told_by_the_minute() -> None:
    look = Look()
    assert age(None, 0, look) == "never"
    assert age(0, 59_000, look) == "just now"
    assert age(0, 125_000, look) == "2 min ago"
    assert ahead(0, 1, look) == "now"
    assert ahead(30_000, 0, look) == "in < 1 min"
    assert ahead(120_000, 0, look) == "in 2 min"


def test_exact_times_stand_in_the_zone_of_the_console_with_their_offset_where_there_is_room() -> None:
    look = Look(zone=ZoneInfo("America/Chicago"), exact=True)
    before, after = (int(datetime(2026, 11, 1, hour, 30, tzinfo=UTC).timestamp() * 1000) for hour in (6, 7))
    assert age(before, after, look) == age(after, after, look) == "Nov 01 01:30"
    assert clock_text(before, look, after) == "Nov 01 01:30 UTC-05:00"
    assert clock_text(after, look, after) == "Nov 01 01:30 UTC-06:00"
    assert ahead(after, before, look) == "Nov 01 01:30"
    assert (ahead(before, after, look), age(None, after, look)) == ("now", "never")


def test_a_narrow_place_says_the_weekday_and_the_time_or_the_day() -> None:
    look, day = Look(exact=True), 86_400_000
    assert narrow(age(0, day, look), 0, day, look) == "Thu 00:00"
    assert narrow(age(0, 7 * day, look), 0, 7 * day, look) == "Jan 01"
    assert narrow("paused", 0, day, look) == "paused"
    assert narrow("9 h 05 m ago", 0, day, Look()) == "9 h ago"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, "----"), (0.5, "##--"), (1.0, "####"), (None, "-?--")], ids=str
)
def test_a_bar_shows_the_share(share: float | None, expected: str) -> None:
    assert sorted(bar(share, 4, PLAIN)) == sorted(expected)
    assert len(bar(share, 4, PLAIN)) == 4


def test_only_all_of_it_is_100_per_cent() -> None:
    assert percent(0.9999) == "99%"
    assert percent(1.0) == "100%"
    assert percent(None) == ""


def test_no_count_is_quiet_and_a_count_is_loud() -> None:
    assert count(0, LOOK, "bad") == count(0, LOOK)
    assert count(1_234, LOOK, "bad").text == "1,234"


@pytest.mark.parametrize(
    ("left", "phase", "expected"),
    [
        (TimeLeft(58, 58.0, True), Phase.FETCH, "about 60 s"),
        (TimeLeft(500, 600.0, True), Phase.FETCH, "about 10 min"),
        (TimeLeft(500, 600.0, False), Phase.FETCH, ">= 10 min"),
        (TimeLeft(0, None, False), Phase.FETCH, "unknown"),
        (TimeLeft(0, 0.0, True), Phase.APPLY, "no requests"),
    ],
    ids=str,
)
def test_time_left_promises_no_more_than_is_known(left: TimeLeft, phase: Phase, expected: str) -> None:
    assert time_words(left, run(phase=phase), PLAIN, 0) == expected


def test_time_left_is_at_least_as_long_as_a_run_waits_before_it_asks_again() -> None:
    waits = run(waiting_until_ms=90_000)
    assert time_words(TimeLeft(4, 10.0, True), waits, PLAIN, 0) == ">= 1 min"
    assert time_words(TimeLeft(500, 600.0, True), waits, PLAIN, 0) == "about 10 min"


def test_what_a_run_does_is_told_in_two_words() -> None:
    assert doing(run(), 0, "running") == "fetching"
    assert doing(run(waiting_until_ms=30_000), 0, "running") == "waits 30 s"
    assert doing(run(cancel_requested_by="a(1)"), 0, "running") == "cancelling"
    assert doing(run(status=RunStatus.QUEUED), 0, "queued") == "queued"


def test_counts_of_an_entity_say_when_no_total_was_announced() -> None:
    cells = count_line(Counts(Entity.STUDENT, fetched=5), run(), LOOK).cells

    assert [cell.text for cell in cells[:3]] == ["student", "5", "unknown"]


@pytest.mark.parametrize(
    ("kind", "status", "phase", "told"),
    [
        (RunKind.IMPORT, RunStatus.RUNNING, None, ("unknown", "waits")),
        (RunKind.IMPORT, RunStatus.RUNNING, Phase.PLAN, ("unknown", "planning")),
        (RunKind.IMPORT, RunStatus.HELD, Phase.PLAN, ("unknown", "planned")),
        (RunKind.IMPORT, RunStatus.CANCELLED, Phase.FETCH, ("unknown", "cut off")),
        (RunKind.IMPORT, RunStatus.FAILED, None, ("unknown", LOOK.glyphs.dot)),
        (RunKind.SETTLE, RunStatus.COMPLETED, None, (LOOK.glyphs.dot, "done")),
    ],
)
def test_nothing_waits_in_a_run_that_is_over(kind, status, phase, told) -> None:
    counts = Counts(Entity.STUDENT, fetched=1, phase=phase)

    cells = count_line(counts, run(kind=kind, status=status), LOOK).cells

    assert (cells[2].text, cells[-1].text) == told


def test_one_is_not_many() -> None:
    assert [of(n, "run") for n in (0, 1, 2, 1200)] == ["0 runs", "1 run", "2 runs", "1,200 runs"]


def test_columns_share_what_is_left_and_hide_where_there_is_no_room() -> None:
    columns = (Column("a", 10, flex=1), Column("b", 5), Column("c", 20, from_width=60))

    assert fit(columns, 40) == [33, 5, 0]
    assert fit(columns, 60) == [31, 5, 20]


def test_a_column_that_has_what_it_needs_leaves_the_rest_to_others() -> None:
    columns = (Column("a", 10, flex=3, most=12), Column("b", 5, flex=1), Column("c", 5, flex=1, most=6))

    assert fit(columns, 60) == [12, 38, 6]
    assert fit(columns[:1], 60) == [12]


@pytest.mark.parametrize(
    "table",
    [
        *(HEALTH, TOKENS, GROUPS, DEAD, CONFLICTS, MAPPINGS, EVENTS, ACTIVE, HISTORY, COUNTS, SCHEDULES),
        *(activity_lines.EVENTS, activity_lines.REQUESTS, activity_lines.AUDIT),
    ],
    ids=lambda table: table[-1].title,
)
def test_no_table_is_wider_than_its_room_from_the_least_window_on(table: tuple[Column, ...]) -> None:
    edges_and_bar = 3
    for width in range(LEAST_WIDTH - edges_and_bar, 240):
        shown = [size for size in fit(table, width) if size]
        assert sum(shown) + GAP * (len(shown) - 1) <= width


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 4, "abc…"),
        ("日本語", 4, "日 …"),
        ("日本語", 5, "日本…"),
        ("abc", 1, "a"),
        ("", 2, "  "),
    ],
)
def test_text_is_cut_by_cells_not_characters(text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected


@pytest.mark.parametrize("name", GLYPHS)
def test_every_set_of_signs_has_eight_heights_and_only_its_own_kind_of_sign(name: str) -> None:
    signs = GLYPHS[name]

    assert len(signs.levels) == len(set(signs.levels)) == 8
    assert len(signs.full) == len(signs.void) == 1
    if name == "ascii":
        assert all("".join(getattr(signs, one)).isascii() for one in signs.__slots__)
    if name == "braille":
        assert [bin(ord(sign) - 0x2800).count("1") for sign in signs.levels] == list(range(1, 9))
