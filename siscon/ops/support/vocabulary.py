"""The words that siscon says by itself: those of the texts in its own source. Every other word came from outside."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import siscon

ROOMS = ("domain", "store", "providers", "config", "ops", "engine", "webhooks", "metrics")
"""Whose sentences stand in events and logs; screens and the practice systems hold invented people."""
_WORD = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"\S*@\S*")
MOST_LETTERS = 24


@cache
def own_words() -> frozenset[str]:
    """Each word as it is written in the texts of the program, and the names of its modules and functions."""
    package = Path(siscon.__file__).parent
    files = [one for room in ROOMS for one in (package / room).rglob("*.py")]
    files += list(package.glob("*.py"))
    found: set[str] = set()
    for file in files:
        found.update(_WORD.findall(file.stem))
        found.update(word for text in _texts(file) for word in _WORD.findall(_ADDRESS.sub(" ", text)))
    return frozenset(word for word in found if len(word) <= MOST_LETTERS)


def _texts(file: Path) -> list[str]:
    """What a file says to people; what it says to its readers, in docstrings, may hold examples."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return []
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            texts.append(node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            texts.append(node.name)
    return texts
