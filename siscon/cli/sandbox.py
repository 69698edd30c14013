"""``siscon sandbox``: invented districts behind real servers, a day that passes, and what is true there."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import click

from siscon.cli import output
from siscon.cli.options import entity_option, integration_option, json_option
from siscon.domain.errors import SisconError, UsageError
from siscon.domain.records import FIELDS, Entity
from siscon.ops.actor import check_practice
from siscon.sandbox import csv_drop, launch, truth
from siscon.sandbox import state as states
from siscon.sandbox.state import SandboxState
from siscon.sandbox.systems import ALL_SYSTEMS, ONEROSTER, POWERSCHOOL
from siscon.sandbox.world import district_of

STUDENTS, SEED = 500, 1
SIZE = click.IntRange(10, 1_000_000)

home_option = click.option("--home", metavar="DIR", help="The folder in which the sandbox remembers its day.")
port_option = click.option(
    "--port",
    type=click.IntRange(0, 65_531),
    metavar="P",
    help="The first of five ports; 0: any that are free.",
)


def state_at(path: Path, *, students: int | None, seed: int | None, port: int) -> SandboxState:
    """The district that a state file remembers, else a new one; refuses to become another district."""
    if not path.is_file():
        return SandboxState(seed=seed or SEED, students=students or STUDENTS, day=0, port=port, path=path)
    state = _loaded(path)
    for word, wanted, known in (("--students", students, state.students), ("--seed", seed, state.seed)):
        if wanted is not None and wanted != known:
            raise UsageError(
                f"The district in {path.parent} has {word} {known}, not {wanted}: leave {word} out to go on with it, "
                "or name another --home for a new one.",
                code="other_district",
            )
    if port:
        state = SandboxState(state.seed, state.students, state.day, port, path, (), state.moments)
    return state


def _loaded(path: Path) -> SandboxState:
    try:
        return states.load(path)
    except (OSError, ValueError) as error:
        raise SisconError(f"{error}.", code="sandbox_state") from error


def _found(home: str | None, port: int | None) -> SandboxState:
    """The sandbox that is meant: the one at a place, else the one that was started last."""
    if home is None and port is None:
        path = states.latest()
        if path is None:
            raise UsageError(
                "No sandbox was ever started here: start one with 'siscon sandbox'.", code="no_sandbox"
            )
        return _loaded(path)
    path = states.path_for(port or states.DEFAULT_PORT, Path(home) if home else None)
    if not path.is_file():
        raise UsageError(
            f"There is no sandbox at {path}: start one with 'siscon sandbox'.", code="no_sandbox"
        )
    return _loaded(path)


@click.group(invoke_without_command=True)
@click.option(
    "--students",
    type=SIZE,
    metavar="N",
    help=f"Size of each district; {STUDENTS} where nothing else is said.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="S", help=f"Which district of many; {SEED} if not said."
)
@port_option
@home_option
@click.option("--real-limits", is_flag=True, help="60, 100, 80 and 120 requests a minute, not 60,000.")
@click.option("--print-config", is_flag=True, help="Print a complete config.yaml for this sandbox, and end.")
@click.option(
    "--webhook",
    default="",
    metavar="URL",
    help="Tell this receiver what each day changes, such as http://127.0.0.1:8480/webhooks.",
)
@click.option("--until-eof", is_flag=True, hidden=True, help="End when standard input ends.")
@click.pass_context
def sandbox(ctx: click.Context, /, **asked: Any) -> int:
    """Serve invented districts as PowerSchool, Infinite Campus, Skyward and OneRoster would, here alone."""
    check_practice("sandbox")
    return _begin(**asked) if ctx.invoked_subcommand is None else 0


@sandbox.command("serve")
@click.pass_context
def serve(ctx: click.Context) -> int:
    """Serve until ctrl-C: the same as 'siscon sandbox' alone, with its options before this word."""
    return _begin(**(ctx.parent.params if ctx.parent else {}))


def _begin(
    students: int | None,
    seed: int | None,
    port: int | None,
    home: str | None,
    webhook: str,
    *,
    real_limits: bool,
    print_config: bool,
    until_eof: bool,
) -> int:
    if webhook and not webhook.startswith(("http://", "https://")):
        raise UsageError("--webhook is an address, such as http://127.0.0.1:8480/webhooks.")
    at = states.DEFAULT_PORT if port is None else port
    path = states.path_for(at, Path(home) if home else None)
    state = state_at(
        path, students=students, seed=seed, port=at if port is not None or not path.is_file() else 0
    )
    if print_config:
        click.echo(
            launch.print_config(
                state,
                real_limits=real_limits,
                home=str(Path(home).absolute()) if home else "siscon-home",
                webhook=bool(webhook),
            ),
            nl=False,
        )
        return 0
    where = f" --home {home}" if home else "" if at == states.DEFAULT_PORT else f" --port {at}"
    return asyncio.run(_serve(state, "real" if real_limits else "fast", where, webhook, until_eof=until_eof))


async def _serve(state: SandboxState, limits: str, where: str, webhook: str, *, until_eof: bool) -> int:
    loop = asyncio.get_running_loop()
    serving = asyncio.ensure_future(
        launch.serve(
            state,
            limits,
            on_ready=lambda ready: _tell(ready, where + (f" --webhook {webhook}" if webhook else "")),
            webhook=webhook,
            said=output.say,
        )
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, serving.cancel)
    if until_eof:
        loop.add_reader(0, lambda: serving.cancel() if not _more_input() else None)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    except launch.PortInUse as error:
        raise SisconError(f"{error}.", code="port_in_use") from error
    return 0


def _more_input() -> bool:
    with open(0, "rb", buffering=0, closefd=False) as stream:
        return bool(stream.read(4096))


def _tell(state: SandboxState, where: str) -> None:
    output.say(
        f"Sandbox of {state.students} students, seed {state.seed}, day {state.day}; all people are invented."
    )
    for name, system in ALL_SYSTEMS.items():
        output.say(f"  {system.title:16} http://127.0.0.1:{state.ports[system.port]}  ({name})")
    output.say(
        f"A configuration for it: siscon sandbox{where} --print-config > config.yaml. End it with ctrl-C."
    )


@sandbox.command("advance")
@home_option
@port_option
@json_option
def advance(home: str | None, port: int | None, *, as_json: bool) -> None:
    """Let a day pass: people join, leave, move, are corrected; a few records come broken."""
    state = _found(home, port)
    counts = launch.advance(state)
    rows = [{"integration": name, "day": state.day, **told} for name, told in counts.items()]
    columns = tuple(rows[0]) if rows else ("integration", "day")
    output.show(rows, columns, as_json=as_json)


@sandbox.command("csv")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@integration_option
@click.option(
    "--version", type=click.Choice(csv_drop.VERSIONS), default="1.2", help="The version of OneRoster."
)
@click.option("--delta", is_flag=True, help="Only what the last day changed, instead of all.")
@home_option
@port_option
@json_option
def export_csv(
    folder: Path,
    integration: str | None,
    home: str | None,
    port: int | None,
    *,
    version: str,
    delta: bool,
    as_json: bool,
) -> None:
    """Write a district as a zip of OneRoster CSV into a folder, for integrations that read files."""
    state = _found(home, port)
    name = integration or ONEROSTER.name
    if name not in ALL_SYSTEMS or name == POWERSCHOOL.name:
        known = ", ".join(one for one in ALL_SYSTEMS if one != POWERSCHOOL.name)
        raise UsageError(f"'{name}' is not exported as CSV. These are: {known}.", code="no_such_system")
    if delta and not state.day:
        raise UsageError(
            "No day has passed yet: let one pass with 'siscon sandbox advance'.", code="nothing_changed"
        )
    district = district_of(name, state)
    try:
        made = csv_drop.export(district, folder, version=version, since_day=state.day if delta else None)
    except OSError as error:
        raise SisconError(f"{folder} cannot be written: {error.strerror}.", code="unwritable") from error
    row = {"integration": name, "day": state.day, "file": str(made), "bytes": made.stat().st_size}
    output.show([row], tuple(row), as_json=as_json)


@sandbox.command("truth")
@integration_option
@entity_option
@click.option("--broken", is_flag=True, help="Only the records that nobody can apply, with the reason.")
@home_option
@port_option
@json_option
def show_truth(
    integration: str | None,
    entity: str | None,
    home: str | None,
    port: int | None,
    *,
    broken: bool,
    as_json: bool,
) -> None:
    """Print what the districts hold today, record by record, to compare with."""
    state = _found(home, port)
    if integration is not None and integration not in ALL_SYSTEMS:
        known = ", ".join(ALL_SYSTEMS)
        raise UsageError(f"The sandbox has no system '{integration}'. It has {known}.", code="no_such_system")
    entities = [Entity(entity)] if entity else list(Entity)
    for name in [integration] if integration else ALL_SYSTEMS:
        district = district_of(name, state)
        for kind in entities:
            told = truth.broken if broken else truth.rows
            fields = ["reason"] if broken else [rule.name for rule in FIELDS[kind]][:5]
            columns = ("integration", "entity", "external_id", *fields)
            output.show(told(ALL_SYSTEMS[name], district, kind.value), columns, as_json=as_json)
