"""``siscon audit``: who did what, and the proof that nobody changed the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import config_option, in_database, json_option, limit_option
from siscon.ops import audit as desk

COLUMNS = ("seq", "at", "actor", "action", "target", "detail")


@click.group()
def audit() -> None:
    """List who did what, and prove that nobody changed the list."""


@audit.command("list")
@limit_option
@config_option
@json_option
def list_acts(config: Path | None, limit: int | None, *, as_json: bool) -> None:
    """List acts, oldest first; with --limit the newest so many."""
    settings = runtime.load_settings(config)

    async def rows(db: Any) -> AsyncIterator[output.Row]:
        async for one in desk.entries(db, limit=limit):
            told = one.detail if as_json else [f"{key} {value}" for key, value in one.detail.items()]
            yield {
                "seq": one.seq,
                "at": _moment(one.at_ms),
                "actor": one.actor,
                "action": one.action,
                "target": one.target,
                "detail": told,
            }

    in_database(
        settings,
        lambda db: output.stream(rows(db), COLUMNS, as_json=as_json, empty="Nobody has done anything yet."),
    )


@audit.command("verify")
@config_option
@json_option
def verify(config: Path | None, *, as_json: bool) -> int:
    """Check every act against the one before it, and the newest against what was kept outside the database."""
    settings = runtime.load_settings(config)
    found = in_database(settings, lambda db: desk.verify(db, settings.home))
    kept_at = _moment(found.newest_head_at_ms) if found.newest_head_at_ms is not None else None
    if as_json:
        told = {
            "whole": found.is_whole,
            "acts": found.acts,
            "first_bad": found.first_bad,
            "heads": found.heads,
            "newest_head": found.newest_head_seq or None,
            "newest_head_at": kept_at,
            "head_fault": found.head_fault or None,
        }
        output.card(told, as_json=True)
        return DONE if found.is_whole else FAILED
    if found.first_bad is not None:
        output.say(f"BROKEN: act {found.first_bad} was changed, removed or put in; all before it are whole.")
    if found.head_fault:
        output.say(f"BROKEN: {found.head_fault}.")
    if not found.is_whole:
        return FAILED
    since = (
        f"the newest was kept {kept_at} and covers act {found.newest_head_seq}"
        if kept_at
        else "none is kept yet"
    )
    output.say(f"Whole: {found.acts:,} acts. {found.heads:,} heads beside the log agree; {since}.")
    return DONE


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
