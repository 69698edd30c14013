"""A person's own keys: what is refused and why, and that everything on the screen obeys and names them."""

from __future__ import annotations

import ast
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.keys import _character_to_key

from siscon.tui import keymap
from siscon.tui.actions import ACTIONS, BY_ID, MOVES, actions_of
from siscon.tui.key_names import _NAMED, key_name, key_word, why_no_key
from support.consoles import console, press, text_of, until

Filled = Callable[..., Awaitable[Path]]
SOURCES = sorted((Path(__file__).parents[2] / "siscon" / "tui").rglob("*.py"))
IDS = [one.id for one in ACTIONS] + [way for _, way, _ in MOVES]


def told(**keys: str | list[str]) -> dict[str, str]:
    """What is wrong with a keymap, by the ids under which it stands."""
    written = {id_: [one] if isinstance(one, str) else one for id_, one in keys.items()}
    return dict(keymap.faults(written))


@pytest.fixture(autouse=True)
def keys_as_they_were() -> Iterator[None]:
    """A process has one keymap; the next test has keys as they are made."""
    yield
    keymap.use({})


# What is refused


def test_the_example_of_the_documentation_is_taken() -> None:
    text = (SOURCES[0].parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = yaml.safe_load(re.findall(r"```yaml\n(console:\n  keys:.*?)```", text, re.S)[0])

    assert told(**example["console"]["keys"]) == {}


def test_the_keys_as_they_are_made_are_in_order() -> None:
    assert told() == {}
    assert told(**{one.id: list(one.keys) for one in ACTIONS if one.keys and one.id != "hint"}) == {}


def test_an_action_that_there_is_not_is_named_beside_near_ones() -> None:
    assert "did you mean refresh" in told(refrsh="x")["refrsh"]
    assert "siscon config keys" in told(zzzzzz="x")["zzzzzz"]


@pytest.mark.parametrize("id_", keymap.MUST_HAVE)
def test_nobody_can_be_left_without_the_way_out(id_: str) -> None:
    assert "needs a key" in told(**{id_: []})[id_]


def test_any_other_action_can_be_left_without_a_key() -> None:
    assert told(start_engine=[], sync=[], down=[]) == {}


def test_two_actions_on_one_key_of_a_screen_are_both_named() -> None:
    said = told(refresh="R")["refresh"]

    assert "'refresh' and 'renew' are both on R on Tokens" in said
    assert "'retry_cause'" in said
    assert "'retry' are both on R on dead" in said


def test_an_action_is_also_refused_on_a_key_that_moves() -> None:
    assert "'refresh' and 'down' are both on j on every screen" in told(refresh="j")["refresh"]
    assert told(refresh="j", down=["down", "ctrl+n"]) == {}


def test_actions_that_no_screen_has_together_may_share_a_key() -> None:
    assert told(renew="Z", retry="Z") == {}


def test_two_may_change_places() -> None:
    assert told(refresh="p", freeze="r") == {}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("ctrl+i", "as tab"),
        ("ctrl+m", "as enter"),
        ("ctrl+[", "as esc"),
        ("shift+a", "write A"),
        ("ctrl+shift+x", "not every terminal"),
        ("alt+x", "not every terminal"),
        ("entr", "did you mean enter"),
        ("", "there is no key"),
        ("ctrl+c", "always means 'hint'"),
        ("ctrl+q", "always means 'quit'"),
    ],
)
def test_a_key_that_cannot_be_pressed_is_refused(key: str, said: str) -> None:
    assert said in told(refresh=key)["refresh"]


def test_what_takes_words_and_what_is_fixed_cannot_be_moved() -> None:
    assert ":theme" in told(theme="T")["theme"]
    assert "ctrl+c" in told(hint="x")["hint"]


@given(
    st.dictionaries(st.sampled_from(IDS), st.lists(st.sampled_from("abcxyzRXQ/*"), max_size=2), max_size=4)
)
def test_a_keymap_that_is_taken_leaves_no_screen_with_two_on_one_key(keys: dict[str, list[str]]) -> None:
    if dict(keymap.faults(keys)):
        return
    moved = keymap.keymap_of(keys)
    for screen in keymap.SCREENS:
        ids = [one.id for one in actions_of(screen)] + [way for _, way, _ in MOVES]
        bound = [key for id_ in ids for key in keymap.keys_of(id_, moved)]
        assert len(bound) == len(set(bound)), screen


# Names of keys


@pytest.mark.parametrize("sign", [chr(code) for code in range(0x21, 0x7F)] + ["é", "ß", "ж"])
def test_a_sign_is_called_as_the_library_calls_it_and_written_back_as_it_was(sign: str) -> None:
    assert key_name(sign) == _character_to_key(sign)
    assert key_word(key_name(sign)) == sign
    assert why_no_key(sign) == ""


def pressed(sequence: str) -> set[str]:
    return {one.key for one in XTermParser().feed(sequence) if isinstance(one, events.Key)}


def test_every_named_key_is_one_that_a_terminal_sends() -> None:
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

    sent = set().union(*(pressed(one) for one in ANSI_SEQUENCES_KEYS), {"escape", "space"})

    assert sorted(_NAMED - sent - {"ctrl+space"}) == []


# The console obeys


async def test_moved_keys_act_and_the_old_ones_do_not(filled: Filled) -> None:
    async with console(
        await filled(), keymap=keymap.keymap_of({"errors": ["e"], "start_engine": [], "down": ["ctrl+n"]})
    ) as pilot:
        await press(pilot, "4")
        assert " 1 Health" in text_of(pilot.app)
        await press(pilot, "e")
        assert " e Errors" in text_of(pilot.app)
        before = pilot.app.screen.table().cursor
        await press(pilot, "j")
        assert pilot.app.screen.table().cursor == before
        await press(pilot, "ctrl+n")
        assert pilot.app.screen.table().cursor == before + 1


