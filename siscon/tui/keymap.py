"""Which key does what: the table of actions as the person's configuration moves it. A process has one keyboard, so it
has one keymap, which the console puts in force with :func:`use`; every sentence that names a key asks :func:`key_of`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import combinations

from siscon.domain.text import plain
from siscon.tui.actions import ACTIONS, BY_ID, MOVES, PANES, actions_of
from siscon.tui.key_names import key_name, key_word, why_no_key
from siscon.tui.verbs import verbs_of

Keymap = Mapping[str, tuple[str, ...]]
"""The keys of those actions and moves that are moved, by their ids, in the names of the library."""

MUST_HAVE = ("back", "quit", "help")
"""What nobody can do without: these need a key."""
FIXED = {"ctrl+c": "hint", "ctrl+q": "quit"}
"""Keys that mean the same always, so that there is a way out whatever a configuration says."""

_MOVE_KEYS: Keymap = {way: keys for keys, way, _ in MOVES}
_MOVE_WORDS = {way: f"the {words}" for _, way, words in MOVES}
_in_force: Keymap = {}


def keymap_of(told: Mapping[str, Sequence[str]]) -> Keymap:
    """A keymap as it was written, in the names of the library; :func:`faults` says what is wrong with one."""
    return {id_: tuple(dict.fromkeys(map(key_name, keys))) for id_, keys in told.items()}


def use(keymap: Keymap) -> None:
    """Put a keymap in force."""
    global _in_force  # one process has one keyboard: see decision 0031
    _in_force = keymap


def keys_of(id_: str, keymap: Keymap | None = None) -> tuple[str, ...]:
    """The keys of an action or a move, in the names of the library; ``keymap``: else the one in force."""
    moved = (_in_force if keymap is None else keymap).get(id_)
    if moved is not None:
        return moved
    return BY_ID[id_].keys if id_ in BY_ID else _MOVE_KEYS[id_]


def key_of(id_: str) -> str:
    """The key of an action as sentences name it; of one without a key its name in the command line."""
    keys = keys_of(id_)
    if keys:
        return key_word(keys[0])
    return f":{verbs_of(BY_ID[id_])[0]}" if id_ in BY_ID else id_


def keyed(sentence: str, **values: object) -> str:
    """A sentence with the keys of the actions it names in braces: ``{approve} approves``; values by their names."""
    return sentence.format_map(_Keys(values))


class _Keys(dict[str, object]):
    def __missing__(self, id_: str) -> str:
        return key_of(id_)


def bound(keymap: Keymap) -> dict[str, str]:
    """A keymap as the library takes it; what has no key gets one that no keyboard has."""
    return {id_: ",".join(keys) or f"no_key_of_{id_}" for id_, keys in keymap.items()}


# What may be wrong


def faults(told: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """All that keeps a keymap from being used: each id under which something is wrong, and what that is."""
    wrong = {id_: list(_faults_of(id_, keys)) for id_, keys in told.items()}
    known = {id_: keys for id_, keys in told.items() if id_ in BY_ID or id_ in _MOVE_KEYS}
    for id_, sentence in _shared(keymap_of(known)):
        wrong[id_].append(sentence)
    yield from ((id_, "; ".join(sentences)) for id_, sentences in wrong.items() if sentences)


def _faults_of(id_: str, keys: Sequence[str]) -> Iterator[str]:
    if id_ not in BY_ID and id_ not in _MOVE_KEYS:
        near = get_close_matches(id_, [*BY_ID, *_MOVE_KEYS], n=3, cutoff=0.5)
        meant = (
            f": did you mean {' or '.join(near)}?" if near else ": 'siscon config keys' lists what there is"
        )
        yield f"there is no action '{plain(id_, limit=40)}'{meant}"
        return
    if id_ in FIXED.values() and id_ not in MUST_HAVE:
        yield "is always on ctrl+c: leave it out"
        return
    if id_ in BY_ID and not BY_ID[id_].keys:
        yield f"is done by its name, which takes words: write :{verbs_of(BY_ID[id_])[0]} in the console"
        return
    if id_ in MUST_HAVE and not keys:
        yield "needs a key: without it nobody finds the way"
    yield from filter(None, map(why_no_key, keys))
    for name in map(key_name, keys):
        if FIXED.get(name, id_) != id_:
            yield f"{name} always means '{FIXED[name]}': choose another key"


def _shared(keymap: Keymap) -> Iterator[tuple[str, str]]:
    """Two on one key of one screen, told once, under the one that was moved."""
    where: dict[tuple[str, str, str], list[str]] = {}
    for screen in SCREENS:
        ids = [action.id for action in actions_of(screen)] + list(_MOVE_KEYS)
        for one, other in combinations(ids, 2):
            if one in keymap or other in keymap:
                for key in keys_of(one, keymap):
                    if key in keys_of(other, keymap):
                        where.setdefault((one, other, key), []).append(screen)
    for (one, other, key), screens in where.items():
        at, beside = (one, other) if one in keymap else (other, one)
        places = (
            "on every screen"
            if len(screens) == len(SCREENS)
            else f"on {', '.join(map(_called, screens[:3]))}"
        )
        yield at, f"'{at}' and '{beside}' are both on {key_word(key)} {places}: give one of them another key"


def _called(screen: str) -> str:
    return BY_ID[screen].word if screen in PANES else screen.replace("_", " ")


SCREENS = tuple(dict.fromkeys([*PANES, *(one for action in ACTIONS for one in action.screens), "messages"]))
"""Every screen that has keys of its own, and one that has none."""


# What there is


def listed(keymap: Keymap) -> list[dict[str, object]]:
    """Every action and move: its id, keys, screens, what it does, its command, whether it changes data."""
    rows: list[dict[str, object]] = [
        {
            "id": action.id,
            "keys": [key_word(key) for key in keys_of(action.id, keymap)],
            "screens": list(action.screens),
            "what": action.help,
            "command": action.twin or None,
            "changes_data": action.mutates,
            "moved": action.id in keymap,
        }
        for action in ACTIONS
    ]
    for way, words in _MOVE_WORDS.items():
        rows.append(
            {
                "id": way,
                "keys": [key_word(key) for key in keys_of(way, keymap)],
                "screens": [],
                "what": f"In lists: {words}.",
                "command": None,
                "changes_data": False,
                "moved": way in keymap,
            }
        )
    return rows
