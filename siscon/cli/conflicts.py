"""Commands about conflicts: list and show them, decide one, decide all that are alike."""

from __future__ import annotations

from pathlib import Path

import click

from siscon import runtime
from siscon.cli import acts, output
from siscon.cli.operate import finish
from siscon.cli.options import (
    check_integration,
    config_option,
    entity_of,
    entity_option,
    filter_of,
    in_house,
    integration_option,
    json_option,
    limit_option,
    reason_option,
    sure,
    where_option,
    yes_option,
)
from siscon.domain.commands import SettleConflict, SettleConflicts
from siscon.domain.conflicts import Conflict, ConflictKind
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.identity import WORDS
from siscon.domain.kept_filters import keep
from siscon.ops import conflicts as desk
from siscon.ops import rows

COLUMNS = (
    *(
        "id",
        "integration",
        "entity",
        "external_id",
        "internal_id",
        "kind",
        "other_external_id",
        "why",
        "fields",
    ),
    "opened_at",
)
SIDES = ("field", "agreed", "sis", "local", "decided")
PEOPLE = ("field", "newcomer", "known")
TAKE = click.Choice(["sis", "local"])
DECISIONS = click.Choice(["sis", "local", *(word for words in WORDS.values() for word in words)])


@click.group()
def conflicts() -> None:
    """Look at the fields and people that wait for a decision, and decide."""


