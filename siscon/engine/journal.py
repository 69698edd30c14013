"""The log of a process: one JSON object a line in a rotating file, without secrets, never on the terminal."""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from siscon.domain.errors import SisconError
from siscon.domain.privacy import STRUCK, Secret, strike
from siscon.domain.text import plain, plain_lines
from siscon.engine.log_file import USUAL, Limits, LogFile

ERRORS_SHOWN = 5
QUIET = ("apscheduler", "asyncio", "httpx", "httpcore", "aiosqlite", "uvicorn")

_SECRETS = re.compile(
    r"(?i)\b(authorization|bearer|basic|access_token|refresh_token|client_secret|id_token|api[_-]?key|password)"
    r"(\W{1,4}(?:(?:bearer|basic)\W+)?)[^\s\"'&,;]+"
)
_TOKEN = re.compile(r"\beyJ[\w-]+(\.[\w-]*){1,2}")
_WORD_OR_MAIL = re.compile(r"[\w.+-]+(@[\w-]+(?:\.[\w-]+)+)?")
"""Words too, so that each is gone over once: a search for addresses alone begins anew at each of its letters."""


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """The text without known secrets and without anything that has the shape of one or of an e-mail address."""
    text = strike(text, secrets)
    text = _TOKEN.sub(STRUCK, _SECRETS.sub(rf"\1\2{STRUCK}", text))
    return _WORD_OR_MAIL.sub(lambda found: STRUCK if found[1] else found[0], text)


class JsonLines(logging.Formatter):
    """One record as one line of JSON; foreign text cannot act on whoever reads the file."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "text": plain(redact(record.getMessage(), self._secrets), limit=2000),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["trace"] = plain_lines(redact(_trace(record.exc_info[1]), self._secrets))
        return json.dumps(told)


def _trace(error: BaseException | None) -> str:
    """Where an error and those behind it came from. Only ours tell in words: a stranger's may quote a pupil."""
    told: list[str] = []
    while error is not None and len(told) < ERRORS_SHOWN:
        said = f": {error} {error.detail}".rstrip() if isinstance(error, SisconError) else ""
        told.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__name__ + said)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhich came of\n\n".join(told)


@contextmanager
def keep_journal(file: Path, *, secrets: Iterable[Secret] = (), limits: Limits = USUAL) -> Iterator[None]:
    """Let every log record of the process go into a file, written by a thread of its own.

    Nothing reaches standard error any more: neither records without a handler nor faults of the log itself.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    entry = logging.handlers.QueueHandler(waiting)
    entry.setFormatter(JsonLines(secrets))
    target = LogFile(file, limits)
    listener = logging.handlers.QueueListener(waiting, target)
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.lastResort, logging.raiseExceptions
    root.handlers[:] = [entry]
    root.setLevel(limits.level)
    logging.lastResort, logging.raiseExceptions = None, False
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    listener.start()
    try:
        yield
    finally:
        listener.stop()
        target.close()
        root.handlers[:], root.level, logging.lastResort, logging.raiseExceptions = before
