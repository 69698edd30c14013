"""The shape of the code: lengths, where SQL and control characters may stand, safe text on the screen."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "siscon"
FILES = sorted(PACKAGE.rglob("*.py"))

SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX|UNIQUE)|"
    r"ALTER\s+TABLE|DROP\s+(TABLE|INDEX)|PRAGMA\s|BEGIN\s+IMMEDIATE|VACUUM)\b",
    re.IGNORECASE | re.DOTALL,
)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
WORDLESS = re.compile(r"(Manager|Handler|Processor|Service|Impl)$")
WORDLESS_FILES = {"utils.py", "helpers.py", "common.py", "base.py", "misc.py"}
SINKS = {"Static", "Label", "notify", "RichLog", "Markdown"}
SAFE = {"plain", "plain_lines", "Text", "Content", "Cell", "foreign", "escape"}


NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
MAY_SPELL_CONTROLS = {
    "siscon/domain/text.py",
    "siscon/tui/wire.py",
    "siscon/tui/escapes.py",
    "siscon/sandbox/people.py",
}
"""The door to the screen, those to and from the terminal, and the names that the sandbox invents to test the first."""


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def nodes_of(file: Path) -> tuple[ast.AST, ...]:
    """Everything in a file: to walk through all of them takes a second, and several tests want to."""
    return tuple(ast.walk(tree_of(file)))


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def strings_of(file: Path) -> Iterator[tuple[int, str]]:
    docs = {
        id(node.body[0].value)
        for node in nodes_of(file)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes_of(file):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def calls_of(file: Path) -> Iterator[ast.Call]:
    return (node for node in nodes_of(file) if isinstance(node, ast.Call))


def test_a_file_is_short_and_says_what_belongs_in_it() -> None:
    for file in FILES:
        name, lines = name_of(file), file.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 400, f"{name} has {len(lines)} lines: the wall is 400"
        if lines:
            told = ast.get_docstring(tree_of(file))
            assert told, f"{name}: a module says in a docstring what belongs in it"
            if file.name != "errors.py":
                assert len(told.splitlines()) <= 4, f"{name}: three lines are enough"
        assert file.name not in WORDLESS_FILES, name


def test_a_function_is_short_and_a_class_has_a_telling_name() -> None:
    for file in FILES:
        for node in nodes_of(file):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = lines_of(node) - sum(lines_of(one) for one in node.body if isinstance(one, NESTED))
                where = f"{name_of(file)}: {node.name}"
                assert length <= 60, f"{where} has {length} lines: the wall is 60"
            if isinstance(node, ast.ClassDef):
                assert not WORDLESS.search(node.name), f"{name_of(file)}: {node.name} names nothing"


def test_sql_stands_in_the_store_alone() -> None:
    for file in FILES:
        if "store" not in file.parts:
            for line, text in strings_of(file):
                assert not SQL.search(text), f"{name_of(file)}:{line} holds SQL"


def test_control_characters_are_spelled_in_one_place_alone() -> None:
    for file in FILES:
        if name_of(file) in MAY_SPELL_CONTROLS:
            continue
        for line, text in strings_of(file):
            where = f"{name_of(file)}:{line} holds a control character"
            assert not CONTROL.search(text.replace("\r", "").replace("\0", "")), where
        for node in calls_of(file):
            if isinstance(node.func, ast.Name) and node.func.id == "chr":
                told = [one.value for one in node.args if isinstance(one, ast.Constant)]
                spelled = any(isinstance(one, int) and (one < 32 or 127 <= one < 160) for one in told)
                assert not spelled, f"{name_of(file)}:{node.lineno}"


def test_what_reaches_a_widget_was_made_safe() -> None:
    """An f-string or a bare name may hold foreign text, and a widget reads text as markup."""
    for file in FILES:
        if "tui" in file.parts:
            for node in calls_of(file):
                if called(node) in SINKS and not is_plain_call(node):
                    for told in node.args[:1]:
                        where = f"{name_of(file)}:{node.lineno}: {called(node)}({ast.unparse(told)})"
                        assert is_safe(told), where


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_plain_call(node: ast.Call) -> bool:
    """True where markup is off by argument, or our own ``notify`` is called, which makes every text safe."""
    off = any(one.arg == "markup" and getattr(one.value, "value", True) is False for one in node.keywords)
    own = called(node) == "notify" and ast.unparse(node.func) in ("self.notify", "self.app.notify")
    return off or own


def is_safe(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        return called(node) in SAFE or called(node).startswith(("render", "_render", "as_", "to_"))
    if isinstance(node, ast.JoinedStr):
        return all(is_safe(one.value) for one in node.values if isinstance(one, ast.FormattedValue))
    return False


def test_broad_excepts_say_why() -> None:
    for file in FILES:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for mark in ("# noqa", "# type: ignore"):
                if mark in line:
                    reason = re.sub(
                        r"# (noqa|type: ignore)(: ?[A-Z0-9, ]+|\[[a-z, -]+\])?", "", line[line.index(mark) :]
                    )
                    assert len(reason.strip(" -#:")) > 5, f"{name_of(file)}:{number} has no reason beside it"


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_pins_are_names_and_versions_alone() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"(#.*)?|[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line), line


def test_no_tracked_file_points_to_a_package_index() -> None:
    wanted = re.compile(
        r"(--?(extra-)?index" r"-url|--find-links|-i\s+https?:|\[\[tool\.uv\.index\]\]|index" r"-url\s*=)"
    )
    for file in tracked():
        if file.suffix in (".txt", ".toml", ".cfg", ".ini", ".lock", ".sh") or file.parent.name == ".ci":
            assert not wanted.search(file.read_text(encoding="utf-8", errors="replace")), file
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_no_tracked_file_names_a_private_path() -> None:
    wanted = re.compile("/" + "work/|/" + "opt/venv|/" + "root/")
    for file in tracked():
        if file.suffix in (".py", ".md", ".toml", ".yaml", ".txt", ".sql", ".tcss"):
            found = wanted.search(file.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{file}: {found[0] if found else ''}"
