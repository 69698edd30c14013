"""Foreign text made safe to show. The one place where text from outside becomes text for a screen, a log or a terminal.

Nothing else in siscon may spell a control character; an architecture test sees to it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from unicodedata import category

MAX_SHOWN = 200

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
MOST_JOINED = 3


def _as_mark(match: re.Match[str]) -> str:
    return _marked(match[0])


def _marked(sign: str) -> str:
    code = ord(sign)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _few_joined(text: str) -> str:
    """Combining signs of any script: few on one letter, and none that would sit on what stands before the text."""
    kept: list[str] = []
    joined = 0
    for sign in text:
        joined = joined + 1 if category(sign) in ("Mn", "Me") else 0
        if joined and not kept:
            kept.append(_marked(sign))
        elif joined <= MOST_JOINED:
            kept.append(sign)
    return "".join(kept)


def plain(value: object, *, limit: int = MAX_SHOWN) -> str:
    """One line of text that cannot act on a terminal: hidden and control characters become visible marks.

    At most ``limit`` characters of the original are kept, then an ellipsis; at most three combining signs stand
    in a row, and none at the beginning. Text without anything suspicious comes back as it is.
    """
    text = value if isinstance(value, str) else str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    text = _HIDDEN.sub(_as_mark, text)
    return text if max(text) < "\u0300" else _few_joined(text)


def plain_lines(value: object, *, limit: int = 20_000) -> str:
    """Like :func:`plain` for text of several lines: line feeds stay, everything else that acts is marked."""
    text = value if isinstance(value, str) else str(value)
    return "\n".join(plain(line, limit=limit) for line in text[:limit].split("\n"))


def counted(count: int, noun: str) -> str:
    """1 record, 12 records."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def agreed(count: int, one: str, more: str) -> str:
    """The word that agrees with a count: was, were; it, they."""
    return one if count == 1 else more


def were(count: int) -> str:
    """1 was, 12 were."""
    return f"{count} {agreed(count, 'was', 'were')}"


def utc_words(at_ms: int) -> str:
    """A moment in UTC, to the minute."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def is_storable(text: str) -> bool:
    """False for text that no database can keep: a lone surrogate."""
    return not any("\ud800" <= one <= "\udfff" for one in text) if not text.isascii() else True


TERMINAL_RESET = "".join(
    f"\x1b[{code}"
    for code in ("?1000l", "?1002l", "?1003l", "?1006l", "?1015l", "?2004l", "?1004l", "?1049l", "?25h", "0m")
)
"""Ends what a screen may have left switched on: mouse, paste marks, focus reports, second screen, hidden cursor."""
