"""What can be said in the command line: the table of actions by its verbs, and how a line is taken apart."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.domain.text import plain
from siscon.tui.action import Action
from siscon.tui.actions import ACTIONS, PANES

FREE = frozenset({"text", "filter", "file"})
"""Kinds of words that are the whole rest of the line, blanks and all."""


def verbs_of(action: Action) -> tuple[str, ...]:
    """The names of an action in the line, the usual one first."""
    if action.verbs:
        return action.verbs
    name = action.id.replace("_", "-")
    return tuple(dict.fromkeys((action.word.lower(), name))) if action.id in PANES else (name,)


def takes_of(action: Action) -> tuple[str, ...]:
    """The kinds of words that an action takes; a main screen takes a filter."""
    return ("filter?",) if action.id in PANES else action.takes


VERBS: Mapping[str, Action] = {verb: action for action in ACTIONS for verb in verbs_of(action)}
"""Every verb, made from the table of actions and from nothing else."""


@dataclass(frozen=True, slots=True)
class Said:
    """A line as it was understood: the verb, its action, the words behind it, and the rest of the line as typed.

    ``now_ms`` and ``zone`` are when and where it was said, for words that are times.
    """

    verb: str
    action: Action
    words: tuple[str, ...]
    rest: str
    now_ms: int = 0
    zone: tzinfo = UTC

    @property
    def is_bare(self) -> bool:
        """Whether nothing follows the verb: then the action concerns what is under the cursor."""
        return not self.rest


def understand(line: str) -> Said:
    """Take a line apart; raises ``UsageError`` that says what to write instead."""
    verb, _, rest = line.strip().removeprefix(":").strip().partition(" ")
    forced = verb.endswith("!")
    action = VERBS.get(verb.removesuffix("!"))
    if action is None or (forced and "file" not in _kinds(action)):
        raise UsageError(_no_such(verb))
    rest = rest.strip()
    if _kinds(action)[:1] and _kinds(action)[0] in FREE:
        return Said(verb, action, (rest,) if rest else (), rest)
    words = tuple(rest.split())
    if words:
        _check_number(verb, action, words)
    return Said(verb, action, words, rest)


def how_to(verb: str) -> str:
    """A verb with the words it takes, as one writes it."""
    told = [verb]
    for one in takes_of(VERBS[verb.removesuffix("!")]):
        word = one.rstrip("?*")
        shown = word if word.startswith("--") else word.upper()
        told.append(f"[{shown}{' ...' if one.endswith('*') else ''}]" if one[-1] in "?*" else shown)
    return " ".join(told)


def entity_of(word: str) -> Entity:
    """An entity by its name, of many also ("students"); raises ``UsageError``."""
    name = word.lower()
    for one in (name, name.removesuffix("s"), name.removesuffix("es")):
        if one in {entity.value for entity in Entity}:
            return Entity(one)
    raise UsageError(f"There is no entity '{plain(word, limit=40)}'. Known are: {', '.join(Entity)}.")


def run_of(word: str) -> int:
    """The number of a run, or of an error, with or without its sign; raises ``UsageError``."""
    digits = word.removeprefix("#").removeprefix("E-")
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        return int(digits)
    raise UsageError(f"'{plain(word, limit=40)}' is no number.")


def _kinds(action: Action) -> list[str]:
    return [one.rstrip("?*") for one in takes_of(action)]


def _check_number(verb: str, action: Action, words: Sequence[str]) -> None:
    takes = takes_of(action)
    flags = {one.rstrip("?*") for one in takes if one.startswith("--")}
    unknown = [one for one in words if one.startswith("--") and one not in flags]
    plain_words = [one for one in words if not one.startswith("--")]
    places = [one for one in takes if not one.startswith("--")]
    least = sum(1 for one in places if one[-1] not in "?*")
    most = len(places) if not any(one.endswith("*") for one in places) else len(words)
    if unknown or not least <= len(plain_words) <= most:
        raise UsageError(f"Write: {how_to(verb)}", code="words")


def _no_such(verb: str) -> str:
    near = difflib.get_close_matches(verb, VERBS, n=2, cutoff=0.6)
    meant = f" Did you mean {' or '.join(near)}?" if near else " Tab lists what there is."
    return f"There is no command '{plain(verb, limit=40)}'.{meant}"


def complete(line: str, known: Mapping[str, Iterable[str]]) -> tuple[str, list[str]]:
    """A line with its last word filled in as far as it is certain, and the words that could stand there.

    ``known`` holds the words of each kind, such as the names of the integrations; as ``verb`` those that can be meant
    where one is, else all are offered.
    """
    head, blank, last = line.rpartition(" ")
    if not blank:
        found = sorted(one for one in known.get("verb", VERBS) if one.startswith(last))
    else:
        found = sorted({one for one in _next_words(head, known) if one.startswith(last)})
    if not found:
        return line, []
    filled = _common(found) + (" " if len(found) == 1 and not found[0].endswith("=") else "")
    return f"{head}{blank}{filled if len(filled) > len(last) else last}", found


def _next_words(head: str, known: Mapping[str, Iterable[str]]) -> list[str]:
    verb, *words = head.split() or [""]
    action = VERBS.get(verb.removesuffix("!"))
    if action is None:
        return []
    takes = takes_of(action)
    flags = [one.rstrip("?*") for one in takes if one.startswith("--")]
    places = [one for one in takes if not one.startswith("--")]
    at = sum(1 for one in words if not one.startswith("--"))
    kind = places[at] if at < len(places) else next((one for one in places if one.endswith("*")), "")
    if not kind and places and places[-1].rstrip("?*") == "filter":
        kind = "filter"
    kind = kind.rstrip("?*")
    if kind == "filter":
        return [f"{one}=" for one in known.get(f"filter {action.id}", ())]
    offered = list(known.get(kind, ()))
    return [one for one in (*offered, *(flags if at else ())) if one not in words]


def _common(words: Sequence[str]) -> str:
    first, last = min(words), max(words)
    size = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:size]
