"""The five forms of a report, with text in it that would like to be more than text."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import date
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as pace
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from siscon.domain.periods import Period
from siscon.domain.tables import Column, Fact, Kind, Report, Share, Table
from siscon.ops.reports.asked import FORMS

NOW_MS = 1_795_226_400_000
HOSTILE = (
    '=cmd|"/c calc"!A1 <script>alert(1)</script> **[x](http://evil.example)** | a\x1b[31m\u202e `b`\n# c'
)
COLUMNS = (
    Column("name", "Name"),
    Column("runs", "Runs", Kind.COUNT, rank=1),
    Column("success", "Success", Kind.SHARE),
    Column("at", "When", Kind.MOMENT, rank=2),
    Column("took_s", "Took", Kind.SPAN, rank=3),
    Column("day", "Day", Kind.DAY, rank=4),
    Column("more", "More", rank=5),
)


def made(text: str) -> Report:
    rows = (
        (text, 1_234, Share(41, 42), NOW_MS, 12.5, date(2026, 11, 20), text),
        ("mesa", None, Share(0, 0), None, None, None, None),
    )
    table = Table("runs", text, COLUMNS, rows, (text,))
    none = Table("none", "None", COLUMNS, (), empty="Nothing ran.")
    period = Period(NOW_MS - 86_400_000, NOW_MS)
    facts = (Fact("what", text, text),)
    return Report(
        "test", text, NOW_MS, ZoneInfo("Europe/Oslo"), "Europe/Oslo", (table, none), period, facts, (text,)
    )


def width(line: str) -> int:
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in line
    )


@pace(max_examples=30)
@given(st.text(max_size=300))
def test_text_fits_eighty_columns_and_acts_on_no_terminal(text: str) -> None:
    told = FORMS["text"](made(text))

    assert max(map(width, told.splitlines())) <= 80
    assert not [one for one in told if unicodedata.category(one) in ("Cc", "Cs") and one != "\n"]


def test_text_says_what_it_leaves_out_and_what_had_no_run() -> None:
    told = FORMS["text"](made("n" * 60))

    assert "Too wide for this:" in told
    assert "no run" in told
    assert "97.6 %" in told
    assert "Nothing ran." in told


class Page(HTMLParser):
    """What a browser would make of a page: its elements, what they name, and the text in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_needs_nothing_else_and_holds_foreign_text_as_text() -> None:
    told = FORMS["html"](made(HOSTILE))
    page = Page(told)

    assert not page.tags & {"script", "img", "link", "a", "iframe", "object"}
    assert not page.names & {"src", "href", "onclick", "style"}
    assert "<script>alert(1)</script>" in page.text
    assert "default-src 'none'" in told
    assert "no run" in page.text
    assert "@media print" in page.text


@pace(max_examples=30)
@given(st.text(max_size=100))
def test_a_page_stays_a_page_whatever_stands_in_it(text: str) -> None:
    assert Page(FORMS["html"](made(text))).tags == Page(FORMS["html"](made("a"))).tags


@pace(max_examples=30)
@given(st.one_of(st.just(HOSTILE), st.text(st.sampled_from("ab |`*_<>[]()!#\\\n-+=:/@.1w"), max_size=60)))
def test_markdown_makes_of_foreign_text_neither_markup_nor_cells(text: str) -> None:
    told = FORMS["md"](made(text))
    html = MarkdownIt("gfm-like").render(told)

    allowed = {"h1", "h2", "p", "ul", "li", "strong", "table", "thead", "tbody", "tr", "th", "td"}
    page = Page(html)
    assert page.tags <= allowed, told
    assert html.count("<td") == 2 * len(COLUMNS)


def test_a_sheet_is_one_rectangle_that_calculates_nothing() -> None:
    told = FORMS["csv"](made(HOSTILE))
    rows = list(csv.DictReader(io.StringIO(told, newline="")))

    assert [row["table"] for row in rows] == ["runs", "runs"]
    assert rows[0]["name"].startswith("'=cmd")
    assert (rows[0]["success"], rows[0]["success_part"], rows[0]["success_whole"]) == ("97.6", "41", "42")
    assert rows[1]["success"] == "no run"
    assert rows[0]["at"] == "2026-11-21T03:00:00+01:00"


def test_json_has_values_for_programs_and_null_for_what_is_not_known() -> None:
    told = FORMS["json"](made(HOSTILE))
    row, empty = json.loads(told)["tables"]["runs"]["rows"]

    assert told.isascii()
    assert row["name"] == HOSTILE
    assert row["success"] == {"part": 41, "whole": 42, "percent": 97.6}
    assert (row["at"], row["took_s"], row["day"]) == ("2026-11-21T03:00:00+01:00", 12.5, "2026-11-20")
    assert empty["success"]["percent"] is None
    assert empty["at"] is None


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_the_zone_and_ends_with_a_line(form: str) -> None:
    told = FORMS[form](made("a"))

    assert told.endswith("\n")
    assert "+01" in told
