"""``siscon audit``: who did what, the proof that nobody changed the list, and a copy that others can check."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import (
    config_option,
    filter_of,
    in_database,
    in_house,
    json_option,
    limit_option,
    moment_ms,
    where_option,
)
from siscon.config import Settings
from siscon.domain.commands import NoteExport
from siscon.domain.text import counted
from siscon.ops import activity, audit_files
from siscon.ops import audit as desk

PLACE = click.Path(path_type=Path, resolve_path=True, dir_okay=False)
COLUMNS = ("seq", "at", "actor", "role", "action", "target", "detail")


@click.group()
def audit() -> None:
    """List who did what, prove that nobody changed the list, and let others check it."""


def _choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which acts are chosen."""
    for option in (
        where_option,
        click.option("--until", metavar="WHEN", help="Before that."),
        click.option("--since", metavar="WHEN", help="Since 45min, 6h or 2d ago, or since 2026-11-20T05:00."),
        click.option("--target", metavar="TEXT", help="On what: a piece of it."),
        click.option("--action", metavar="TEXT", help="What: a piece of it, such as sync or denied."),
        click.option("--actor", metavar="TEXT", help="Who: a piece of it, such as kim or run:12."),
    ):
        command = option(command)
    return command


def _log(db: Any, settings: Settings, told: dict[str, Any]) -> activity.AuditLog:
    zone = ZoneInfo(settings.time_zone)
    since, until = (moment_ms(told[name], zone) if told[name] else None for name in ("since", "until"))
    meant = filter_of(told["where"], activity.AUDIT_COLUMNS)
    return activity.AuditLog(db, meant, told["actor"], told["action"], told["target"], since, until)


@audit.command("list")
@_choosing
@limit_option
@config_option
@json_option
def list_acts(config: Path | None, limit: int | None, *, as_json: bool, **told: Any) -> None:
    """List acts, oldest first; with --limit the newest so many."""
    settings = runtime.load_settings(config)

    async def rows(db: Any) -> AsyncIterator[output.Row]:
        async for one in desk.entries(_log(db, settings, told), limit=limit):
            detail = {name: value for name, value in one.detail.items() if as_json or name != "role"}
            yield {
                "seq": one.seq,
                "at": _moment(one.at_ms),
                "actor": one.actor,
                "role": one.detail.get("role"),
                "action": one.action,
                "target": one.target,
                "detail": detail if as_json else [f"{key} {value}" for key, value in detail.items()],
            }

    chosen = any(told.values())
    empty = "No act is like that." if chosen else "Nobody has done anything yet."
    in_database(settings, lambda db: output.stream(rows(db), COLUMNS, as_json=as_json, empty=empty))


@audit.command("export")
@click.argument("file", type=PLACE)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="Else by the ending of FILE.")
@_choosing
@config_option
@json_option
def export(file: Path, form: str | None, config: Path | None, *, as_json: bool, **told: Any) -> None:
    """Write acts with their seals into FILE, so that whoever has the key of the chain can check them elsewhere."""
    chosen: audit_files.Form = "csv" if (form or file.suffix.removeprefix(".")) == "csv" else "jsonl"

    async def work(house: runtime.House) -> None:
        async def note(rows: int) -> object:
            return await acts.carry_out(house, NoteExport("audit", rows, audit_files.COLUMNS))

        log = _log(house.db, house.settings, told)
        count = await audit_files.export(log, file, chosen, note, over=False)
        if as_json:
            output.card({"file": str(file), "format": chosen, "acts": count}, as_json=True)
        else:
            output.say(f"{counted(count, 'act')} written to {file}.")

    in_house(config, work)


@audit.command("key")
@click.argument("file", type=PLACE)
@config_option
def key(file: Path, config: Path | None) -> None:
    """Write the key of the chain into FILE, for whoever is to check an export elsewhere."""

    async def work(house: runtime.House) -> None:
        await acts.carry_out(house, NoteExport("key of the audit", 1, ("key",)))
        audit_files.write_key(file, await audit_files.chain_key(house.db, house.settings.home))
        output.say(
            f"The key is in {file}. With it and the database the chain could be forged: keep it apart."
        )

    in_house(config, work)


@audit.command("verify")
@click.option("--file", "file", type=click.Path(path_type=Path), help="Check an export instead.")
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path), help="With this key, and no installation."
)
@config_option
@json_option
def verify(config: Path | None, file: Path | None, key_file: Path | None, *, as_json: bool) -> int:
    """Check every act against the one before it, and the newest against what was kept outside the database."""
    if file is not None:
        return _verify_file(config, file, key_file, as_json=as_json)
    if key_file is not None:
        raise click.UsageError("--key goes with --file.")
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
            "uncovered": found.uncovered,
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
    output.note(_not_checked(found))
    return DONE


def _not_checked(found: desk.Verdict) -> str:
    """What a check cannot find, in words."""
    newest = f"the newest {counted(found.uncovered, 'act')}, which no head covers yet; and "
    return (
        f"Not checked: {newest if found.uncovered else ''}whether the heads were cut off together with the acts. "
        "Compare with a copy of the heads on another machine."
    )


def _verify_file(config: Path | None, file: Path, key_file: Path | None, *, as_json: bool) -> int:
    if key_file is not None:
        chain_key = audit_files.read_key(key_file)
    else:
        settings = runtime.load_settings(config)
        chain_key = in_database(settings, lambda db: audit_files.chain_key(db, settings.home))
    found = audit_files.verify(file, chain_key)
    whole = found.first_bad is None
    if as_json:
        told = {"whole": whole, "acts": found.acts, "first": found.first, "last": found.last}
        output.card({**told, "first_bad": found.first_bad, "left_out": found.left_out}, as_json=True)
    elif not whole:
        output.say(
            f"BROKEN: act {found.first_bad} of {file} is not as it was written; all before it are whole."
        )
    else:
        span = f", from {found.first} to {found.last}" if found.acts else ""
        output.say(f"Whole: {counted(found.acts, 'act')}{span}.")
        output.note(
            f"Not checked: {counted(found.left_out, 'act')} between them that the file does not hold, and what comes "
            "before and after."
        )
    return DONE if whole else FAILED


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
