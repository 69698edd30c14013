"""A provider in one file of the operator's own, named by path: ``/etc/siscon/harbor.py:Harbor``.

What is executed is the very text that was checked and whose digest is shown.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from siscon.domain.errors import ConfigError
from siscon.domain.text import plain

_NAMED = re.compile(r"(?P<path>(?:/|~/).*\.py):(?P<member>[A-Za-z_]\w*)")
MOST_BYTES = 1024 * 1024


def is_file_name(name: str) -> bool:
    """Whether a provider is named by a file: an absolute path (or one from ``~/``), a colon, a class."""
    return _NAMED.fullmatch(name) is not None


class _CheckedText(SourceLoader):
    """Hands out text that was read once."""

    def __init__(self, path: str, text: bytes) -> None:
        self._path, self._text = path, text

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 - the import system asks so
        return self._path

    def get_data(self, path: str) -> bytes:
        """The text; nothing else (a cache of compiled code) is there."""
        if path != self._path:
            raise FileNotFoundError(path)
        return self._text


def load_member(name: str) -> object:
    """The class that a file name leads to; raises ``ConfigError`` for a file that others could have written."""
    found = _NAMED.fullmatch(name)
    if found is None:
        raise ConfigError(
            f"{plain(name)} is no path of a file with ':' and a class.", code="unknown_provider"
        )
    path = Path(found["path"]).expanduser()
    text = _trusted_text(path)
    module = _module(path, text)
    member: object = getattr(module, found["member"], None)
    if member is None:
        raise ConfigError(
            f"{plain(path)} has no {plain(found['member'])}. Name the class of the provider after the colon.",
            code="broken_provider",
        )
    return member


def _module(path: Path, text: bytes) -> ModuleType:
    """The module of this very text, executed once."""
    name = f"siscon_provider_{hashlib.sha256(os.fsencode(path) + text).hexdigest()[:32]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_loader(name, _CheckedText(str(path), text))
    if spec is None or spec.loader is None:
        raise ConfigError(f"{plain(path)} cannot be imported.", code="broken_provider")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(
            f"{plain(path)} cannot be imported ({type(error).__name__}: {plain(error)}). Mend the file.",
            code="broken_provider",
        ) from error
    return module


def _trusted_text(path: Path) -> bytes:
    """The file's bytes, if nobody but this account (or root) could have written them."""
    try:
        folder = path.parent.stat()
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"The provider {plain(path)} cannot be read: {error.strerror}. Check the path in the configuration.",
            code="unknown_provider",
        ) from error
    for one, what in ((found, "the file"), (folder, "its folder")):
        if one.st_uid not in (0, os.geteuid()) or one.st_mode & 0o022:
            raise ConfigError(
                f"The provider {plain(path)} is not loaded: {what} could be changed by another account. "
                "Make it yours alone (chown, chmod go-w).",
                code="broken_provider",
            )
    if not stat.S_ISREG(found.st_mode) or len(text) > MOST_BYTES:
        raise ConfigError(
            f"The provider {plain(path)} is no file of at most 1 MiB. Name the file of a provider.",
            code="broken_provider",
        )
    return text
