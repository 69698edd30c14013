"""YAML text -> plain values with the place of each: the one door of PyYAML.

Refuses what YAML readers disagree on, and what would make a small file expensive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from siscon.domain.errors import Complaint

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_ALIASES = 50

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TRUTH = {"true": True, "false": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+\Z")
_NOTHING = {"", "~", "null"}


@dataclass(slots=True)
class Document:
    """What a file says. ``keys`` and ``places`` give line and column (from 1) of a value's key and of itself."""

    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    refused: set[Path] = field(default_factory=set)

    def complain(self, path: Path, sentence: str, *, at_key: bool = False) -> None:
        """Note what is wrong at a place; further complaints about the same value are not wanted."""
        line, column = self.place(path, at_key=at_key)
        self.complaints.append(Complaint(dotted(path), sentence, line, column))
        if not at_key:
            self.refused.add(path)

    def place(self, path: Path, *, at_key: bool = False) -> tuple[int, int]:
        """Line and column of a value, else of the nearest thing around it; (0, 0) for what no file says."""
        first, second = (self.keys, self.places) if at_key else (self.places, self.keys)
        for length in range(len(path), -1, -1):
            found = first.get(path[:length]) or second.get(path[:length])
            if found:
                return found
        return 0, 0


def dotted(path: Path) -> str:
    """``integrations.powerschool.base_url``, as people and complaints name a key."""
    return ".".join(str(one) for one in path)


def read_document(text: str) -> Document:
    """Read YAML text; what is wrong with it stands in the document's complaints."""
    document = Document()
    try:
        _check_shape(text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        document.complaints.append(_syntax(error))
        return document
    if root is None:
        return document
    if not isinstance(root, yaml.MappingNode):
        document.complaints.append(Complaint("", "the file must hold keys and values ('home: ...')", 1, 1))
        return document
    document.values = _Reader(document).mapping(root, ())
    return document


def _check_shape(text: str) -> None:
    """Walk the events, which costs no recursion, before anything is built from them."""
    depth = nodes = aliases = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        aliases += isinstance(event, yaml.AliasEvent)
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            raise _too_much(f"nested deeper than {MAX_DEPTH}", event.start_mark)
        if aliases > MAX_ALIASES or nodes > MAX_NODES:
            raise _too_much(f"more than {MAX_ALIASES} aliases or {MAX_NODES} values", event.start_mark)


def _too_much(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _syntax(error: yaml.YAMLError) -> Complaint:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or "a character that YAML does not allow"
    sentence = f"not readable as YAML: {problem}"
    if "\\t" in sentence:
        sentence += "; indent with spaces, not with tabs"
    return Complaint("", sentence, mark.line + 1, mark.column + 1) if mark else Complaint("", sentence, 1, 1)


class _Reader:
    """Nodes -> values. The budget bounds what aliases may grow to."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._left = MAX_NODES

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*path, key)
            if key in values:
                first = self._document.keys[here][0]
                self._document.keys[here] = _place_of(key_node)
                said = f"'{key}' stands here a second time (first in line {first}): keep one of the two"
                self._document.complain(here, said, at_key=True)
                continue
            self._document.keys[here] = _place_of(key_node)
            if key_node.tag == _TAG + "merge":
                self._document.complain(here, "merging with '<<' is not supported: write the keys out")
                continue
            values[key] = self.value(value_node, here)
        return values

    def value(self, node: Any, path: Path) -> Any:
        self._document.places[path] = _place_of(node)
        self._left -= 1
        if self._left < 0 or len(path) > MAX_DEPTH:
            if self._left in (-1, 0) or len(path) > MAX_DEPTH:
                self._document.complain(path, "aliases make this file too large: write the values out")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, (*path, number)) for number, one in enumerate(node.value)]
        return self._scalar(node, path)

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text: str = node.value
        if node.style or node.tag == _TAG + "str":
            if not node.tag.startswith(_TAG + "str"):
                self._document.complain(path, "tags ('!...') are not supported: write the value without")
            return text
        if text.lower() in _NOTHING and node.tag == _TAG + "null":
            return None
        if text.lower() in _TRUTH and node.tag == _TAG + "bool":
            return _TRUTH[text.lower()]
        if node.tag == _TAG + "int" and _INT.match(text) and len(text) < 20:
            return int(text)
        if node.tag == _TAG + "float" and _FLOAT.match(text) and len(text) < 40:
            return float(text)
        self._document.complain(path, _trap(text, node.tag))
        return text


_READ_AS = {"bool": "true or false", "int": "another number", "float": "a number", "timestamp": "a date"}


def _trap(text: str, tag: str) -> str:
    meant = _READ_AS.get(tag.removeprefix(_TAG))
    if meant is None:
        return "tags ('!...') are not supported: write the value without"
    advice = "write true or false, or " if tag == _TAG + "bool" else ""
    return f"some YAML readers take {text[:40]} for {meant}: {advice}put it in quotes if it is text"


def _place_of(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
