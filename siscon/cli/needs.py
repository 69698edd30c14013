"""Which role each command of the command line needs; it is asked for as soon as the database is open.

What a command then does is judged once more below: by the desk when it leaves something, and by the engine.
"""

from __future__ import annotations

import click

from siscon.domain.roles import Role

ANYBODY = frozenset(
    {
        *("status", "demo", "show", "replay", "doctor", "plans list", "plans show", "rollover list"),
        *("sandbox advance", "sandbox csv", "sandbox serve", "sandbox truth"),
        *("runs compare", "runs list", "runs show", "mappings list", "events follow", "events list"),
        *("records aliases", "records classes", "records edits", "records find", "records history"),
        *("records list", "records show", "accounts list", "accounts preview", "requests list"),
        *("errors causes", "errors list", "errors mended", "errors show", "conflicts list", "conflicts show"),
        *("tokens list", "integrations list", "integrations show", "schedules list", "schedules preview"),
        *("integrations enable", "integrations disable"),  # they only say where that stands
        *("webhooks list", "providers list", "providers show", "backup list"),
        *("backup verify", "chores list", "config check", "config keys", "config schema", "config show"),
        *("keys check", "audit list", "audit verify", "report history", "report morning", "report run"),
        *("report success", "report trend", "notices list", "service install", "metrics serve", "health"),
    }
)
"""What changes nothing of an installation."""

OPERATORS = frozenset(
    {
        *(
            "serve",
            "webhooks serve",
            "webhooks test",
            "sync",
            "plan",
            "runs cancel",
            "records edit",
            "records release",
        ),
        *("records split", "errors retry", "errors discard", "errors mend", "errors forget"),
        *("conflicts settle", "conflicts settle-all", "tokens authorise", "tokens refresh"),
        *("integrations pause", "integrations resume", "integrations test", "requests take-back"),
        *("backup now", "chores run", "notices check", "notices mute", "notices test"),
        *(
            "notices retry",
            "audit export",
            "runs continue",
            "runs pause",
            "schedules run",
            "support bundle",
            "backfill",
        ),
    }
)

ADMINS = frozenset(
    {
        *("stop", "apply", "undo", "runs approve", "runs discard", "runs remap", "plans discard"),
        *("rollover declare", "rollover end", "records withdraw", "accounts create", "integrations remove"),
        *(
            "tokens revoke",
            "tokens clean",
            "keys generate",
            "keys rotate",
            "keys prune",
            "backup restore",
            "purge",
            "audit key",
        ),
    }
)


def role_of_command(path: str) -> Role:
    """The role that a command needs; of one that nobody has placed, the highest."""
    if path in ANYBODY:
        return Role.VIEWER
    return Role.OPERATOR if path in OPERATORS else Role.ADMIN


def asked() -> tuple[str, Role]:
    """The command that is carried out just now, and the role that it needs; nothing where none is."""
    ctx = click.get_current_context(silent=True)
    if ctx is None:
        return "", Role.VIEWER
    path = ctx.command_path.partition(" ")[2]
    return path, role_of_command(path)
