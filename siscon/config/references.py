"""``${NAME}``, ``${NAME:-default}``, ``${file:/path}`` and ``${credential:NAME}`` in values, expanded after parsing.

What an environment variable holds can therefore never become structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from siscon.config.document import Document, Path

MAX_SECRET_BYTES = 64 * 1024
CREDENTIALS = "CREDENTIALS_DIRECTORY"

_REFERENCE = re.compile(
    r"\$\{(?:file:(?P<file>[^}]+)|credential:(?P<credential>[^}/]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?)\}"
)
_OPENING = re.compile(r"\$\{[^}]*\}?")


class _Unresolved(Exception):
    """A reference that leads nowhere; the text says what to do."""


def expand(document: Document, environ: Mapping[str, str], *, beside: FilePath) -> dict[Path, str]:
    """Put the meant values into the document; returns the reference as written for each value that held one.

    Relative paths in ``${file:...}`` start at the folder ``beside``.
    """
    written: dict[Path, str] = {}
    for holder, key, path in list(_texts(document.values, ())):
        text = holder[key]
        if "${" not in text:
            continue
        written[path] = text
        try:
            holder[key] = _expanded(text, environ, beside)
        except _Unresolved as unresolved:
            document.complain(path, str(unresolved))
    return written


def is_reference(text: str) -> bool:
    """True when a text is one reference and nothing else."""
    return _REFERENCE.fullmatch(text) is not None


def has_default(text: str) -> bool:
    """True when a reference brings a value of its own along (``${NAME:-value}``)."""
    match = _REFERENCE.search(text)
    return match is not None and match["default"] is not None


def _texts(values: Any, path: Path) -> Iterator[tuple[Any, Any, Path]]:
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in pairs:
        if isinstance(value, str):
            yield values, key, (*path, key)
        elif isinstance(value, (dict, list)):
            yield from _texts(value, (*path, key))


def _expanded(text: str, environ: Mapping[str, str], beside: FilePath) -> str:
    broken = _OPENING.sub("", _REFERENCE.sub("", text)) != _REFERENCE.sub("", text)
    if broken or "${" in _REFERENCE.sub("", text):
        raise _Unresolved(
            "a reference is ${NAME}, ${NAME:-default}, ${file:/path/to/file} or ${credential:NAME}"
        )
    return _REFERENCE.sub(lambda match: _meant(match, environ, beside), text)


def _meant(match: re.Match[str], environ: Mapping[str, str], beside: FilePath) -> str:
    if match["file"]:
        return _from_file(beside / FilePath(match["file"]).expanduser())
    if match["credential"]:
        return _from_credential(match["credential"], environ)
    value = environ.get(match["name"])
    if value is None:
        value = match["default"]
    if value is None:
        raise _Unresolved(f"the environment variable {match['name']} is not set: set it, or name another")
    return value


def _from_credential(name: str, environ: Mapping[str, str]) -> str:
    """What the service manager hands in by this name; by hand the folder may be named in the environment."""
    folder = environ.get(CREDENTIALS, "")
    if not folder:
        raise _Unresolved(
            f"the credential {name} is handed in by systemd (LoadCredential={name}:/path); by hand name the folder "
            f"that holds a file {name} in {CREDENTIALS}"
        )
    return _from_file(FilePath(folder) / name)


def _from_file(path: FilePath) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise _Unresolved(f"the file {path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_SECRET_BYTES:
        raise _Unresolved(f"the file {path} is larger than {MAX_SECRET_BYTES // 1024} KiB")
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _Unresolved(f"the file {path} is not text in UTF-8") from error
