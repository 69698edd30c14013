"""The entry point. ``--version`` is answered here, before anything is loaded."""

from __future__ import annotations

import importlib
import os
import sys
import warnings

from siscon._version import __version__


def main() -> None:
    """The command ``siscon``."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"siscon {__version__}\n")
        return
    os.umask(0o077)
    if not sys.warnoptions:
        warnings.showwarning = _keep_quiet
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code: int = importlib.import_module("siscon.cli.commands").run(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _keep_quiet(*_told: object, **_more: object) -> None:
    """Warnings are for developers (python -W shows them); printed over a screen they would only be in the way."""
