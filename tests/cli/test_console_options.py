"""The console as the command opens it: looks from the command line and the configuration, read-only, its engine."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from siscon.cli import commands
from siscon.cli.asked import asked_of, look_options
from support.terminals import Terminal, terminal


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "config.yaml"
    path.write_text("home: home\nconsole:\n  theme: light\n  clock: false\n", encoding="utf-8")
    yield path
    for pid in engines(path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def siscon(config: Path, *words: str) -> tuple[int, str, str]:
    """What a command ends with, and says on both streams."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = commands.run(["--config", str(config), *words])
    return code, out.getvalue(), err.getvalue()


def engines(config: Path) -> list[int]:
    """The processes of the engines that are alive."""
    _code, out, _err = siscon(config, "status", "--json")
    return [row["pid"] for row in map(json.loads, out.splitlines()) if "engine" in row]


def opened(config: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "siscon", "--config", str(config), *words]


def leave(one: Terminal) -> None:
    one.process.send_signal(signal.SIGTERM)
    assert one.ends() == 0
    assert one.settings() == one.before


def ground(one: Terminal) -> str:
    """The colour behind the list."""
    return str(one.screen.buffer[8][40].bg)


TRUE_COLOUR = {"COLORTERM": "truecolor"}


@pytest.mark.long
def test_the_configuration_dresses_the_console_and_the_command_line_goes_before_it(config: Path) -> None:
    for words, colour in (((), "f7f8fa"), (("--theme", "contrast"), "000000")):
        with terminal(opened(config, *words), width=120, env=TRUE_COLOUR) as one:
            assert one.shows("No integration yet")
            assert one.comes_to(lambda colour=colour: ground(one) == colour), ground(one)  # type: ignore[misc] # bound now
            leave(one)


def test_read_only_starts_no_engine_and_changes_nothing(config: Path) -> None:
    assert siscon(config, "integrations", "list")[0] == 0, "there is a database"
    with terminal(opened(config, "--read-only", "--ascii")) as one:
        assert one.shows("READ-ONLY")
        assert one.shows("NO ENGINE")
        assert one.brings("e", "This console is read-only.")
        assert one.text.isascii()
        leave(one)
    assert engines(config) == []


def test_read_only_makes_no_database_and_says_that_there_is_none(config: Path) -> None:
    with terminal(opened(config, "--read-only")) as one:
        assert one.shows("READ-ONLY")
        assert one.shows("Tried again every")
        leave(one)
    assert not list(config.parent.rglob("*.db*"))


@pytest.mark.parametrize("words", [("sync", "harbor"), ("requests", "take-back", "1"), ("serve",)], ids=str)
def test_a_command_that_does_not_heed_read_only_refuses_it(config: Path, words: tuple[str, ...]) -> None:
    code, _out, err = siscon(config, "--read-only", *words)

    assert code == 2
    assert f"'siscon {words[0]}' does not heed it" in err


def test_read_only_does_not_go_with_an_engine_inside(config: Path) -> None:
    code, _out, err = siscon(config, "--read-only", "--in-process")

    assert code == 2
    assert "leave out --in-process or --read-only" in err


def test_a_theme_that_there_is_not_is_refused_with_those_there_are(config: Path) -> None:
    code, _out, err = siscon(config, "--theme", "pink")

    assert code == 2
    assert "'dark', 'light', 'contrast', 'ansi', 'mono'" in err


@pytest.mark.parametrize(
    "words", [["--theme", "light", "demo", "--no-mouse"], ["demo", "--theme", "light", "--no-mouse"]]
)
def test_options_of_the_screen_may_stand_before_or_after_the_demo(words: list[str]) -> None:
    @click.group()
    @look_options
    def root() -> None:
        """As siscon is."""

    @root.command()
    @look_options
    @click.pass_context
    def demo(ctx: click.Context) -> None:
        click.echo(json.dumps(asked_of(ctx)))

    assert json.loads(CliRunner().invoke(root, words).output) == {"theme": "light", "mouse": False}


@pytest.mark.long
def test_an_engine_killed_under_the_console_is_missed_within_its_lease_and_another_is_offered(
    config: Path,
) -> None:
    with terminal(opened(config)) as one:
        assert one.shows("No integration yet")
        assert one.shows("● engine")
        (first,) = engines(config)
        os.kill(first, signal.SIGKILL)
        assert one.shows("NO ENGINE")
        assert one.shows("No engine is alive")
        assert one.brings("e", "Start an engine here?")
        assert one.brings("y", "● engine")
        (second,) = engines(config)
        assert second != first
        leave(one)
