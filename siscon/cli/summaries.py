"""What a run came to, in lines for people; of what did not happen nothing is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from siscon.cli import output
from siscon.domain.text import agreed, counted

Summary = Mapping[str, Any]


def tell(summary: Summary) -> None:
    """Say what a run came to."""
    for name, text in _lines(summary):
        output.say(f"{name:10} {text}")


def _lines(told: Summary) -> Iterator[tuple[str, str]]:
    yield (
        "processed",
        ", ".join(
            [str(told["processed"])]
            + [
                f"{told[name]} {word}"
                for name, word in (
                    ("created", "created"),
                    ("updated", "updated"),
                    ("unchanged", "unchanged"),
                    ("conflict", "in conflict"),
                    ("skipped", "skipped"),
                    ("failed", "in error"),
                )
                if told[name]
            ]
        ),
    )
    drops = told["drops"]
    if any(drops.values()):
        yield (
            "drops",
            (f"{drops['missing']} missing, {drops['withdrawn']} withdrawn, {drops['came_back']} came back"),
        )
    yield from _movements(told)
    if told["accounts"]:
        named = ", ".join(_records(count, entity) for entity, count in told["accounts"].items())
        every = sum(told["accounts"].values())
        yield "accounts", f"{named} {agreed(every, 'was', 'were')} named"
    yield from _faults(told)
    yield "took", f"{told['seconds']:.1f} s, {counted(told['requests'], 'request')}"


def _movements(told: Summary) -> Iterator[tuple[str, str]]:
    for what, moves in told["transfers"].items():
        if moves["count"]:
            some = ", ".join(f"{one['student']}: {one['from']} to {one['to']}" for one in moves["examples"])
            more = " ..." if moves["count"] > len(moves["examples"]) else ""
            yield "transfers", f"{moves['count']} between {what} ({some}{more})"
    if n := told["sections_with_other_teachers"]:
        yield "teachers", f"{counted(n, 'section')} {agreed(n, 'has', 'have')} other teachers"
    for one in told["status_changes"]:
        yield "status", f"{_records(one['count'], one['entity'])} went from {one['from']} to {one['to']}"


def _records(count: int, entity: str) -> str:
    return f"{count} {entity} record" if count == 1 else f"{count} {entity} records"


def _faults(told: Summary) -> Iterator[tuple[str, str]]:
    if told["conflict"]:
        wait = agreed(told["conflict"], "waits", "wait")
        command = f"siscon conflicts list --integration {told['integration']}"
        yield "conflicts", f"{told['conflict']} {wait} for a person: '{command}'"
    for one in told["errors"]:
        some = ", ".join(one["examples"])
        yield "errors", f"{_records(one['count'], one['entity'])} ({some}): {one['reason']}"
    if told["errors"]:
        yield "errors", f"'siscon errors list --run {told['run_id']}' lists them"
    elif told["failed"]:
        yield "errors", f"{told['failed']}, of which nothing is left open by this run"
    if told["warnings"]:
        yield "warnings", f"{told['warnings']}: the events of the run say which"
