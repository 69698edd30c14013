"""The last lines of the logs for strangers: when, how loud, from where, and of the words only siscon's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from siscon.domain.masking import Masker

LINES, CRASHES = 300, 10
TAIL_BYTES = 2 * 1024 * 1024
LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
_FRAME = re.compile(
    r'^\s*File "[^"]*?((?:siscon|site-packages|python3[^/"]*)/[\w/.-]+\.py)", line (\d+), in (\w+)'
)
_OWN = re.compile(r"[a-z]{1,20}\.(jsonl|log)|crash-[0-9a-f]{1,16}\.txt")
_FAULT = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Warning|Cancelled|Lost|Timeout|Interrupt))\b(.*)$")


def files_of(folder: Path) -> list[Path]:
    """The logs, and of the pages about crashes the newest."""
    if not folder.is_dir():
        return []
    logs = sorted(one for one in folder.iterdir() if one.is_file() and one.suffix in (".jsonl", ".log"))
    crashes = sorted(folder.glob("crash-*.txt"), key=lambda one: one.stat().st_mtime)
    return [*logs, *crashes[-CRASHES:]]


def name_of(file: Path, place: int) -> str:
    """What a log is called in the bundle: as siscon calls its own, else by its place."""
    return file.name if _OWN.fullmatch(file.name) else f"log-{place}{file.suffix}"


def last_lines(file: Path) -> list[str]:
    """The last lines of a file, as they stand there."""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return opened.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()[-LINES:]


def words_of(lines: list[str]) -> list[str]:
    """Everything in lines that may hold words of people."""
    return [text for line in lines for text in _strings(_parsed(line))]


def masked_lines(lines: list[str], masker: Masker) -> Iterator[str]:
    """Each line without what siscon does not say itself."""
    for line in lines:
        told = _parsed(line)
        if isinstance(told, dict):
            yield json.dumps(_entry(told, masker))
        elif text := _trace_line(line, masker):
            yield text


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)


def _entry(told: dict[str, Any], masker: Masker) -> dict[str, Any]:
    level = str(told.get("level", ""))
    entry = {
        "at": masker.masked(str(told.get("at", ""))),
        "level": level if level in LEVELS else "",
        "from": masker.masked(str(told.get("from", ""))),
        "text": masker.masked(str(told.get("text", ""))),
    }
    if "trace" in told:
        lines = (_trace_line(one, masker) for one in str(told["trace"]).splitlines())
        entry["trace"] = "\n".join(one for one in lines if one)
    return entry


def _trace_line(line: str, masker: Masker) -> str:
    """A place in the program, or what went wrong; of a line of source nothing is left."""
    if frame := _FRAME.match(line):
        file, number, name = frame.groups()
        return f"{file}:{number} {name if masker.knows(name) else 'in it'}"
    if fault := _FAULT.match(line):
        name = fault[1].rpartition(".")[2]
        return f"{name}{masker.masked(fault[2])}"
    return masker.masked(line.strip())
