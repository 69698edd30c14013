"""``siscon service``: the units by which systemd runs the engine."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import click

from siscon import runtime
from siscon.cli import output
from siscon.cli.options import config_option
from siscon.ops import units

ACCOUNT = "siscon"


@click.group()
def service() -> None:
    """Have systemd run the engine: units for it, printed."""


@service.command("install")
@click.option("--print", "only_print", is_flag=True, help="Print the unit and nothing else.")
@click.option("--user", is_flag=True, help="A unit of your own account, without an administrator.")
@click.option(
    "--account", default=ACCOUNT, show_default=True, metavar="NAME", help="The account that runs it."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Hand the key in as a credential from this file, which only root can read.",
)
@config_option
def install(config: Path | None, account: str, key: Path | None, *, only_print: bool, user: bool) -> None:
    """Print the unit, or say which commands install it; siscon itself never writes there."""
    settings = runtime.load_settings(config)
    copies = () if settings.backups.is_relative_to(settings.home) else (settings.backups,)
    page = settings.metrics.textfile
    wanted = units.Wanted(
        program=_program(),
        config=settings.file,
        home=settings.home,
        interpreter=Path(sys.executable).resolve(),
        writable=(*copies, *((page.parent,) if page else ())),
        account=account,
        key=key.absolute() if key else None,
    )
    if only_print:
        click.echo(units.user_unit(wanted) if user else units.system_unit(wanted), nl=False)
        return
    whose = "your own account" if user else f"the account {account}; as root"
    output.say(f"siscon writes no unit. These commands install one for {whose}:")
    printing = _printing(wanted, user=user)
    for step in units.steps(user=user, account=account, folders=(wanted.home, *copies), printing=printing):
        output.say(f"  {step}")
    if not user and (hidden := units.in_homes(wanted)):
        output.note(
            f"{hidden[0]} lies in somebody's own folder, where the account {account} can seldom come: give siscon a "
            "Python of the system, and places such as /opt/siscon, /etc/siscon and /var/lib/siscon."
        )
    output.say("docs/operating.md tells about keys and secrets as credentials, and about upgrades.")


def _printing(wanted: units.Wanted, *, user: bool) -> str:
    """The command that prints this unit, wherever it is run."""
    words = [*wanted.program, "service", "install", *(["--user"] if user else []), "--print"]
    words += ["--config", str(wanted.config)]
    if not user:
        words += ["--account", wanted.account] if wanted.account != ACCOUNT else []
        words += ["--key", str(wanted.key)] if wanted.key else []
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    given = f"CREDENTIALS_DIRECTORY={shlex.quote(folder)} " if folder else ""
    return given + shlex.join(words)


def _program() -> tuple[str, ...]:
    """What starts this siscon: its own script beside the interpreter, else the interpreter itself."""
    script = Path(sys.executable).with_name("siscon")
    if script.exists():
        return (str(script),)
    found = shutil.which("siscon")
    return (str(Path(found).absolute()),) if found else (sys.executable, "-P", "-m", "siscon")
