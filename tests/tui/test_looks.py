"""Themes and signs: what is chosen for which terminal, how far colours stand apart, what reaches the wire."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import pytest
from rich.color import ColorSystem
from textual.color import Color

from siscon.tui.looks import Looks, look_at, needs_ascii, theme_for
from siscon.tui.present import ASCII, BRAILLE, Look
from siscon.tui.themes import BACKGROUNDS, INKS, THEMES
from support.console_data import HOUR_MS, NOW_MS
from support.consoles import console, press, settled, text_of, until

Filled = Callable[..., Awaitable[Path]]
STYLES = Path(__file__).parents[2] / "siscon" / "tui" / "siscon.tcss"
LEAST = {"dark": 4.5, "light": 4.5, "contrast": 7.0}


def ratio(ink: str, ground: str) -> float:
    """How far two colours stand apart (WCAG 2, relative luminance)."""
    bright, faint = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (bright + 0.05) / (faint + 0.05)


def _luminance(colour: str) -> float:
    parts = [one / 255 for one in Color.parse(colour).rgb]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _nearest(colour: str) -> str:
    """What is painted where a terminal has only 256 colours."""
    told = Color.parse(colour).rich_color.downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
    return told.hex


def pairs(theme: str, many: bool = True) -> Iterator[tuple[str, str, float]]:
    """Every ink on every background, and the two pairs of a line to type in."""
    values = {**THEMES[theme].to_color_system().generate(), **THEMES[theme].variables}
    names = [(ink, ground) for ink in INKS for ground in BACKGROUNDS]
    names += [("input-cursor-foreground", "input-cursor-background")]
    names += [("input-selection-foreground", "input-selection-background")]
    for ink, ground in names:
        told = values[ink], values[ground]
        yield ink, ground, ratio(*(told if many else map(_nearest, told)))


@pytest.mark.parametrize("many", [True, False], ids=["all colours", "256 colours"])
@pytest.mark.parametrize("theme", LEAST)
def test_every_ink_stands_apart_from_every_background(theme: str, many: bool) -> None:
    assert [pair for pair in pairs(theme, many) if pair[2] < LEAST[theme]] == []


def test_black_on_white_is_as_far_apart_as_can_be() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21.0)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_style_sheet_uses_only_colours_whose_distance_is_checked() -> None:
    told = STYLES.read_text(encoding="utf-8")
    inks = set(re.findall(r"[{;]\s*color:\s*([^;]+);", told))
    grounds = set(re.findall(r"background:\s*([^;]+);", told))

    assert inks <= {f"${name}" for name in INKS}
    assert grounds <= {*(f"${name}" for name in BACKGROUNDS), "$veil", "transparent"}


@pytest.mark.parametrize(
    ("environ", "looks", "expected"),
    [
        ({"TERM": "xterm-256color"}, Looks(), "dark"),
        ({"TERM": "screen", "COLORTERM": "truecolor"}, Looks(), "dark"),
        ({"TERM": "xterm"}, Looks(), "ansi"),
        ({"TERM": "xterm-16color"}, Looks(), "ansi"),
        ({"TERM": "linux"}, Looks(), "ansi"),
        ({"TERM": "dumb"}, Looks(), "mono"),
        ({"TERM": "vt220"}, Looks(), "mono"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, Looks(), "mono"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, Looks(), "dark"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, Looks(theme="light"), "light"),
        ({"TERM": "xterm-256color"}, Looks(slow_link=True), "ansi"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, Looks(slow_link=True), "mono"),
        ({"TERM": "xterm-256color"}, Looks(slow_link=True, theme="contrast"), "contrast"),
    ],
)
def test_a_theme_is_as_wished_or_what_the_terminal_bears(
    environ: Mapping[str, str], looks: Looks, expected: str
) -> None:
    assert theme_for(looks, environ) == expected


@pytest.mark.parametrize("term", ["linux", "dumb", "vt100"])
def test_a_terminal_without_our_signs_gets_ascii(term: str) -> None:
    assert needs_ascii({"TERM": term})


def test_a_locale_that_is_not_utf_8_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, expected in (
        ("ANSI_X3.4-1968", True),
        ("ISO-8859-1", True),
        ("UTF-8", False),
        ("utf8", False),
    ):
        monkeypatch.setattr("locale.getpreferredencoding", lambda _do, told=encoding: told)
        assert needs_ascii({"TERM": "xterm"}) is expected


def test_signs_that_were_wished_beat_what_the_terminal_is_known_for() -> None:
    look = Look()
    look_at(look, Looks(glyphs="braille"), "UTC", {"TERM": "linux"})
    assert look.glyphs is BRAILLE
    look_at(look, Looks(), "UTC", {"TERM": "linux"})
    assert look.glyphs is ASCII


def test_a_slow_line_has_no_pictures_no_clock_no_following_and_five_seconds_between_paintings() -> None:
    look = Look()
    look_at(look, Looks(slow_link=True), "UTC", {"TERM": "xterm"})
    assert (look.pictures, look.clock, look.follows, look.tick_s) == (False, False, False, 5.0)
    look_at(look, Looks(), "UTC", {"TERM": "xterm"})
    assert (look.pictures, look.clock, look.follows, look.tick_s) == (True, True, True, 1.0)


def painted(app: object) -> list[tuple[str, str]]:
    """Each piece of text on the screen, and how it is painted."""
    strips = app.screen._compositor.render_strips()  # type: ignore[attr-defined] # Textual's own snapshot does so too
    return [(one.text.strip(), str(one.style or "")) for strip in strips for one in strip if one.text.strip()]


def style_of(app: object, text: str) -> str:
    return next(style for said, style in painted(app) if text in said)


async def test_sixteen_colours_keep_the_tones(filled: Filled) -> None:
    async with console(await filled(), looks=Looks(theme="ansi", glyphs="block")) as pilot:
        assert style_of(pilot.app, "FAILING") == "color(1)"
        assert style_of(pilot.app, "running") == "color(6)"
        assert style_of(pilot.app, "HELD") == "reverse color(3)", "the cursor is its row turned over"
        assert style_of(pilot.app, "new") == "dim"


async def test_without_colour_what_is_loud_is_bold_and_underlined_and_no_colour_is_left(
    filled: Filled,
) -> None:
    async with console(await filled(), looks=Looks(theme="mono", glyphs="block")) as pilot:
        assert style_of(pilot.app, "FAILING") == "bold underline"
        assert style_of(pilot.app, "HELD") == "underline reverse"
        for key in ("S", "escape", "slash", "escape", "question_mark", "escape", *"234567"):
            await press(pilot, key)
            words = {word for _, style in painted(pilot.app) for word in style.split()}
            assert words <= {"none", "bold", "underline", "reverse", "not", "dim"}


async def test_a_theme_is_changed_while_the_screen_is_shown(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        before = text_of(pilot.app)
        for name in ("light", "mono", "ansi", "contrast", "dark"):
            pilot.app.wear(name)
            await settled(pilot)
            assert text_of(pilot.app) == before
            if name == "mono":
                assert style_of(pilot.app, "FAILING") == "bold underline"
            if name == "ansi":
                assert style_of(pilot.app, "FAILING") == "color(1)"
            if name in LEAST:
                wanted = THEMES[name].variables["text-error"]
                assert wanted in style_of(pilot.app, "FAILING")


async def test_a_slow_line_reads_and_paints_at_every_fifth_tick(filled: Filled) -> None:
    async with console(await filled(), looks=Looks(theme="ansi", slow_link=True)) as pilot:
        pane = pilot.app.screen
        start = pane._ticked_at_s = pane._loaded_at_s
        pane._tick()
        assert pane._ticked_at_s == start, "less than five seconds are over"
        pane._ticked_at_s = start - 5
        pane._tick()
        assert pane._ticked_at_s > start - 5


async def test_no_cursor_blinks(filled: Filled) -> None:
    async with console(await filled()) as pilot:
        for key in ("slash", "escape", "question_mark"):
            await press(pilot, key)
            for entry in pilot.app.screen.query("Input"):
                assert not entry.cursor_blink


async def test_c_tells_times_of_day_on_every_screen_until_it_is_pressed_again(filled: Filled) -> None:
    ago = re.compile(r"\b\d+ (?:s|min|h|d)(?: \d\d m)? ago\b|\bjust now\b|\bin \d+ (?:min|h|d)\b")
    async with console(await filled(), size=(200, 60), time_zone="America/Chicago") as pilot:
        before = {}
        for screen in "124678":
            await press(pilot, screen)
            before[screen] = text_of(pilot.app)
        assert all(map(ago.search, before.values()))
        await press(pilot, "c")
        for screen in "124678":
            await press(pilot, screen)
            now = text_of(pilot.app)
            assert not ago.search(now), now
            assert "America/Chicago" in now.splitlines()[0]
        await press(pilot, "4", "enter", "enter")
        assert "Nov 20 17:00 UTC-06:00" in text_of(pilot.app)
        await press(pilot, "c", "6")
        assert text_of(pilot.app) == before["6"]


async def test_what_a_panel_says_of_a_row_grows_older_while_the_row_stays_the_same(filled: Filled) -> None:
    hours = [0]
    async with console(await filled(), now_ms=lambda: NOW_MS + hours[0] * HOUR_MS) as pilot:
        await press(pilot, "4")
        assert "(3 h 00 m ago)" in text_of(pilot.app)
        hours[0] = 2
        await press(pilot, "r")
        await until(pilot, lambda: "(5 h 00 m ago)" in text_of(pilot.app))
