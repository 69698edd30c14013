"""One table of actions: every key, the footer, the help and the screens agree with it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from siscon.cli.commands import siscon
from siscon.tui import console_acts
from siscon.tui.actions import ACTIONS, BY_ID, MOVES, PANES, Danger, actions_of
from siscon.tui.key_names import key_word
from siscon.tui.navigation import screen_class
from siscon.tui.screens.conflict import ConflictPane
from siscon.tui.screens.dead import Dead, DeadRecordPane
from siscon.tui.screens.errors import Errors
from siscon.tui.screens.found import Found
from siscon.tui.screens.help import help_lines
from siscon.tui.screens.pane import Pane
from siscon.tui.screens.plan import PlanPane
from siscon.tui.screens.plan_records import PlanRecords
from siscon.tui.screens.record import RecordPane
from siscon.tui.screens.run import RunPane
from siscon.tui.widgets.status_bar import key_parts

COMMANDS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SCREENS = {name: screen_class(name) for name in PANES}
DEEPER = (RunPane, Dead, DeadRecordPane, ConflictPane, Found, RecordPane, PlanPane, PlanRecords)
ALL: dict[str, type[Pane]] = {**SCREENS, **{screen.name_: screen for screen in DEEPER}}


@pytest.mark.parametrize("screen", ALL)
def test_no_two_actions_of_a_screen_share_a_key(screen: str) -> None:
    keys = [key for action in actions_of(screen) for key in action.keys]
    keys += [key for moves, _, _ in MOVES for key in moves]

    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("screen", ALL)
def test_the_bindings_of_a_screen_are_those_of_the_table(screen: str) -> None:
    bound = {
        (binding.key, binding.action) for binding in ALL[screen].BINDINGS if not isinstance(binding, tuple)
    }

    assert bound == {(",".join(one.keys), f"app.act('{one.id}')") for one in actions_of(screen)}


@pytest.mark.parametrize("screen", ALL)
def test_every_action_of_a_screen_does_something(screen: str) -> None:
    for action in actions_of(screen):
        own = getattr(ALL[screen], f"act_{action.id}", None) or getattr(
            console_acts, f"act_{action.id}", None
        )
        wishes = action.mutates and ALL[screen].wish is not Pane.wish
        assert own or wishes or action.id in SCREENS, action.id


@pytest.mark.parametrize("screen", ALL)
def test_every_key_stands_in_the_help(screen: str) -> None:
    told = {key for line in help_lines(screen) for key in line.cells[0].text.split()}

    for action in actions_of(screen):
        assert {word for key in action.keys for word in key_word(key).split()} <= told


@pytest.mark.parametrize("action", ACTIONS, ids=lambda one: one.id)
def test_an_action_is_told_in_one_short_sentence(action: object) -> None:
    assert action.help.endswith(".")
    assert len(action.help) <= 54


@pytest.mark.parametrize("action", [one for one in ACTIONS if one.mutates], ids=lambda one: one.id)
def test_what_changes_anything_asks_first_and_has_a_command_twin(action: object) -> None:
    assert (
        action.danger is not Danger.NONE or action.id == "take_back"
    )  # it takes back, at once, what was asked
    assert action.twin.startswith("siscon ")


@pytest.mark.parametrize("action", [one for one in ACTIONS if one.twin], ids=lambda one: one.id)
def test_the_command_twin_is_documented(action: object) -> None:
    command, _, option = action.twin.partition(" --")

    assert f"# `{command}`" in COMMANDS
    assert not option or f"--{option}" in COMMANDS


@pytest.mark.parametrize("action", [one for one in ACTIONS if one.twin], ids=lambda one: one.id)
def test_the_command_twin_exists_with_its_options(action: object) -> None:
    """Looked up as the command line itself looks: a twin that was renamed is no twin."""
    _, *words = action.twin.split()
    command: click.Command = siscon
    while words and not words[0].startswith("--"):
        assert isinstance(command, click.Group), action.twin
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, action.twin
        command = found

    assert not isinstance(command, click.Group) or command.invoke_without_command, "a command, not a group"
    assert set(words) <= {name for one in command.params for name in one.opts}


def test_main_screens_have_the_keys_in_the_order_of_the_row_above_the_letters() -> None:
    assert [BY_ID[name].keys for name in PANES] == [(key,) for key in "1234567890"]
    assert set(PANES) == set(SCREENS)
    assert Errors.name_ in PANES


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("screen", ALL)
def test_however_narrow_the_line_of_keys_is_it_says_how_to_type_to_find_keys_and_to_leave(
    screen: str, width: int
) -> None:
    told = "".join(part.text for part in key_parts(actions_of(screen), frozenset(), width))
    assert told.endswith(" : Command  ? Keys  q Quit ")
    assert len(told) <= width


def test_help_lists_the_marks_and_the_moves_before_what_every_screen_can_do() -> None:
    keys = [line.cells[0].text for line in help_lines("dead")]
    told = [one for row in keys[: keys.index("f")] for one in row.split()]
    assert {"space", "ctrl+space", "*", "ctrl+\\", "j", "k", "g", "G", "ctrl+d", "ctrl+u"} <= set(told)
