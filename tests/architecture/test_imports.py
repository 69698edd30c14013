"""Who may import whom: the contracts, no circles whatever kind of import makes them, one door for each library."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "siscon"
FILES = sorted(PACKAGE.rglob("*.py"))

DOORS = {
    "aiosqlite": ("store/sqlite.py",),
    "cryptography": ("store/vault.py", "sandbox/assertions.py"),  # the sandbox checks what clients sign
    "httpx": ("providers/transport/client.py", "providers/transport/post.py", "providers/files/download.py"),
    "tenacity": ("providers/transport/client.py",),
    "authlib": ("providers/transport/oauth.py",),
    "asyncssh": ("providers/files/sftp.py",),
    "defusedxml": ("providers/kit/xml_rows.py",),
    "pydantic": ("providers/", "config/"),
    "pydantic_core": ("providers/", "config/"),
    "typing_extensions": ("providers/",),
    "yaml": ("config/document.py",),
    "anyascii": ("engine/letters.py",),
    "apscheduler": ("engine/clock.py",),
    "textual": ("tui/",),
    "rich": ("tui/",),
    "starlette": ("sandbox/server.py", "metrics/server.py"),
    "uvicorn": ("sandbox/server.py", "webhooks/receiver.py", "metrics/server.py"),
    "prometheus_client": ("metrics/exposition.py",),
    "click": ("cli/",),
    "sqlite3": ("store/",),
}


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}


@cache
def imports_of(file: Path) -> frozenset[str]:
    """Every module that a file imports anywhere in it: at the top, in functions, for types only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            source = node.module or ""
            found |= {
                f"{source}.{one.name}" if f"{source}.{one.name}" in MODULES else source for one in node.names
            }
    return frozenset(found)


def test_the_contracts_of_the_house_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_no_file_imports_itself_round_a_circle() -> None:
    graph = {name: {one for one in imports_of(file) if one in MODULES} for name, file in MODULES.items()}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "a circle: " + " -> ".join((*trail[trail.index(name) :], name))
        if name in done:
            return
        for one in sorted(graph[name]):
            walk(one, (*trail, name))
        done.add(name)

    for name in graph:
        walk(name, ())


def test_each_library_has_one_door() -> None:
    for file in FILES:
        where = file.relative_to(PACKAGE).as_posix()
        for library in {name.split(".")[0] for name in imports_of(file)} & {*DOORS}:
            assert where.startswith(DOORS[library]), (
                f"{where} imports {library}: that is for {DOORS[library]} alone"
            )


def test_nothing_else_from_outside_is_imported() -> None:
    known = {*DOORS, "siscon", *sys.stdlib_module_names}
    for file in FILES:
        strange = {name.split(".")[0] for name in imports_of(file)} - known
        assert not strange, f"{file}: {strange} has no door yet"


def test_bedrock_knows_the_standard_library_alone() -> None:
    for file in (PACKAGE / "domain").glob("*.py"):
        for name in imports_of(file):
            assert name.startswith("siscon.domain") or name.split(".")[0] in sys.stdlib_module_names, (
                file,
                name,
            )


def test_no_import_is_for_types_only() -> None:
    for file in FILES:
        assert "TYPE_CHECKING" not in file.read_text(encoding="utf-8"), (
            f"{file}: what both need belongs in domain"
        )


OF_THE_ENGINE = ("httpx", "authlib", "apscheduler", "tenacity", "uvicorn")


@pytest.mark.parametrize(
    ("command", "strangers"),
    [
        ("import siscon", ("click", "textual", "pydantic", "asyncio")),
        ("import siscon.cli.commands", ("textual", "pydantic", "httpx", "yaml", "asyncio", "siscon.runtime")),
        ("import siscon.cli.operate", ("textual", *OF_THE_ENGINE)),
        ("import siscon.cli.show", ("textual", *OF_THE_ENGINE)),
        ("import siscon.cli.screen", OF_THE_ENGINE),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(command: str, strangers: tuple[str, ...]) -> None:
    told = f"{command}; import sys; print([one for one in {strangers!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
