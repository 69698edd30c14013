"""Secrets on their way in and out: sealed to the place they stand in, under keys that live outside the database."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from siscon.domain.errors import ConfigError, DatabaseError
from siscon.domain.text import plain
from siscon.store.database import Connection
from siscon.store.files import PRIVATE_FILE, PRIVATE_FOLDER

KEY_FILE = "siscon.key"
KEY_BYTES = 32
MAX_KEY_FILE_BYTES = 65_536

# An envelope: version, key id, nonce, ciphertext with tag.
VERSION = b"\x01"
ID_BYTES = 8
NONCE_BYTES = 12
HEAD_BYTES = len(VERSION) + ID_BYTES + NONCE_BYTES

ANY_SEALED = """
SELECT (EXISTS (SELECT 1 FROM tokens WHERE access IS NOT NULL OR refresh IS NOT NULL))
  OR (EXISTS (SELECT 1 FROM dead_records WHERE raw IS NOT NULL))
  OR (EXISTS (SELECT 1 FROM audit)) AS sealed
"""


async def any_sealed(c: Connection) -> bool:
    """Whether the database holds anything that only its key can open or prove."""
    row = await c.one(ANY_SEALED)
    return bool(row and row["sealed"])


class Vault:
    """Seals and opens; the first key seals, every key opens."""

    def __init__(self, keys: list[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ConfigError(f"A key must have {KEY_BYTES} bytes.", code="bad_key")
        self._keys = {_id_of(key): key for key in reversed(keys)}
        self._first = _id_of(keys[0])
        self._derived: dict[tuple[bytes, str], bytes] = {}

    @property
    def key_id(self) -> str:
        """The name of the key that seals; it says nothing about the key."""
        return self._first.hex()

    def seal(self, plain: str, *, place: str) -> bytes:
        """Encrypt for one place (table, row, field): nowhere else can it be opened."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher(self._first, place).encrypt(nonce, plain.encode(), _bound_to(place))
        return VERSION + self._first + nonce + sealed

    def open(self, sealed: bytes, *, place: str) -> str:
        """Decrypt what was sealed for this place; raises ``DatabaseError`` or, without its key, ``ConfigError``."""
        broken = DatabaseError(
            "A secret in the database cannot be opened: it was changed, or moved from another place. Renew the "
            "login of its integration; if nobody touched the database, restore the newest good backup.",
            code="seal_broken",
            detail=f"place {place}",
        )
        if len(sealed) < HEAD_BYTES or sealed[:1] != VERSION:
            raise broken
        key_id, nonce = sealed[1 : 1 + ID_BYTES], sealed[1 + ID_BYTES : HEAD_BYTES]
        if key_id not in self._keys:
            raise ConfigError(
                f"A secret in the database was sealed with key {key_id.hex()}, which is not here. Put that key back "
                f"into {KEY_FILE} (or name its file in SISCON_KEY_FILE); nothing was changed.",
                code="key_missing",
            )
        try:
            return self._cipher(key_id, place).decrypt(nonce, sealed[HEAD_BYTES:], _bound_to(place)).decode()
        except InvalidTag:
            raise broken from None

    def derive(self, purpose: str) -> bytes:
        """A key of its own for another purpose (the audit's seal), from the first key."""
        return self._derive(self._first, purpose)

    def _derive(self, key_id: bytes, purpose: str) -> bytes:
        found = self._derived.get((key_id, purpose))
        if found is None:
            found = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"siscon|v1|{purpose}".encode()).derive(
                self._keys[key_id]
            )
            self._derived[key_id, purpose] = found
        return found

    def _cipher(self, key_id: bytes, place: str) -> AESGCM:
        return AESGCM(self._derive(key_id, "seal|" + place.partition("|")[0]))


def _bound_to(place: str) -> bytes:
    return f"siscon|v1|{place}".encode()


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(b"siscon key id" + key).digest()[:ID_BYTES]


def load_keys(home: Path, environ: Mapping[str, str], *, create: bool) -> Vault:
    """The vault with the keys of this installation, from the first place that has any.

    ``create`` only when the database holds nothing sealed (:func:`any_sealed`): a new key never opens old secrets.
    """
    if folder := environ.get("CREDENTIALS_DIRECTORY"):
        given = Path(folder) / KEY_FILE
        if given.exists():
            return Vault(_parse(_read(given, trusted_uids=(0, os.geteuid()), forbidden=0o007), str(given)))
    if name := environ.get("SISCON_KEY_FILE"):
        return Vault(_parse(_read_own(Path(name)), name))
    if text := environ.get("SISCON_MASTER_KEYS"):
        return Vault(_parse(text.replace(",", "\n"), "SISCON_MASTER_KEYS"))
    path = home / KEY_FILE
    if not os.path.lexists(path):
        if not create:
            raise ConfigError(
                f"The key {plain(path)} is missing, but the database holds secrets sealed with it. Put the key back "
                "from your backup, or name its file in SISCON_KEY_FILE; a new key would not open them.",
                code="key_missing",
            )
        _create(path)
    return Vault(_parse(_read_own(path), str(path)))


def _read_own(path: Path) -> str:
    return _read(path, trusted_uids=(os.geteuid(),), forbidden=0o077)


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
                f"The key file {shown} belongs to another account. Run: chown {os.geteuid()} {shown}",
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


def _create(path: Path) -> None:
    """Write a new key; of two processes that start at once, one writes it and both read it."""
    line = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"
    unfinished = path.with_name(f"{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(line)
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return
    except OSError as error:
        raise ConfigError(
            f"A key cannot be written to {plain(path)}: {error.strerror}. Give the account that runs siscon a "
            "folder of its own.",
            code="key_file",
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
