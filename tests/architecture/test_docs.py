"""The docs say what the code does: every command, key, setting, exit code and state."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from siscon import config
from siscon.cli.commands import COMMANDS, siscon
from siscon.config.words import MODELS
from siscon.domain.runs import EXIT_CODES, MOVES, RunStatus
from siscon.providers import registry

ROOT = Path(__file__).resolve().parents[2]
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


ALL = dict(commands(siscon, "siscon"))


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_a_heading_and_its_options_are_named(path: str) -> None:
    assert re.search(rf"^##+ `{path}`$", CLI, re.MULTILINE), f"docs/cli.md has no heading for `{path}`"
    known = {"--config", "--json", "--help"}
    for option in ALL[path].params:
        if isinstance(option, click.Option) and not option.hidden:
            name = next(one for one in option.opts if one.startswith("--"))
            assert name in known or name in CLI, f"docs/cli.md does not name {name} of {path}"


def test_the_help_of_the_front_door_is_that_of_each_command() -> None:
    for name, (_module, line) in COMMANDS.items():
        assert (ALL[f"siscon {name}"].help or "").splitlines()[0].startswith(line.rstrip(".")[:20])


def test_every_heading_names_a_command() -> None:
    for path in re.findall(r"^##+ `(siscon[^`]*)`$", CLI, re.MULTILINE):
        assert path == "siscon" or path in ALL


def test_exit_codes_are_told_alike_everywhere() -> None:
    codes = {*EXIT_CODES.values(), 1, 2}
    for file in ("README.md", "docs/cli.md"):
        told = re.findall(r"^\| (\d+) \|", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert {int(one) for one in told} == codes


def keys() -> Iterator[str]:
    for path, model in MODELS.items():
        inside = (
            ".".join(one for one in path[2:]) if path[:1] == ("integrations",) else ".".join(map(str, path))
        )
        for name, field in model.model_fields.items():
            nested = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
            if not nested:
                yield f"{inside}.{name}" if inside else name


def test_every_key_is_documented_and_no_other() -> None:
    told = set(re.findall(r"^\| `([a-z_.]+)` \| [^|]*\| ", CONFIGURATION, re.MULTILINE))

    assert {key for key in keys() if f"| `{key}` |" not in CONFIGURATION} == set()
    providers = set(registry.names())
    assert told - set(keys()) - providers == set()


@pytest.mark.parametrize("name", registry.names())
def test_every_setting_of_our_providers_is_documented(name: str) -> None:
    model = registry.settings_of(name)
    assert model is not None
    for setting in model.model_fields:
        if setting != "base_url":
            assert re.search(rf"^\|[^|]*`{name}`[^|]*\| `{setting}` \|", CONFIGURATION, re.MULTILINE), setting


def test_the_sample_configuration_is_accepted() -> None:
    environ = {"POWERSCHOOL_SECRET": "a", "CAMPUS_SECRET": "b", "SKYWARD_SECRET": "c"}
    settings = config.load(ROOT / "config.yaml", environ, provider_settings=registry.settings_of)

    assert len(settings.integrations) == 3


def test_each_block_of_the_page_on_connecting_is_accepted(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "connecting.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    secret = tmp_path / "secret"
    secret.write_text("invented")
    secret.chmod(0o600)
    told = re.sub(r"\$\{file:[^}]*\}", f"${{file:{secret}}}", textwrap.indent("".join(blocks), "  "))
    file = tmp_path / "config.yaml"
    file.write_text(f"home: here\nintegrations:\n{told}", encoding="utf-8")
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", text), "a")

    settings = config.load(file, environ, provider_settings=registry.settings_of)

    assert {one.provider for one in settings.integrations.values()} == set(registry.names())


def test_the_states_are_drawn_as_the_table_of_moves_has_them() -> None:
    text = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ]+?) \| ([a-z ,]*)\|$", text, re.MULTILINE)
    drawn = {
        RunStatus(before): frozenset(RunStatus(one.strip()) for one in after.split(",") if one.strip())
        for before, after in rows
        if before != "from"
    }

    assert drawn == dict(MOVES)


def test_the_readme_has_its_two_commands_in_one_line_each() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("python3 -m venv")]

    assert len(lines) == 2
    assert lines[0].endswith("siscon demo")
    assert lines[1].endswith("-m pytest")


def test_the_full_check_can_be_run() -> None:
    done = subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_pins_are_those_of_what_is_needed() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    needed = {one.lower() for one in re.findall(r'^  "([A-Za-z0-9-]+)', block, re.MULTILINE)}
    pinned = {
        line.split("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }

    assert needed - pinned == set()
    assert sys.version_info >= (3, 11)
