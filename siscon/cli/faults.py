"""From an error to a sentence and an exit code; what nobody expected leaves a reference file instead of a traceback."""

from __future__ import annotations

from collections.abc import Sequence

from siscon import runtime
from siscon.cli import output
from siscon.cli.exit_codes import CANCELLED, FAILED, MISUSED
from siscon.domain.errors import Cancelled, ConfigError, SisconError, UsageError


def report(error: BaseException, arguments: Sequence[str]) -> int:
    """Say what happened on standard error; the exit code of the command."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, Cancelled):
        output.note("siscon: cancelled.")
        return CANCELLED
    if isinstance(error, ConfigError):
        _tell_complaints(error)
        return MISUSED
    if isinstance(error, SisconError):
        output.note(f"siscon: {error.sentence}")
        return MISUSED if isinstance(error, UsageError) else FAILED
    if isinstance(error, BrokenPipeError):
        return FAILED
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        output.note(f"siscon: {where}{error.strerror}. Check that the place exists and that you may use it.")
        return FAILED
    output.note(f"siscon: {runtime.write_crash_page(error, arguments)}")
    return FAILED


def _tell_complaints(error: ConfigError) -> None:
    output.note(f"siscon: {error.sentence}")
    for one in error.complaints:
        place = f"{error.file}:{one.line}:{one.column}" if one.line else error.file
        path = f" {one.path}:" if one.path else ""
        output.note(f"  {place}:{path} {one.sentence}")
