"""What people read of causes: a subject with the word that matters, then what, since when, what to do. Counts only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from siscon.domain.notices import Cause, CauseState, Trouble
from siscon.domain.telling import Telling
from siscon.domain.text import counted, plain

SHOWN_MOST = 20
"""Of more causes in one message the rest is counted."""

_WORDS: Mapping[Trouble, str] = {
    Trouble.FAILING: "FAILING",
    Trouble.LOGIN: "LOGIN",
    Trouble.MISSED: "MISSED",
    Trouble.HELD: "HELD",
    Trouble.STALE: "STALE",
    Trouble.CHORE: "CHORE FAILED",
    Trouble.ENGINE: "ENGINE",
    Trouble.WEBHOOKS: "WEBHOOKS REFUSED",
    Trouble.CHANNEL: "CHANNEL DEAD",
}
_OVER: Mapping[Trouble, str] = {
    Trouble.FAILING: "syncs again",
    Trouble.LOGIN: "logs in again",
    Trouble.MISSED: "syncs by schedule again",
    Trouble.HELD: "no run is held any more",
    Trouble.STALE: "is fresh again",
    Trouble.CHORE: "went well again",
    Trouble.ENGINE: "the engine is well again",
    Trouble.WEBHOOKS: "no webhooks are refused any more",
    Trouble.CHANNEL: "takes messages again",
}
_NEXT: Mapping[Trouble, str] = {
    Trouble.FAILING: "Its schedule, if any, tries again; 'siscon sync' now. See 'siscon runs list', or Syncs (3).",
    Trouble.LOGIN: "A person must renew the login: see 'siscon tokens list', or Tokens (2).",
    Trouble.MISSED: "The next run makes up for it. See 'siscon schedules list', or Schedules (8).",
    Trouble.HELD: "A person must decide: see 'siscon plans list', or Plans (7). Nothing is applied until then.",
    Trouble.STALE: "See why with 'siscon status', or Health (1); 'siscon sync' imports now.",
    Trouble.CHORE: "It is tried again by itself. See 'siscon notices list' and the log.",
    Trouble.ENGINE: "See 'siscon status' and the log; 'siscon serve' starts an engine.",
    Trouble.WEBHOOKS: "See 'siscon events list', or Activity (9): a wrong key, or somebody who has none.",
    Trouble.CHANNEL: "See 'siscon notices list'; once it is mended, 'siscon notices retry' sends what waits.",
}


def word_of(cause: Cause) -> str:
    """The word that says how it is."""
    return "OK" if cause.is_over else _WORDS[cause.trouble]


def subject(told: Sequence[Telling], name: str) -> str:
    """One line for the head of a message: whose, the word, whom it concerns."""
    head = f"[{plain(name or 'siscon', limit=40)}]"
    if len(told) == 1:
        cause = told[0].before
        tail = _OVER[cause.trouble] if cause.is_over else _first_words(cause.text)
        return f"{head} {word_of(cause)} {cause.about}: {tail}"
    shown = ", ".join(f"{word_of(one.before)} {one.before.about}" for one in told[:5])
    return f"{head} {counted(len(told), 'cause')}: {shown}{' ...' if len(told) > 5 else ''}"


def body(told: Sequence[Telling], zone: tzinfo) -> str:
    """The whole text of a message."""
    parts = [_block(one, zone) for one in told[:SHOWN_MOST]]
    if len(told) > SHOWN_MOST:
        parts.append(
            f"And {counted(len(told) - SHOWN_MOST, 'more cause')}: 'siscon notices list' shows them."
        )
    return "\n\n".join(parts) + "\n"


def for_programs(told: Sequence[Telling]) -> dict[str, Any]:
    """The same for who reads JSON."""
    return {"type": "notice", "data": {"causes": [_row(one) for one in told]}}


def digest_lines(causes: Sequence[Cause], zone: tzinfo) -> list[str]:
    """One line for each cause, however many episodes it had, what is open first."""
    by_key: dict[str, list[Cause]] = {}
    for one in sorted(causes, key=lambda cause: cause.since_ms):
        by_key.setdefault(one.key, []).append(one)
    groups = sorted(by_key.values(), key=lambda one: (one[-1].is_over, one[0].since_ms))
    return [_digest_line(one, zone) for one in groups]


def _first_words(text: str) -> str:
    said = plain(text, limit=90)
    return said.partition(": ")[0] if len(said) > 70 and ": " in said else said


def _block(one: Telling, zone: tzinfo) -> str:
    cause = one.before
    since = _moment(cause.since_ms, zone)
    if cause.is_over:
        end = _moment(cause.over_at_ms or cause.last_ms, zone)
        times = f" ({_times(cause)})" if _times(cause) else ""
        return f"OK  {cause.about}: over since {end}.\nIt had lasted since {since}{times}: {cause.text}"
    grown = "This has changed since you were last told. " if cause.state is CauseState.CHANGED else ""
    lines = [
        f"{word_of(cause)}  {cause.about}  ({cause.level})",
        f"{grown}What: {cause.text}",
        f"Since: {since}"
        + (f", {_times(cause)}, last {_moment(cause.last_ms, zone)}" if _times(cause) else ""),
        f"Next: {_NEXT[cause.trouble]}",
        f"Be quiet about it: siscon notices mute {cause.id} --for 2h" if cause.id else "",
    ]
    return "\n".join(line for line in lines if line)


def _times(cause: Cause) -> str:
    return f"{cause.count} times in a row" if cause.count > 1 else ""


def _row(one: Telling) -> dict[str, Any]:
    cause = one.before
    state = "opened" if cause.state is CauseState.OPEN else cause.state.value
    return {
        "id": cause.id,
        "cause": cause.key,
        "integration": cause.integration,
        "trouble": cause.trouble.value,
        "level": cause.level.value,
        "state": state,
        "since": _iso(cause.since_ms),
        "last": _iso(cause.last_ms),
        "over_at": _iso(cause.over_at_ms) if cause.over_at_ms is not None else None,
        "count": cause.count,
        "text": cause.text,
    }


def _digest_line(episodes: Sequence[Cause], zone: tzinfo) -> str:
    first, last = episodes[0], episodes[-1]
    count = sum(max(1, one.count) for one in episodes)
    times = f"{counted(count, 'time')} " if count > 1 else ""
    span = f"since {_moment(first.since_ms, zone)}"
    if last.is_over:
        span = f"{span}, over since {_moment(last.over_at_ms or last.last_ms, zone)}"
    return f"{word_of(last)}  {last.about}: {last.trouble} {times}{span}: {last.text}"


def _moment(at_ms: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, zone):%a %d %b %H:%M %Z}"


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
