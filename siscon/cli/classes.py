"""The command that shows classes: who teaches, who is enrolled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import check_integration, config_option, in_house, json_option
from siscon.domain.errors import UsageError
from siscon.domain.records import Entity
from siscon.ops import classes as desk
from siscon.ops import rows

PLACE_COLUMNS = ("external_id", "student", "name", "status", "begins_on", "ends_on", "missing_since")


@click.command("classes")
@click.argument("integration")
@click.argument("entity", type=click.Choice([entity.value for entity in desk.KINDS]))
@click.argument("external_id")
@config_option
@json_option
def show_classes(
    integration: str, entity: str, external_id: str, config: Path | None, *, as_json: bool
) -> None:
    """Show a section, or the classes of a student or a teacher: course, teachers, enrollments with status and dates."""

    async def work(house: runtime.House) -> None:
        known = await rows.names(house.db)
        check_integration(house, integration, known)
        found = (
            await desk.class_rows(house.db, integration, Entity(entity), external_id)
            if integration in known
            else None
        )
        if found is None:
            raise UsageError(f"{integration} has no {entity} '{external_id}' in the local roster.")
        if as_json:
            output.show(found, (), as_json=True)
            return
        if not found:
            output.say(f"This {entity} has no classes.")
        for number, row in enumerate(found):
            if number:
                click.echo()
            _tell(row)

    in_house(config, work)


def _tell(row: dict[str, Any]) -> None:
    called = " ".join(one for one in (row["title"], row["number"], row["period"]) if one)
    output.say(f"Section {row['section']}  {called}  ({row['status']}, internal id {row['internal_id']})")
    terms = f", terms {', '.join(row['terms'])}" if row["terms"] else ""
    output.say(
        f"Course {row['course']}  {row['course_title'] or ''}, school {row['school'] or 'not told'}{terms}"
    )
    teachers = (f"{one['name']} ({one['external_id']}, {one['internal_id']})" for one in row["teachers"])
    output.say(f"Teachers: {', '.join(teachers) or 'none'}")
    output.show(row["enrollments"], PLACE_COLUMNS, as_json=False, empty="Nobody is enrolled.")
