"""Where the keys lie outside the database: looked for in one order, read with suspicion, written whole or not."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from siscon.domain.errors import ConfigError
from siscon.domain.text import plain
from siscon.store.files import PRIVATE_FILE, PRIVATE_FOLDER, sync_folder
from siscon.store.os_accounts import account_of
from siscon.store.vault import KEY_BYTES, Vault

KEY_FILE = "siscon.key"
CREDENTIALS, NAMED_FILE, VARIABLE = "CREDENTIALS_DIRECTORY", "SISCON_KEY_FILE", "SISCON_KEY"
MAX_KEY_FILE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Source:
    """A place that keys come from: a file, or (``path`` None) the text of an environment variable.

    ``is_ours`` says whether siscon may write there. Of a credential the service manager is the owner.
    """

    name: str
    path: Path | None
    text: str = ""
    is_ours: bool = False
    is_credential: bool = False

    def read(self) -> list[bytes]:
        """The keys, the one that seals first; raises ``ConfigError``, which never shows one."""
        if self.path is None:
            return _parse(self.text.replace(",", "\n"), self.name)
        if self.is_credential:
            given = _read(self.path, trusted_uids=(0, os.geteuid()), forbidden=0o007)
        else:
            given = _read(self.path, trusted_uids=(os.geteuid(),), forbidden=0o077)
        return _parse(given, str(self.path))


def find_source(home: Path, environ: Mapping[str, str]) -> Source:
    """The first that is there: systemd credential, file named in SISCON_KEY_FILE, SISCON_KEY, file in the home."""
    if folder := environ.get(CREDENTIALS):
        given = Path(folder) / KEY_FILE
        if given.exists():
            return Source(f"systemd credential {given}", given, is_credential=True)
    if named := environ.get(NAMED_FILE):
        return Source(f"file {named} ({NAMED_FILE})", Path(named), is_ours=True)
    if text := environ.get(VARIABLE):
        return Source(f"environment variable {VARIABLE}", None, text)
    path = home / KEY_FILE
    return Source(f"file {path}", path, is_ours=True)


def places(home: Path, environ: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Every place that is looked at, in order, and whether anything is there; the first that is, is used."""
    folder = environ.get(CREDENTIALS)
    return [
        (f"systemd credential {KEY_FILE}", bool(folder) and (Path(folder or "") / KEY_FILE).exists()),
        (f"file named by {NAMED_FILE}", bool(environ.get(NAMED_FILE))),
        (f"environment variable {VARIABLE}", bool(environ.get(VARIABLE))),
        (f"file {home / KEY_FILE}", (home / KEY_FILE).exists()),
    ]


class _Watch:
    """Reads a key file again once it is another than before."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen = self._look()

    def __call__(self) -> list[bytes] | None:
        now = self._look()
        if now in (None, self._seen):
            return None
        try:
            keys = self._source.read()
        except ConfigError:
            return None  # somebody is editing it; what was read before goes on serving
        self._seen = now
        return keys

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = (self._source.path or Path()).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def open_vault(source: Source) -> Vault:
    """The vault with the keys of this place; keys of a file are followed when the file changes."""
    if source.path is None:
        return Vault(source.read())
    watch = _Watch(source)
    return Vault(source.read(), look_again=watch)


def load_keys(home: Path, environ: Mapping[str, str], *, create: bool) -> Vault:
    """The vault with the keys of this installation, from the first place that has any.

    ``create`` only when the database holds nothing sealed: a new key never opens old secrets.
    """
    source = find_source(home, environ)
    if source.path == home / KEY_FILE and not os.path.lexists(source.path):
        if not create:
            raise ConfigError(
                f"The key {plain(source.path)} is missing, but the database holds secrets sealed with it. Put the "
                f"key back from your backup, or name its file in {NAMED_FILE}; a new key would not open them.",
                code="key_missing",
            )
        create_file(source.path)
    return open_vault(source)


def _read(path: Path, *, trusted_uids: tuple[int, ...], forbidden: int) -> str:
    """Read a key file, unless somebody else might have read or written it before."""
    shown = plain(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(
            f"The key file {shown} cannot be read: {error.strerror}. It must be a plain file, no link, that belongs "
            "to the account that runs siscon.",
            code="key_file",
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"The key file {shown} is not a plain file.", code="key_file")
        if found.st_uid not in trusted_uids:
            raise ConfigError(
                f"The key file {shown} belongs to another account, {account_of(found.st_uid)}. Run siscon as that "
                "account, or give the file to the one that runs siscon.",
                code="key_file",
            )
        if stat.S_IMODE(found.st_mode) & forbidden:
            raise ConfigError(
                f"Others can read the key file {shown}. Run: chmod 600 {shown}", code="key_file"
            )
        return file.read(MAX_KEY_FILE_BYTES).decode("ascii", "replace")


def _parse(text: str, source: str) -> list[bytes]:
    keys = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            key = base64.b64decode(line.strip().replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ConfigError(
                f"Key {number} of {plain(source)} is not a key: it must be {KEY_BYTES} bytes in base64.",
                code="bad_key",
            )
        keys.append(key)
    if not keys:
        raise ConfigError(f"{plain(source)} holds no key.", code="bad_key")
    return keys


def new_key() -> bytes:
    """A key that was never there before."""
    return secrets.token_bytes(KEY_BYTES)


def create_file(path: Path) -> bool:
    """Write a new key where none is; False when there is one, which stays as it is.

    Of two processes that start at once, one writes it and both read it.
    """
    return _put(path, [new_key()], replace=False)


def replace_file(path: Path, keys: list[bytes]) -> None:
    """Put other keys into a key file: whoever reads it meets the old ones or the new ones, whole, also after a cut."""
    _put(path, keys, replace=True)


def _put(path: Path, keys: list[bytes], *, replace: bool) -> bool:
    lines = b"".join(base64.urlsafe_b64encode(key) + b"\n" for key in keys)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(lines)
            file.flush()
            os.fsync(descriptor)
        try:
            if replace:
                unfinished.replace(path)
            else:
                os.link(unfinished, path)
        except FileExistsError:
            return False
        sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(
            f"A key cannot be written to {plain(path)}: {error.strerror}. Give the account that runs siscon a "
            "folder of its own.",
            code="key_file",
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return True