@pytest.mark.long
async def test_an_action_without_keys_is_still_done_by_its_name(filled: Filled) -> None:
    async with console(await filled(), keymap={"errors": ()}) as pilot:
        await press(pilot, "4")
        assert " 1 Health" in text_of(pilot.app)
        await press(pilot, "colon", *"errors", "enter")
        assert "Errors" in text_of(pilot.app).split("\n")[0]


@pytest.mark.long
async def test_footer_help_and_palette_show_the_persons_keys(filled: Filled) -> None:
    moved = keymap.keymap_of({"help": ["f1"], "quit": ["Q"], "sync": ["ctrl+s"], "palette": ["f2"]})
    async with console(await filled(), keymap=moved) as pilot:
        footer = text_of(pilot.app).split("\n")[-1]
        assert "ctrl+s Sync now" in footer
        assert "f1 Keys" in footer
        assert "Q Quit" in footer
        await press(pilot, "f1", *"queue an import of this")
        assert "ctrl+s" in text_of(pilot.app)
        await press(pilot, "escape", "f2", *"sync")
        assert "ctrl+s" in text_of(pilot.app)


async def test_sentences_name_the_persons_keys(filled: Filled) -> None:
    moved = keymap.keymap_of({"back": ["B"], "all_sis": ["ctrl+s"], "open": ["o", "enter"], "order": []})
    async with console(await filled(), keymap=moved) as pilot:
        await press(pilot, "5")
        assert "o opens one" in text_of(pilot.app)
        await press(pilot, "o")
        assert "ctrl+s, L: all fields" in text_of(pilot.app)


async def test_keys_that_a_configuration_still_being_read_holds_come_into_force_with_it(
    filled: Filled,
) -> None:
    path = await filled()
    async with console(path) as before:
        options = before.app.options

    async def settle() -> object:
        return replace(options, keymap=keymap.keymap_of({"errors": ["E"]}), settle=None)

    async with console(path, settle=settle) as pilot:
        await until(pilot, lambda: " E " in text_of(pilot.app).split("\n")[0])
        await press(pilot, "E")
        assert " E Errors" in text_of(pilot.app)


# Nobody writes a key into a sentence

ONE_KEY = r"(?:[A-Zb-z0-9/*+<>]|[Ee]sc(?:ape)?|[Ee]nter|[Tt]ab|[Ss]pace|ctrl\+\S+)"
DOES = (
    r"(?:all|approves|applies|cancels|changes|chooses?|decides|discards|does|fetches|finds|gives|goes|has|leaves|lists?"
    r"|looks|marks|on|opens?|ends|orders|says?|shows?|starts|stops|takes?|ties|tries|undoes)"
)
NAMED = re.compile(
    rf"(?<![\w{{'-]){ONE_KEY}(?:, {ONE_KEY}:?| and {ONE_KEY})? {DOES}\b"
    rf"|\({ONE_KEY}\)|(?:[Pp]ress|screen|under|with) {ONE_KEY}(?![\w'=])"
)
"""A key that a sentence names: something it does follows, or it stands in brackets or behind such a word."""
DIALOGS = ("arrows are the history, esc closes", "enter runs, esc closes", " Tab lists what there is.")
"""Dialogs have keys of their own, which nobody moves."""


def sentences(file: Path) -> list[tuple[int, str]]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docs = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    return [
        (one.lineno, one.value)
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant)
        and isinstance(one.value, str)
        and id(one) not in docs
        and " " in one.value.strip()
    ]


TABLES = ("wire.py", "key_names.py", "keymap.py")
TELLING = [one for one in SOURCES if not one.name.endswith("_actions.py") and one.name not in TABLES]


def test_no_sentence_names_a_key_by_itself() -> None:
    for file in TELLING:
        for line, text in sentences(file):
            where = f"{file.name}:{line}: {text}"
            assert "{key_of" not in text, where
            assert text.endswith(DIALOGS) or not NAMED.search(text), where


@pytest.mark.parametrize(
    "text",
    [
        "7 shows its plan",
        "X on the run stops that",
        "see the tokens (2)",
        "with /, then",
        "esc goes back",
        "press R",
    ],
)
def test_a_key_in_a_sentence_is_found(text: str) -> None:
    assert NAMED.search(text)


def test_every_action_that_a_sentence_names_is_in_the_table() -> None:
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "keyed":
                values = {one.arg for one in node.keywords}
                for text in [one.value for one in node.args if isinstance(one, ast.Constant)]:
                    names = {name for _, name, _, _ in Formatter().parse(text) if name}
                    assert names - values <= set(IDS), f"{file.name}: {text}"
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "key_of":
                for one in node.args:
                    assert not isinstance(one, ast.Constant) or one.value in IDS, f"{file.name}: {one.value}"


def test_a_listing_tells_every_action_with_its_keys_and_command() -> None:
    rows = {row["id"]: row for row in keymap.listed(keymap.keymap_of({"retry": ["ctrl+r"]}))}

    assert set(rows) == set(IDS)
    assert rows["retry"]["keys"] == ["ctrl+r"]
    assert rows["retry"]["moved"] is True
    assert rows["retry"]["command"] == BY_ID["retry"].twin
    assert rows["quit"]["keys"] == ["q", "ctrl+q"]
