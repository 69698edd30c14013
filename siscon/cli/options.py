"""Options that many commands share, and the frame in which a command opens the house."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from siscon import runtime
from siscon.cli import needs
from siscon.config import Settings
from siscon.domain.errors import UsageError
from siscon.domain.filters import Filter, Named, parse
from siscon.domain.records import Entity
from siscon.domain.roles import Role
from siscon.domain.text import plain
from siscon.ops import commands as desk
from siscon.ops.actor import role_here

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def _config_of(ctx: click.Context, _param: click.Parameter, value: str | None) -> Path | None:
    chosen = value or ctx.find_root().params.get("config")
    return Path(chosen) if chosen else None


def config_option(command: F) -> F:
    """``--config FILE``, before or after the name of the command."""
    return click.option(
        "--config",
        "config",
        metavar="FILE",
        callback=_config_of,
        help="The configuration; else $SISCON_CONFIG, else ./config.yaml.",
    )(command)


def json_option(command: F) -> F:
    """``--json``: one object a line, with stable keys."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with stable keys.")(
        command
    )


def entity_option(command: F) -> F:
    """``--entity E``: one kind of record."""
    names = [entity.value for entity in Entity]
    return click.option("--entity", type=click.Choice(names), help="One kind of record; else all.")(command)


def entities_option(command: F) -> F:
    """``--entity E``, as often as wanted: some kinds of records."""
    return click.option(
        "--entity",
        "entities",
        multiple=True,
        type=click.Choice([entity.value for entity in Entity]),
        help="One kind of record, may be given again; else all.",
    )(command)


def integration_option(command: F) -> F:
    """``--integration I``: one connection."""
    return click.option("--integration", metavar="NAME", help="One integration; else all.")(command)


def where_option(command: F) -> F:
    """``--where EXPR``: only the rows that a filter of the console's language means."""
    return click.option(
        "--where", default="", metavar="EXPR", help="Only these rows, such as 'attempts>=3 age>2d !east'."
    )(command)


def filter_of(text: str, known: Iterable[Named]) -> Filter:
    """What ``--where`` means for a list with these columns; its dates are in UTC, as all that commands print."""
    return parse(text, known, now_ms=now_ms())


def reason_option(command: F) -> F:
    """``--reason WHY``: must be told."""
    return click.option(
        "--reason", required=True, metavar="WHY", help="Why; it stands in the audit beside your name."
    )(command)


def yes_option(command: F) -> F:
    """``--yes``: do not ask."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def has_person() -> bool:
    """Whether somebody sits at the other end who can answer."""
    return sys.stdin.isatty()


def sure(question: str, *, yes: bool, word: str = "") -> None:
    """Ask before what is weighty, unless that was agreed to; raises ``UsageError`` where there is nobody to ask.

    With a ``word`` that has to be typed: a yes is too quickly given for what nothing brings back.
    """
    if yes:
        return
    if not has_person():
        raise UsageError(f"{question} There is no terminal to ask: add --yes if you mean it.")
    if not word:
        click.confirm(question, abort=True)
    elif click.prompt(f"{question} Type {word} to go on", default="", show_default=False).strip() != word:
        raise click.Abort


def limit_option(command: F) -> F:
    """``--limit N``: not more rows than these."""
    return click.option(
        "--limit", type=click.IntRange(min=1), metavar="N", help="At most so many rows; else all."
    )(command)


def entity_of(name: str | None) -> Entity | None:
    """The kind of record that an option names."""
    return Entity(name) if name else None


def now_ms() -> int:
    """This moment."""
    return time.time_ns() // 1_000_000


def in_house(config: Path | None, work: Callable[[runtime.House], Awaitable[T]]) -> T:
    """Open the database of a configuration, do the work, close it again."""

    async def opened() -> T:
        async with runtime.open_house(runtime.load_settings(config), for_person=True) as house:
            what, needed = needs.asked()
            await house.need(what, needed)
            return await work(house)

    return asyncio.run(opened())


def in_database(settings: Settings, work: Callable[[Any], Awaitable[T]]) -> T:
    """Open the database alone, also where its key is missing, do the work, close it again."""

    async def opened() -> T:
        what, needed = needs.asked()
        actor, role = role_here(settings.role_rules)
        db = await runtime.open_database(settings, for_person=True)
        try:
            await desk.need(db, what, needed, actor=actor, role=role)
            return await work(db)
        finally:
            await db.close()
            if needed > Role.VIEWER:
                await runtime.settle_audit(settings)

    return asyncio.run(opened())


def check_integration(house: runtime.House, name: str | None, known: list[str]) -> None:
    """Refuse a name that neither the configuration nor the database knows."""
    everybody = sorted({*known, *house.settings.integrations})
    if name is not None and name not in everybody:
        told = ", ".join(everybody) or "none yet"
        raise UsageError(f"There is no integration '{name}'. Known are: {told}.", code="no_such_integration")


def pairs(told: tuple[str, ...], option: str, example: str = "email=kim@example.org") -> dict[str, str]:
    """``name=value`` arguments of an option as a mapping; raises ``UsageError`` for what is none."""
    found = {}
    for one in told:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise UsageError(f"Write {option} as name=value, such as {option} {example}.")
        found[name] = value
    return found


UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def moment_ms(text: str, zone: ZoneInfo) -> int:
    """The moment that a text means: so long ago, or a time, which without a zone is the configuration's."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = UNITS.get(text[len(number) :])
    try:
        if unit and number.isdigit():
            at = datetime.now(UTC) - timedelta(**{unit: int(number)})
        else:
            at = datetime.fromisoformat(text)
            at = at if at.tzinfo else at.replace(tzinfo=zone)
        return int(at.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{plain(text, limit=40)}' is no moment: write 45min, 6h or 2d, or a time such as 2026-11-20T05:00."
        ) from error
