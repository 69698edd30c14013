"""What one action of the console is, and how much a person is asked before it acts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Danger(StrEnum):
    """How much a person is asked before an action acts."""

    NONE = "none"
    CONFIRM = "confirm"
    TYPED = "typed"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key can do.

    ``screens`` empty: everywhere. ``word`` stands in the footer, ``help`` in the list of keys; ``twin`` is the
    command that does the same without a screen. What ``takes_out`` puts data where they leave siscon. ``footer_on``
    names screens whose footer has room for it although others have none. ``not_on`` names screens on which its keys
    mean something else.
    ``verbs`` are its names in the command line (else made of its id, of a main screen's its word),
    ``takes`` the kinds of words that may follow there, ``?`` behind those that may be left out, ``*`` behind those that
    may also come again. An action without keys is reached by the line and the palette alone.
    """

    id: str
    keys: tuple[str, ...]
    word: str
    help: str
    screens: tuple[str, ...] = ()
    danger: Danger = Danger.NONE
    mutates: bool = False
    takes_out: bool = False
    twin: str = ""
    footer: bool = True
    footer_on: tuple[str, ...] = ()
    not_on: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


def asking(
    id_: str,
    key: str,
    word: str,
    help_: str,
    screens: tuple[str, ...],
    twin: str,
    *,
    footer: bool = True,
    footer_on: tuple[str, ...] = (),
    takes: tuple[str, ...] = (),
) -> Action:
    """An action that changes something, so a question comes first."""
    return Action(
        id_,
        (key,),
        word,
        help_,
        screens,
        Danger.CONFIRM,
        mutates=True,
        twin=twin,
        footer=footer,
        footer_on=footer_on,
        takes=takes,
    )
