"""Words, glyphs, tones and cells: how anything looks, decided without a screen. Foreign text enters here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Literal

from siscon.domain.filters import Value
from siscon.domain.fires import offset_words
from siscon.domain.integrations import IntegrationState
from siscon.domain.plans import Verdict
from siscon.domain.runs import RunStatus
from siscon.domain.text import plain
from siscon.domain.tokens import TokenHealth

Tone = Literal["", "good", "busy", "warn", "bad", "dim", "strong"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text that is safe to show, and how loud it is; the words say the same as the tone.

    ``value`` is what it is filtered and ordered by, where that is not the text.
    """

    text: str
    tone: Tone = ""
    value: Value = field(default=None, compare=False)


Cells = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs a terminal can show."""

    good: str = "●"
    busy: str = "▶"
    warn: str = "◐"
    bad: str = "✖"
    dim: str = "○"
    full: str = "█"
    void: str = "░"
    more: str = "…"
    line: str = "─"
    dot: str = "·"
    arrow: str = "→"
    at_least: str = "≥"
    levels: str = "▁▂▃▄▅▆▇█"
    """Eight heights for graphs, the lowest, which is zero, first; what nobody knows is a space."""
    held: str = "◆"
    """An import that waits for a person, where its end would stand."""
    up: str = "▲"
    down: str = "▼"
    marked: str = "▌"

    def of(self, tone: Tone) -> str:
        """The sign that goes with a tone."""
        return {"good": self.good, "busy": self.busy, "warn": self.warn, "bad": self.bad}.get(tone, self.dim)


BLOCK = Glyphs()
BRAILLE = Glyphs(full="⣿", void="⣀", levels="⡀⣀⣄⣤⣦⣶⣷⣿")
ASCII = Glyphs("*", ">", "~", "x", "o", "#", "-", ".", "-", ".", "->", ">=", ".:-=+*%#", "!", "^", "v", "+")
GLYPHS: Mapping[str, Glyphs] = {"ascii": ASCII, "block": BLOCK, "braille": BRAILLE}


@dataclass(slots=True)
class Look:
    """How this console shows things: signs, and the time zone of its clock, which the configuration tells.

    Without ``pictures`` words stand in the place of bars and graphs. Every ``tick_s`` a screen may read and paint again
    by itself. ``follows``: what can follow news does so unasked. ``exact``: moments stand in the place of how long ago
    they were.
    """

    glyphs: Glyphs = BLOCK
    zone: tzinfo = UTC
    pictures: bool = True
    clock: bool = True
    follows: bool = True
    tick_s: float = 1.0
    exact: bool = False


def foreign(value: object, tone: Tone = "", *, limit: int = 200) -> Cell:
    """A cell of text that came from outside."""
    return Cell(plain(value, limit=limit), tone)


def mark(word: str, tone: Tone, look: Look) -> Cell:
    """A state: sign and word, so that colour is never alone."""
    return Cell(f"{look.glyphs.of(tone)} {word}", tone, word.lower())


INTEGRATION_WORDS: Mapping[IntegrationState, tuple[str, Tone]] = {
    IntegrationState.FAILING: ("FAILING", "bad"),
    IntegrationState.HELD: ("HELD", "warn"),
    IntegrationState.EMPTY: ("EMPTY", "bad"),
    IntegrationState.LATE: ("LATE", "warn"),
    IntegrationState.RUNNING: ("running", "busy"),
    IntegrationState.PAUSED: ("paused", "dim"),
    IntegrationState.OK: ("ok", "good"),
    IntegrationState.NEW: ("new", "dim"),
}

TOKEN_WORDS: Mapping[TokenHealth, tuple[str, Tone]] = {
    TokenHealth.NONE: ("none yet", "dim"),
    TokenHealth.GOOD: ("good", "good"),
    TokenHealth.EXPIRING: ("expiring", "warn"),
    TokenHealth.EXPIRED: ("EXPIRED", "bad"),
    TokenHealth.REFRESHING: ("refreshing", "busy"),
    TokenHealth.REVOKED: ("REVOKED", "bad"),
    TokenHealth.NEEDS_PERSON: ("NEEDS A PERSON", "bad"),
}

RUN_WORDS: Mapping[RunStatus, tuple[str, Tone]] = {
    RunStatus.QUEUED: ("queued", "dim"),
    RunStatus.RUNNING: ("running", "busy"),
    RunStatus.PAUSED: ("paused", "dim"),
    RunStatus.HELD: ("HELD", "warn"),
    RunStatus.PLANNED: ("planned", "dim"),
    RunStatus.INTERRUPTED: ("interrupted", "warn"),
    RunStatus.COMPLETED: ("completed", "good"),
    RunStatus.WITH_WARNINGS: ("with warnings", "warn"),
    RunStatus.WITH_ERRORS: ("with errors", "warn"),
    RunStatus.FAILED: ("FAILED", "bad"),
    RunStatus.CANCELLED: ("cancelled", "dim"),
}

VERDICTS: Mapping[Verdict, str] = {
    Verdict.CREATE: "new",
    Verdict.UPDATE: "changed",
    Verdict.UNCHANGED: "unchanged",
    Verdict.MISSING: "missing",
    Verdict.WITHDRAW: "withdrawn",
    Verdict.CONFLICT: "in conflict",
    Verdict.DEAD: "in error",
    Verdict.REMOVE: "taken out",
    Verdict.SKIP: "left alone",
}
"""What a plan would do with a record, in the words of its columns."""


def number(value: int) -> str:
    """12345 as 12,345."""
    return f"{value:,}"


def shortly(value: int) -> str:
    """60000 as 60k, for a place of four cells; never more than there is."""
    if value < 1000:
        return str(value)
    unit, sign = (1000, "k") if value < 1_000_000 else (1_000_000, "M")
    tenths = value * 10 // unit
    return f"{tenths // 10}.{tenths % 10}{sign}" if tenths % 10 and tenths < 100 else f"{tenths // 10}{sign}"


def of(value: int, word: str) -> str:
    """12,345 runs, and 1 run."""
    return f"{number(value)} {word}" if value == 1 else f"{number(value)} {word}s"


def these(value: int) -> str:
    """These 12,345, and this one."""
    return "this one" if value == 1 else f"these {number(value)}"


def count(value: int, look: Look, tone: Tone = "") -> Cell:
    """A count; nothing is a quiet dot, and only something takes the tone."""
    return Cell(number(value), tone, value) if value else Cell(look.glyphs.dot, "dim", 0)


def span(seconds: float) -> str:
    """A length of time, as fine as matters at that length."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 10 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    if whole < 48 * 3600:
        return f"{whole // 3600} h"
    return f"{whole // 86_400} d"


