"""The words of the command line: one table, completion that never lies, and what no history may keep."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.tui.actions import ACTIONS, PANES
from siscon.tui.line_acts import DEEDS
from siscon.tui.line_history import MOST, LineHistory, Walk, without_doubles
from siscon.tui.line_wishes import MAKERS
from siscon.tui.privacy import is_private
from siscon.tui.verbs import VERBS, complete, entity_of, how_to, takes_of, understand, verbs_of

KNOWN = {
    "integration": ["harbor", "north", "northfield"],
    "entity": [one.value for one in Entity],
    "run": ["21", "22"],
}


def test_no_two_actions_share_a_verb() -> None:
    assert len(VERBS) == sum(len(verbs_of(action)) for action in ACTIONS)


def test_every_action_and_every_main_screen_has_a_verb_without_blanks() -> None:
    assert {action.id for action in VERBS.values()} == {action.id for action in ACTIONS}
    assert all(verb == verb.lower() and " " not in verb for verb in VERBS)
    assert {"errors", "mappings", "syncs", "health"} <= set(VERBS)


@pytest.mark.parametrize("action", [one for one in ACTIONS if one.takes], ids=lambda one: one.id)
def test_every_action_that_takes_words_knows_what_to_do_with_them(action: object) -> None:
    assert action.id in (MAKERS if action.mutates else DEEDS)


def test_a_line_is_taken_apart_into_verb_and_words() -> None:
    said = understand(":sync north students --full")

    assert (said.action.id, said.words) == ("sync", ("north", "students", "--full"))
    assert understand("errors class=auth kim  lee").rest == "class=auth kim  lee"
    assert understand("q").action.id == "quit"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("snyc north", "Did you mean sync"),
        ("xyzzy", "There is no command 'xyzzy'. Tab lists what there is."),
        ("cancel 1 2", "Write: cancel RUN"),
        ("sync north --fill", "Write: sync INTEGRATION [ENTITY ...] [--full]"),
        ("fetch harbor student", "Write: fetch INTEGRATION ENTITY ID"),
        ("errors!", "There is no command 'errors!'"),
        ("\x1b]0;x\x07", "\\x1b"),
    ],
)
def test_a_line_that_means_nothing_says_what_would(line: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        understand(line)

    assert words in refused.value.sentence


@pytest.mark.parametrize(
    ("line", "filled", "offered"),
    [
        ("conf", "conflicts ", ["conflicts"]),
        ("sync n", "sync north", ["north", "northfield"]),
        ("sync ha", "sync harbor ", ["harbor"]),
        ("sync harbor stu", "sync harbor student ", ["student"]),
        ("sync harbor student --", "sync harbor student --full ", ["--full"]),
        ("cancel 2", "cancel 2", ["21", "22"]),
        ("cancel 21 ", "cancel 21 ", []),
        ("nonsense x", "nonsense x", []),
    ],
)
def test_tab_fills_in_what_is_certain(line: str, filled: str, offered: list[str]) -> None:
    assert complete(line, KNOWN) == (filled, offered)


@given(st.text(max_size=30))
def test_tab_only_ever_adds_to_a_line_and_offers_what_begins_so(line: str) -> None:
    filled, offered = complete(line, KNOWN)

    assert filled.startswith(line)
    assert all(one.startswith(line.rpartition(" ")[2]) for one in offered)


@given(st.sampled_from(sorted(VERBS)), st.integers(1, 12))
def test_every_verb_is_found_from_its_beginning(verb: str, size: int) -> None:
    assert verb in complete(verb[:size], KNOWN)[1]


@given(st.text(max_size=60))
def test_any_line_is_understood_or_refused_with_a_sentence(line: str) -> None:
    with suppress(UsageError):
        said = understand(line)
        assert said.verb.removesuffix("!") in VERBS
        assert how_to(said.verb)


def test_entities_may_be_named_as_many() -> None:
    assert [entity_of(one) for one in ("students", "Student", "staff", "courses")] == [
        Entity.STUDENT,
        Entity.STUDENT,
        Entity.STAFF,
        Entity.COURSE,
    ]


@pytest.mark.parametrize(
    ("line", "private"),
    [
        ("record Okonkwo", True),
        ("mappings S-104", True),
        ("mappings entity=student id=S-104", True),
        ("fetch harbor student S-1", True),
        ("errors class=auth age>2d", False),
        ("errors !class=auth", False),
        ("sync north students", False),
        ("cancel 22", False),
        ("errors", False),
        ("errors class=Okonkwo", True),
        ("errors cause=Okonkwo", True),
        ("errors run=12 attempts>=3", False),
        ("errors run=Okonkwo", True),
        ("mappings integration=north status=synced", False),
        ("mappings status=Okonkwo", True),
        ('mappings status="synced Okonkwo"', True),
        ("mappings okonkwo", True),
        ("write /home/ada/okonkwo.csv", True),
        ("show record north student S-1", True),
        ("theme mono", False),
        ("no such thing Okonkwo", True),
    ],
)
def test_what_may_name_a_pupil_is_private(line: str, private: bool) -> None:
    assert is_private(line) is private


def test_the_file_of_the_history_is_its_owners_alone_and_names_no_pupil(tmp_path) -> None:
    history = LineHistory(tmp_path)
    for line in ("sync north", "record Okonkwo", "errors class=auth", "sync north"):
        history.add(line)

    file = tmp_path / "console.history"
    assert history.lines == ["record Okonkwo", "errors class=auth", "sync north"]
    assert file.read_text() == "errors class=auth\nsync north\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["console.history"]
    assert LineHistory(tmp_path).lines == ["errors class=auth", "sync north"]


def test_a_file_that_an_older_siscon_left_loses_what_may_name_a_pupil(tmp_path) -> None:
    (tmp_path / "console.history").write_text("write /tmp/okonkwo.csv\nsync north\n")
    history = LineHistory(tmp_path)
    history.add("cancel 21")

    assert history.lines == ["sync north", "cancel 21"]
    assert (tmp_path / "console.history").read_text() == "sync north\ncancel 21\n"


def test_two_consoles_keep_each_others_lines(tmp_path) -> None:
    one, other = LineHistory(tmp_path), LineHistory(tmp_path)
    one.add("cancel 21")
    other.add("cancel 22")

    assert LineHistory(tmp_path).lines == ["cancel 21", "cancel 22"]


def test_a_history_that_cannot_be_written_disturbs_nobody(tmp_path) -> None:
    history = LineHistory(tmp_path / "gone")
    history.add("cancel 21")

    assert history.lines == ["cancel 21"]


@given(st.lists(st.text("ab ", max_size=3), max_size=40), st.integers(0, 3))
def test_a_history_has_no_doubles_and_an_end(lines: list[str], times: int) -> None:
    kept = without_doubles(lines * times)

    assert len(kept) == len(set(kept)) <= MOST
    assert set(kept) == ({one for one in lines if one.strip()} if times else set())


@given(st.lists(st.text("xy", min_size=1, max_size=3), unique=True, max_size=8), st.text("xy", max_size=1))
def test_arrows_walk_to_lines_that_begin_as_typed_and_back_again(lines: list[str], typed: str) -> None:
    walk, now, seen = Walk(lines), typed, []
    for _ in range(len(lines) + 1):
        now = walk.back(now)
        seen.append(now)
    for _ in range(len(lines) + 1):
        now = walk.on(now)

    wanted = [one for one in reversed(lines) if one.startswith(typed)]
    assert [one for one in dict.fromkeys(seen) if one in wanted] == wanted
    assert now == typed


def test_a_main_screen_takes_a_filter() -> None:
    assert all(takes_of(VERBS[name]) == ("filter?",) for name in VERBS if VERBS[name].id in PANES)


def test_where_a_screen_is_known_only_what_it_can_do_is_offered() -> None:
    assert complete("er", {"verb": ["errors", "sync"]}) == ("errors ", ["errors"])
