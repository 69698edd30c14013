"""Escape as a key of its own, told from what a terminal sends by what stands behind it.

Textual tells it by a clock: what comes within a tenth of a second belongs to a sequence. Of hands and slow lines that
send escape and the next key at once, both would be lost, and what comes after them held up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

ESC = "\x1b"
_PASTE, _PASTED = f"{ESC}[200~", f"{ESC}[201~"
_SEQUENCE = re.compile(r"\x1b(?:\[(?=[ -~])[0-?]*[ -/]*[@-~]?|O[A-DFHMP-Sa-dj-y])")
"""What a terminal sends, as far as it has come: keys, the mouse, answers. All else behind escape is a key of its own:
siscon knows no key with alt.
"""
_BEGUN = re.compile(r"\x1b(?:O|\[(?:2(?:0[01]?)?)?)?\Z")
"""The end of what was typed, of which nobody can tell yet what it is."""


class Escapes:
    """Takes what is typed apart, in whatever pieces it comes."""

    def __init__(self) -> None:
        self.held = ""
        self._pasting = False

    def apart(self, typed: str) -> Iterator[str]:
        """What was typed, in order: ``ESC`` alone is the key, everything else is for the parser.

        Escape within what is pasted is left out: the parser would take what stands behind it for keys.
        Nothing typed: no more has come for a while, so what is held is all of it.
        """
        if self._pasting and not typed:
            return
        text, self.held, at = self.held + typed, "", 0
        while at < len(text):
            is_pasted = self._pasting
            end = self._end_of_piece(text, at)
            if end == at and typed and _BEGUN.match(text, at):
                break
            if end == at:
                found = _SEQUENCE.match(text, at)
                self._pasting = text.startswith(_PASTE, at)
                end = found.end() if found else at + 1
            yield _without_escape(text[at:end]) if is_pasted else text[at:end]
            at = end
        self.held = text[at:]

    def _end_of_piece(self, text: str, at: int) -> int:
        """Up to where nothing is to be told apart: all that is pasted is text."""
        if not self._pasting:
            end = text.find(ESC, at)
            return len(text) if end < 0 else end
        end = text.find(_PASTED, at)
        if end >= 0:
            self._pasting = False
            return end + len(_PASTED)
        begun = text.rfind(ESC, at)
        return begun if begun >= 0 and _PASTED.startswith(text[begun:]) else len(text)


def _without_escape(pasted: str) -> str:
    text = pasted.removesuffix(_PASTED)
    return text.replace(ESC, "") + pasted[len(text) :]
