"""Which commands there are, and how each ends. A command's module is loaded only when it is named."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from siscon._version import __version__
from siscon.cli.asked import asked_of, look_options
from siscon.cli.exit_codes import CANCELLED, DONE, FAILED, MISUSED

COMMANDS = {
    "serve": ("console", "Run the engine alone, without a screen."),
    "status": ("status", "Say how each integration is, which engines are alive and what runs."),
    "health": ("health", "Say whether all is well: 0 good, 1 trouble, 2 unknown"),
    "stop": ("operate", "End the engine after its open batch."),
    "demo": ("demo", "Show siscon at work on invented districts; needs nothing else."),
    "sandbox": ("sandbox", "Serve invented districts as real systems would."),
    "sync": ("operate", "Import rosters now."),
    "backfill": ("backfill", "Read again what changed since a moment, or some records by their ids."),
    "runs": ("operate", "List, show, pause and cancel runs."),
    "plan": ("plans", "Say what an import would do, and change nothing."),
    "plans": ("plans", "List and show the plans that wait; throw them away."),
    "apply": ("plans", "Let a plan apply, as it was shown."),
    "rollover": ("rollovers", "Expect a mass change, such as a new school year."),
    "undo": ("undo", "Put back what a run did."),
    "records": ("look", "Look at the local roster."),
    "accounts": ("accounts", "Give people user names and e-mail addresses, and list what was given."),
    "mappings": ("look", "Look at the ties between the systems' ids and ours."),
    "errors": ("errors", "Look at the records that could not be applied; retry them, give them up."),
    "conflicts": ("conflicts", "Look at the fields and people that wait for a decision, and decide."),
    "tokens": ("tokens", "Look at the logins; renew, allow and give them back."),
    "integrations": ("integrations", "Look at the connections, try, pause, resume and remove them."),
    "schedules": ("schedules", "Look at when runs start by themselves, start one now, and try a line out."),
    "webhooks": ("webhooks", "Receive webhooks, see what came of them, and send one."),
    "providers": ("providers", "Look at the kinds of systems that siscon can talk to."),
    "backup": ("backup", "Copy the database while it is in use; list, examine and restore copies."),
    "chores": ("chores", "Look at what is done from time to time, such as backups, and have it done now."),
    "purge": ("purge", "Remove what is too old now, after showing how much that is"),
    "service": ("service", "Have systemd run the engine: units for it, printed."),
    "config": ("admin", "Check, show and describe the configuration."),
    "keys": ("keys", "Make, examine, rotate and take out of use the keys that seal logins and kept answers."),
    "events": ("events", "List what siscon reports, or have it told line by line as it comes."),
    "requests": ("requests", "Look at what people have asked for, and take back what waits."),
    "audit": (
        "audit",
        "List who did what, prove that nobody changed the list, and let others check it.",
    ),
    "report": ("report", "Say what happened: history, success, one run, a trend, the morning."),
    "notices": (
        "notices",
        "Look at what is wrong and who was told of it; try a channel, be quiet about a cause.",
    ),
    "metrics": ("metrics", "Print the metrics, or serve them to Prometheus."),
    "support": ("support", "Make a bundle for whoever is asked for help."),
    "show": ("show", "Say what a screen of the console says, for ears and for scripts."),
    "replay": ("replay", "Look at a database file of the past, such as a backup."),
    "doctor": ("admin", "Examine configuration, files, key, database, clock, providers and terminal."),
}
"""Name -> module of this package, and the line that ``--help`` shows without loading it."""
WITH_A_SCREEN = ("demo", "replay", "show")
"""What heeds --read-only, or never changes anything."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"siscon.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_module, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="siscon", message="%(prog)s %(version)s")
@click.option("--config", metavar="FILE", help="The configuration; else $SISCON_CONFIG, else ./config.yaml.")
@click.option(
    "--in-process", is_flag=True, help="Keep the engine inside this process, in a thread of its own."
)
@look_options
@click.pass_context
def siscon(ctx: click.Context, config: str | None, *, in_process: bool) -> None:
    """Keep a local roster in step with Student Information Systems.

    Without a command the console opens: it finds the engine that is alive, or starts one.

    Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 held for a person, 4 completed with records in
    error, 130 cancelled.
    """
    if ctx.invoked_subcommand not in (None, *WITH_A_SCREEN) and asked_of(ctx).get("read_only"):
        raise click.UsageError(
            f"--read-only is for the screen: 'siscon {ctx.invoked_subcommand}' does not heed it. Leave it out."
        )
    if ctx.invoked_subcommand is None:
        console = importlib.import_module("siscon.cli.console")
        ctx.exit(console.open_console(config, asked_of(ctx), in_process=in_process))


def run(arguments: list[str]) -> int:
    """Carry out a command line; its exit code. Nothing but a sentence ever reaches the terminal on an error."""
    try:
        answer: Any = siscon.main(arguments, prog_name="siscon", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        _say(error.format_message())
        return MISUSED
    except click.ClickException as error:
        ctx = getattr(error, "ctx", None)
        where = f" See '{ctx.command_path} --help'." if ctx else ""
        _say(f"siscon: {error.format_message().rstrip('.')}.{where}")
        return MISUSED
    except (click.Abort, KeyboardInterrupt):
        _say("siscon: stopped.")
        return CANCELLED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except Exception as error:  # noqa: BLE001 - the last resort: a sentence instead of a traceback
        return int(importlib.import_module("siscon.cli.faults").report(error, arguments))
    return answer if isinstance(answer, int) else DONE


def _say(sentence: str) -> None:
    try:
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()
    except OSError:
        return
