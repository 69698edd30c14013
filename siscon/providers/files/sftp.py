"""A drop folder on an SFTP server whose key is known beforehand. asyncssh is imported here only."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from siscon.domain.errors import AuthError, ConfigError, ProviderError, SisconError, TransientError
from siscon.domain.text import plain
from siscon.providers.contract import Drop
from siscon.providers.files.drop_folder import (
    CHUNK,
    FileLimits,
    FileLogin,
    changed,
    is_finished,
    too_large,
    too_many,
)

try:
    import asyncssh
except ImportError as missing:
    raise ConfigError(
        "SFTP needs the package asyncssh: install siscon with it, pip install 'siscon[sftp]'.", code="no_sftp"
    ) from missing

CONNECT_S = 20.0
STILL_S = 120.0
"""A copy of which nothing comes for so long has come to a standstill; one that is slow goes on."""


class _Known(asyncssh.SSHClient):
    """Knows one server by the fingerprint of its key."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002 - the library's own names
        """True for the very key that the configuration names."""
        return bool(self._fingerprint) and key.get_fingerprint("sha256") == self._fingerprint


class SftpFolder:
    """A folder on an SFTP server; each look and each copy has a connection of its own."""

    def __init__(self, url: str, login: FileLogin, limits: FileLimits) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 22
        self._path = unquote(parts.path) or "."
        self._limits = limits
        self._options = _options(login)
        self._fingerprint = login.host_key

    async def look(self) -> list[Drop]:
        """The regular files in the folder itself."""
        found = []
        async with self._session() as sftp:
            number = 0
            async for entry in sftp.scandir(self._path):
                number += 1
                if number > self._limits.files:
                    raise too_many(self._limits)
                name, told = str(entry.filename), entry.attrs
                if is_finished(name) and _is_regular(told):
                    found.append(_drop(name, told))
        return found

    async def copy(self, drop: Drop, into: IO[bytes], cap_bytes: int) -> None:
        """Copy a file, and look whether it stayed as it was."""
        try:
            async with asyncio.timeout(STILL_S) as standstill:
                await self._copy(drop, into, cap_bytes, standstill)
        except TimeoutError:
            raise TransientError(
                f"{plain(drop.name, limit=80)} stood still for {STILL_S:g} s while it was copied.",
                code="timeout",
            ) from None

    async def _copy(self, drop: Drop, into: IO[bytes], cap_bytes: int, standstill: asyncio.Timeout) -> None:
        path, loop = f"{self._path.rstrip('/')}/{drop.name}", asyncio.get_running_loop()
        async with self._session() as sftp:
            if not _is_regular(await sftp.lstat(path)):
                raise changed(drop)
            size = 0
            # one read at a time: none is left behind by a fault
            source = await sftp.open(path, "rb", block_size=0)
            while chunk := _bytes(await source.read(CHUNK)):
                size += len(chunk)
                if size > cap_bytes:
                    raise too_large(drop, cap_bytes)
                await asyncio.to_thread(into.write, chunk)
                standstill.reschedule(loop.time() + STILL_S)
            await source.close()
            if size != drop.size or _drop(drop.name, await sftp.lstat(path)) != drop:
                raise changed(drop)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncssh.SFTPClient]:
        where = f"sftp://{plain(self._host, limit=80)}:{self._port}"
        try:
            async with asyncssh.connect(
                self._host, self._port, client_factory=lambda: _Known(self._fingerprint), **self._options
            ) as connection:
                try:
                    sftp = await connection.start_sftp_client()
                    yield sftp
                except BaseException:
                    connection.abort()  # a server that stands still would not answer an orderly farewell either
                    raise
        except (asyncssh.Error, OSError) as error:
            raise _judged(error, where, self._path) from None


def _options(login: FileLogin) -> dict[str, Any]:
    """What the library is told; nothing of the account's own agent, keys or configuration is used."""
    if not login.host_key and not login.known_hosts:
        raise ConfigError(
            "An SFTP server must be known beforehand: set host_key to the fingerprint that its operator names "
            "(SHA256:...), or known_hosts to a file with its key.",
            code="host_key",
        )
    known: object = ([], [], [])
    if login.known_hosts and not login.host_key:
        if not Path(login.known_hosts).is_file():
            raise ConfigError(f"The file {plain(login.known_hosts)} is not there.", code="host_key")
        known = login.known_hosts
    keys = None
    if login.private_key:
        try:
            keys = [asyncssh.import_private_key(login.private_key.reveal())]
        except (asyncssh.KeyImportError, ValueError):
            raise ConfigError(
                "The private_key is none that SFTP can use: it must be in PEM or OpenSSH form, without a passphrase.",
                code="private_key",
            ) from None
    return {
        "username": login.username,
        "password": login.password.reveal() if login.password else None,
        "client_keys": keys,
        "known_hosts": known,
        "config": None,
        "agent_path": None,
        "x509_trusted_certs": None,
        "gss_host": None,
        "connect_timeout": CONNECT_S,
        "login_timeout": CONNECT_S,
        "keepalive_interval": 15,
    }


def _bytes(chunk: bytes | str) -> bytes:
    return chunk if isinstance(chunk, bytes) else chunk.encode()


def _is_regular(told: asyncssh.SFTPAttrs) -> bool:
    """What the server calls a file, by its type (version 4 on) or its mode."""
    if told.permissions is not None:
        return stat.S_ISREG(told.permissions)
    return told.type == asyncssh.FILEXFER_TYPE_REGULAR


def _drop(name: str, told: asyncssh.SFTPAttrs) -> Drop:
    return Drop(name, told.size or 0, int(told.mtime or 0) * 1000)


def _judged(error: Exception, where: str, path: str) -> SisconError:
    detail = type(error).__name__
    shown = plain(path, limit=120)
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return AuthError(
            f"{where} shows another key than the one that host_key or known_hosts names. Ask its operator whether the "
            "key was changed: else somebody stands between.",
            code="host_key",
            detail=detail,
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return AuthError(
            f"{where} refused the login. Check username, password or private_key.", detail=detail
        )
    if isinstance(error, (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)):
        return ProviderError(f"{where} has no {shown}. Check base_url.", code="no_folder", detail=detail)
    if isinstance(error, asyncssh.SFTPPermissionDenied):
        return ProviderError(
            f"{where} does not let this login read {shown}.", code="forbidden", detail=detail
        )
    if isinstance(error, (asyncssh.KeyExchangeFailed, asyncssh.ProtocolNotSupported)):
        return ProviderError(f"{where} speaks no cipher that is safe.", code="unsupported", detail=detail)
    return TransientError(f"{where} could not be reached or broke off.", detail=detail)
