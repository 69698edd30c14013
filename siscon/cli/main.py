"""The entry point. ``--version`` is answered here, before anything is loaded."""

from __future__ import annotations

import importlib
import os
import resource
import sys
import warnings

from siscon._version import __version__
from siscon.cli import early_word


def main() -> None:
    """The command ``siscon``."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"siscon {__version__}\n")
        return
    if early_word.serves(arguments):
        early_word.listen()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys, logins and pupils
    if not sys.warnoptions:
        warnings.showwarning = _keep_quiet
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """The console opens on the shortest way; everything else goes through the command line parser."""
    bare = not arguments or (len(arguments) == 2 and arguments[0] == "--config")
    code: int
    if bare and sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty():
        code = importlib.import_module("siscon.cli.early").open_console(arguments[1] if arguments else None)
    else:
        code = importlib.import_module("siscon.cli.commands").run(arguments)
    return code


def _keep_quiet(*_told: object, **_more: object) -> None:
    """Warnings are for developers (python -W shows them); printed over a screen they would only be in the way."""
