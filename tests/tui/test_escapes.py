"""Escape is told from sequences by what stands behind it, in whatever pieces it comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from siscon.tui.escapes import ESC, Escapes

UP, PAGE, F1, MOUSE = "\x1b[A", "\x1b[5~", "\x1bOP", "\x1b[<0;10;3M"
PASTE = "\x1b[200~ab\x1b[201~"


def keys(*packets: str) -> list[str]:
    """The pieces of packets, and what is left when no more comes; what is no escape runs together."""
    one, found = Escapes(), list[str]()
    for piece in (piece for packet in (*packets, "") for piece in one.apart(packet)):
        if ESC not in (piece, *found[-1:]):
            piece = found.pop() + piece if found else piece
        found.append(piece)
    return found


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("\x1b", [ESC]),
        ("\x1b5", [ESC, "5"]),
        ("\x1b\x1b1", [ESC, ESC, "1"]),
        ("3\r\x1b/east\r", ["3\r", ESC, "/east\r"]),
        ("\x1bRy", [ESC, "Ry"]),
        ("\x1bN", [ESC, "N"]),
        ("\x1bOy", ["\x1bOy"]),
        ("\x1bO", [ESC, "O"]),
        ("\x1b[", [ESC, "["]),
        ("\x1b[\r", [ESC, "[\r"]),
        (f"j{UP}{PAGE}{F1}{MOUSE}k", [f"j{UP}{PAGE}{F1}{MOUSE}k"]),
        (f"{ESC}{UP}", [ESC, UP]),
        (f"/{PASTE}\x1b1", [f"/{PASTE}", ESC, "1"]),
        ("\xe9\x1b\xe9", ["\xe9", ESC, "\xe9"]),
        ("\x1b[200~a\x1bS\x1b[31my\x1b[201~\x1b", ["\x1b[200~aS[31my\x1b[201~", ESC]),
    ],
)
def test_what_is_typed_at_once_is_taken_apart(typed: str, told: list[str]) -> None:
    assert keys(typed) == told


@pytest.mark.parametrize("at", range(1, 24))
def test_what_is_pasted_is_text_to_its_end_also_behind_an_escape(at: int) -> None:
    typed = "\x1b[200~a\x1bS\x1b[31my\x1b[201~j"
    parser, one = XTermParser(), Escapes()
    told = [
        event
        for packet in (typed[:at], typed[at:])
        for piece in one.apart(packet)
        for event in parser.feed(piece)
    ]
    pasted, key = told

    assert isinstance(pasted, events.Paste)
    assert pasted.text == "aS[31my"
    assert isinstance(key, events.Key)


@given(
    parts=st.lists(st.sampled_from([ESC, "5", "O", "[", "y", "\r", UP, PAGE, F1, MOUSE, PASTE]), max_size=8),
    cuts=st.sets(st.integers(0, 80), max_size=8),
)
def test_it_does_not_matter_in_which_packets_it_comes(parts: list[str], cuts: set[int]) -> None:
    typed = "".join(parts)
    ends = [*sorted(one for one in cuts if one < len(typed)), len(typed)]
    packets = [typed[at:end] for at, end in zip([0, *ends], ends, strict=False) if end > at]

    assert keys(*packets) == keys(typed)
    assert "".join(keys(*packets)) == typed