@conflicts.command("list")
@integration_option
@entity_option
@where_option
@limit_option
@config_option
@json_option
def list_conflicts(
    config: Path | None,
    integration: str | None,
    entity: str | None,
    where: str,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """List fields that both sides changed, ids that came back as somebody else, people who are possibly one."""

    async def work(house: runtime.House) -> None:
        check_integration(house, integration, await rows.names(house.db))
        meant = filter_of(where, desk.COLUMNS)
        chosen = desk.Chosen(integration, entity_of(entity), where=meant)
        found = rows.conflict_rows(house.db, chosen, limit=limit)
        empty = output.none_of("No conflict is open.", entity, where)
        await output.stream(found, COLUMNS, as_json=as_json, empty=empty)

    in_house(config, work)


@conflicts.command("show")
@click.argument("conflict_id", type=int, metavar="ID")
@config_option
@json_option
def show_conflict(conflict_id: int, config: Path | None, *, as_json: bool) -> None:
    """Show the versions of each field side by side; of possible duplicates the newcomer beside who was known."""

    async def work(house: runtime.House) -> None:
        found = await _find(house, conflict_id)
        row = rows.conflict_row(found)
        if as_json:
            output.card(row, as_json=True)
            return
        sides = {name: row.pop(name) for name in ("base", "sis", "local", "decision", "fields")}
        output.card(row, as_json=False)
        click.echo()
        if found.kind is ConflictKind.DUPLICATE:
            both = [
                {"field": name, "newcomer": sides["sis"].get(name), "known": sides["local"].get(name)}
                for name in sides["fields"]
            ]
            output.show(both, PEOPLE, as_json=False)
            return
        told = [
            {
                "field": name,
                "agreed": sides["base"].get(name),
                "sis": sides["sis"].get(name),
                "local": sides["local"].get(name),
                "decided": sides["decision"].get(name),
            }
            for name in sides["fields"]
        ]
        output.show(told, SIDES, as_json=False)

    in_house(config, work)


async def _find(house: runtime.House, conflict_id: int) -> Conflict:
    found = await desk.find(house.db, conflict_id)
    if found is None:
        raise UsageError(f"There is no conflict {conflict_id}: 'siscon conflicts list' shows the open ones.")
    return found


@conflicts.command("settle")
@click.argument("conflict_id", type=int, metavar="ID")
@click.option(
    "--take",
    type=DECISIONS,
    help="sis or local for every field that --field does not name; same or another for an id that came back as "
    "somebody else; merge or apart for two records that are possibly one person.",
)
@click.option(
    "--survivor", metavar="ID", help="With merge: the id whose record stays; else the one known first."
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=sis|local|=VALUE",
    help="One field: email=sis, email=local, or email==kim@example.org for a third value. Again for others.",
)
@click.option("--reason", default="", metavar="WHY", help="Why; it stands in the audit beside your name.")
@config_option
def settle_conflict(
    conflict_id: int,
    take: str | None,
    survivor: str | None,
    fields: tuple[str, ...],
    reason: str,
    config: Path | None,
) -> None:
    """Decide one conflict; it is remembered, and asked again only when the SIS changes the field."""

    async def work(house: runtime.House) -> None:
        found = await _find(house, conflict_id)
        told = _told(found, take, survivor, _choices(fields))
        await acts.ask(
            house, SettleConflict(found.id, told, found.sis_fingerprint, found.local_version, reason)
        )

    in_house(config, work)


def _told(found: Conflict, take: str | None, survivor: str | None, fields: dict[str, str]) -> dict[str, str]:
    """The choices in the words of the command; raises ``UsageError`` for those of another kind of question."""
    if found.kind is ConflictKind.FIELDS:
        if survivor or take not in (None, "sis", "local"):
            raise UsageError(
                f"Conflict {found.id} is about fields: take sis or local, or name values with --field."
            )
        choices = dict.fromkeys(found.sis, take) if take else {}
        return {name: choice for name, choice in {**choices, **fields}.items() if choice}
    if fields or take is None:
        words = " or ".join(WORDS[found.kind])
        raise UsageError(f"Conflict {found.id} asks who is who: choose --take {words}.")
    return {"identity": take, **({"survivor": survivor} if survivor else {})}


def _choices(fields: tuple[str, ...]) -> dict[str, str]:
    choices = {}
    for told in fields:
        name, found, choice = told.partition("=")
        if not found or not name:
            raise UsageError("Write a field as email=sis, email=local or email==a value.")
        choices[name] = choice
    return choices


@conflicts.command("settle-all")
@click.argument("integration")
@entity_option
@click.option("--field", metavar="NAME", help="Decide this field alone; else every field in question.")
@click.option("--sis", metavar="VALUE", help="Only where the SIS has this value of the field.")
@click.option("--local", metavar="VALUE", help="Only where this value of the field stands here.")
@click.option("--base", metavar="VALUE", help="Only where this value of the field was agreed on before.")
@where_option
@click.option("--take", type=TAKE, required=True, help="Which side holds.")
@click.option("--wait", is_flag=True, help="Wait for the end; where no engine is alive, run one for as long.")
@reason_option
@yes_option
@config_option
@json_option
def settle_all(
    integration: str,
    take: str,
    reason: str,
    where: str,
    config: Path | None,
    *,
    wait: bool,
    yes: bool,
    as_json: bool,
    **told: str,
) -> int:
    """Decide every open conflict that is alike, after showing how many they are."""
    alike = {name: value for name, value in told.items() if value is not None}
    pattern = alike | keep(filter_of(where, desk.COLUMNS))

    async def work(house: runtime.House) -> int:
        check_integration(house, integration, await rows.names(house.db))
        found = await desk.preview(house.db, integration, pattern)
        if not found.count:
            output.note("No open conflict matches.")
            return 0
        side = "the SIS" if take == "sis" else "the local roster"
        names = ", ".join(one.external_id for one in found.examples)
        output.note(f"{found.count} open conflicts match ({names} ...): {side} would hold in each.")
        sure(f"Decide these {found.count}?", yes=yes)
        row = await acts.carry_out(
            house, SettleConflicts(integration, pattern, take, found.count, found.up_to, reason)
        )
        output.note(row.answer)
        if row.run_id is None:
            raise SisconError(f"No run was queued for {integration}: {row.answer}")
        return await finish(house, [row.run_id], as_json=as_json) if wait else 0

    return in_house(config, work)
