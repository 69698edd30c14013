"""``siscon keys``: make, examine, rotate and take out of use the keys that seal what is secret in the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.exit_codes import DONE, FAILED
from siscon.cli.options import config_option, in_database, json_option, now_ms
from siscon.domain.errors import UsageError
from siscon.ops import keys as work_on
from siscon.ops.actor import role_here

COLUMNS = ("key_id", "state", "protects")


@click.group()
def keys() -> None:
    """Make, examine, rotate and take out of use the keys that seal logins and kept answers."""


@keys.command("generate")
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="Where to; else the key file of the home."
)
@config_option
@json_option
def generate(config: Path | None, out: Path | None, *, as_json: bool) -> None:
    """Write a new key into a file that is not there yet; nothing is ever overwritten, no key is ever shown."""
    path = out
    if path is None:
        settings = runtime.load_settings(config)
        actor, role = role_here(settings.role_rules)
        path = in_database(
            settings, lambda db: work_on.free_key_file(db, settings.home, actor=actor, role=role)
        )
    key_id = work_on.generate(path)
    if as_json:
        output.show([{"key_id": key_id, "file": str(path)}], (), as_json=True)
    else:
        output.say(
            f"Key {key_id} is in {path}. Keep a copy apart from the database: what it seals is lost without it."
        )


@keys.command("check")
@config_option
@json_option
def check(config: Path | None, *, as_json: bool) -> int:
    """Say where the keys come from, what each protects, and what cannot be opened."""
    settings = runtime.load_settings(config)
    source = work_on.source_of(settings.home)
    order = work_on.places(settings.home)
    if not as_json:
        told = "; ".join(f"{name}: {'there' if there else 'not there'}" for name, there in order)
        output.say(f"Keys are looked for in this order: {told}.")
    report = in_database(settings, lambda db: work_on.check(db, source))
    if as_json:
        output.card(
            {
                "source": report.source,
                "places": [{"place": name, "there": there} for name, there in order],
                "keys": [_told(one, as_json=True) for one in report.keys],
                "unreadable": dict(report.unreadable),
            },
            as_json=True,
        )
        return DONE if report.is_good else FAILED
    output.say(f"Keys come from the {report.source}.")
    output.show([_told(one, as_json=False) for one in report.keys], COLUMNS, as_json=False)
    if report.is_good:
        output.say("Every sealed value can be opened.")
        return DONE
    told = ", ".join(f"{number:,} in {table}" for table, number in report.unreadable.items())
    output.say(
        f"Cannot be opened: {told}. Put the missing key behind the others; where none is missing, the values were "
        "changed: renew those logins, discard those dead records, or restore a backup."
    )
    return FAILED


def _told(one: work_on.KeyUse, *, as_json: bool) -> dict[str, Any]:
    protects: Any = dict(one.protects)
    if not as_json:
        protects = ", ".join(f"{table} {number:,}" for table, number in one.protects.items()) or "nothing"
    state = "seals" if one.seals else "opens" if one.here else "missing"
    return {"key_id": one.key_id, "state": state, "protects": protects}


@keys.command("rotate")
@config_option
@json_option
def rotate(config: Path | None, *, as_json: bool) -> int:
    """Let a new key seal, and seal anew what older ones sealed; an engine may run on, and this may be cut off."""
    settings = runtime.load_settings(config)
    source = work_on.source_of(settings.home)
    actor, role = role_here(settings.role_rules)

    def tell(done: int) -> None:
        output.note(f"{done:,} values sealed anew")

    done = in_database(
        settings,
        lambda db: work_on.rotate(db, source, actor=actor, role=role, now_ms=now_ms, on_batch=tell),
    )
    if as_json:
        told = {"key_id": done.key_id, "new": done.is_new, "resealed": done.resealed, "left": done.left}
        output.show([told], (), as_json=True)
    elif done.left:
        output.say(
            f"Key {done.key_id} seals; {done.resealed:,} values were sealed anew, {done.left:,} are still under "
            "older keys. Look with 'siscon keys check' and repeat this."
        )
    else:
        output.say(
            f"Key {done.key_id} seals; {done.resealed:,} values were sealed anew and older keys protect nothing. "
            "Copy the key file to where its backup lies, then run 'siscon keys prune'."
        )
    return FAILED if done.left else DONE


@keys.command("prune")
@click.option("--yes", is_flag=True, help="Do it; without, only the counts are shown.")
@config_option
@json_option
def prune(config: Path | None, *, yes: bool, as_json: bool) -> int:
    """Take older keys out of use that protect nothing; backups from before the rotation still need them."""
    settings = runtime.load_settings(config)
    source = work_on.source_of(settings.home)
    actor, role = role_here(settings.role_rules)
    done = in_database(
        settings,
        lambda db: work_on.prune(db, source, confirmed=yes, actor=actor, role=role, now_ms=now_ms),
    )
    rows = [
        {"key_id": key_id, "protects": number, "removed": key_id in done.removed}
        for key_id, number in done.protects.items()
    ]
    output.show(rows, ("key_id", "protects", "removed"), as_json=as_json, empty="There is no older key.")
    if done.removed and not source.is_ours:
        output.note(f"Take the removed keys out of the {source.name} yourself.")
    free = [key_id for key_id, number in done.protects.items() if not number]
    if free and not yes:
        raise UsageError(
            f"{len(free)} older keys protect nothing. Backups from before the rotation need them: keep a copy with "
            "those, then repeat this with --yes.",
            code="not_confirmed",
        )
    return FAILED if len(free) < len(done.protects) else DONE