def age(at_ms: int | None, now_ms: int, look: Look) -> str:
    """How long ago, or when; by the minute, so that a quiet screen stays quiet."""
    if at_ms is None:
        return "never"
    if look.exact:
        return moment(at_ms, look)
    seconds = (now_ms - at_ms) / 1000
    return "just now" if seconds < 60 else f"{span(seconds)} ago"


def ahead(at_ms: int, now_ms: int, look: Look) -> str:
    """How long until a moment, or which that is; by the minute."""
    seconds = (at_ms - now_ms) / 1000
    if seconds <= 0:
        return "now"
    if look.exact:
        return moment(at_ms, look)
    return "in < 1 min" if seconds < 60 else f"in {span(seconds)}"


def moment(at_ms: int | None, look: Look) -> str:
    """A moment in the console's time zone."""
    if at_ms is None:
        return "-"
    return datetime.fromtimestamp(at_ms / 1000, look.zone).strftime("%b %d %H:%M")


def narrow(words: str, at_ms: int | None, now_ms: int, look: Look) -> str:
    """What :func:`age` or :func:`ahead` says, in nine cells: no minutes beside hours, a weekday or a day alone."""
    if look.exact and at_ms is not None and words == moment(at_ms, look):
        near = abs(at_ms - now_ms) < 6 * 86_400_000
        return datetime.fromtimestamp(at_ms / 1000, look.zone).strftime("%a %H:%M" if near else "%b %d")
    head, hours, tail = words.partition(" h ")
    return f"{head} h{tail[tail.index(' m') + 2 :]}" if hours and " m" in tail else words


def bar(share: float | None, width: int, look: Look) -> str:
    """A bar of ``width`` cells; an unknown share is an empty bar with a question mark."""
    glyphs = look.glyphs
    if share is None:
        return "?".center(width, glyphs.void)
    filled = min(width, int(share * width + 0.5))
    return glyphs.full * filled + glyphs.void * (width - filled)


def percent(share: float | None) -> str:
    """A share in whole per cents; 100 only when it is all."""
    if share is None:
        return ""
    return f"{100 if share >= 1 else min(99, int(share * 100))}%"


def shown(value: object, look: Look) -> str:
    """The value of a field for people: lists with commas, nothing as a quiet dot. Foreign text, not safe yet."""
    if value in (None, "", [], ()):
        return look.glyphs.dot
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def clock_text(at_ms: int | None, look: Look, now_ms: int) -> str:
    """A moment and how long ago that is, or its offset."""
    if at_ms is None:
        return "unknown"
    if look.exact:
        return f"{moment(at_ms, look)} {offset_words(datetime.fromtimestamp(at_ms / 1000, look.zone))}"
    return f"{moment(at_ms, look)} ({age(at_ms, now_ms, look)})"
