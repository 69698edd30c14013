"""Secrets on their way in and out: sealed to the place they stand in, under keys that live outside the database."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from siscon.domain.errors import ConfigError, DatabaseError

KEY_BYTES = 32

# An envelope: version, key id, nonce, ciphertext with tag.
VERSION = b"\x01"
ID_BYTES = 8
NONCE_BYTES = 12
HEAD_BYTES = len(VERSION) + ID_BYTES + NONCE_BYTES


class Vault:
    """Seals and opens; the first key seals, every key opens.

    ``look_again`` answers with the keys when they changed since it was last asked, else with None: whoever rotates
    keys in another process is followed from the next seal on. Keys once known go on opening for as long as the
    vault lives.
    """

    def __init__(
        self, keys: list[bytes], *, look_again: Callable[[], list[bytes] | None] | None = None
    ) -> None:
        self._keys: dict[bytes, bytes] = {}
        self._derived: dict[tuple[bytes, str], bytes] = {}
        self._look_again = look_again
        self._take(keys)

    def _take(self, keys: list[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ConfigError(f"A key must have {KEY_BYTES} bytes.", code="bad_key")
        self._first = id_of(keys[0])
        self._keys |= {id_of(key): key for key in keys}

    def _follow(self) -> None:
        keys = self._look_again() if self._look_again else None
        if keys is not None:
            self._take(keys)

    @property
    def key_id(self) -> str:
        """The name of the key that seals; it says nothing about the key."""
        return self._first.hex()

    def knows(self, key_id: bytes) -> bool:
        """Whether the key of this id is here, after another look for it if need be."""
        if key_id not in self._keys:
            self._follow()
        return key_id in self._keys

    def seal(self, plain: str, *, place: str) -> bytes:
        """Encrypt for one place (table, row, field): nowhere else can it be opened."""
        self._follow()
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
        if not self.knows(key_id):
            raise ConfigError(
                f"A secret in the database was sealed with key {key_id.hex()}, which is not here. Put that key back "
                "where 'siscon keys check' says that keys are looked for; nothing was changed.",
                code="key_missing",
            )
        try:
            return self._cipher(key_id, place).decrypt(nonce, sealed[HEAD_BYTES:], _bound_to(place)).decode()
        except InvalidTag:
            raise broken from None

    def derive(self, purpose: str) -> bytes:
        """A key of its own for another purpose, from the first key; another one after a rotation."""
        return self._derive(self._first, purpose)

    def derive_from_each(self, purpose: str) -> list[bytes]:
        """What :meth:`derive` gave or gives with each of the keys, the first one's first."""
        others = [key_id for key_id in self._keys if key_id != self._first]
        return [self._derive(key_id, purpose) for key_id in (self._first, *others)]

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


def id_of(key: bytes) -> bytes:
    """The name of a key; it says nothing about the key."""
    return hashlib.sha256(b"siscon key id" + key).digest()[:ID_BYTES]
