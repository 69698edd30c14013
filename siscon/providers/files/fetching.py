"""Files for providers that read them: from a folder, an SFTP server or an address, copied into a private folder."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import os
import random
import shutil
import stat
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import unquote, urlsplit

from siscon.domain.errors import ConfigError, ProviderError, SisconError, TransientError
from siscon.domain.retry import backoff_s
from siscon.domain.text import plain
from siscon.providers.contract import Drop, Files
from siscon.providers.files.download import download
from siscon.providers.files.drop_folder import (
    CHUNK,
    DropFolder,
    FileLimits,
    FileLogin,
    changed,
    is_finished,
    too_large,
    too_many,
)

T = TypeVar("T")

PREFIX = "files-"
FORMER_MOST = 4
"""So many copies of an address that were replaced stay, for whoever still reads them."""


@contextlib.asynccontextmanager
async def open_files(
    base_url: str, *, login: FileLogin, folder: Path, limits: FileLimits | None = None
) -> AsyncIterator[Files]:
    """The files at an address: ``/a/folder``, ``file:///a/folder``, ``sftp://host:port/folder`` or ``https://...``
    of one file. Copies lie in a private folder within ``folder``, which goes when this closes.

    Raises ``ConfigError`` for an address of another kind, and where SFTP lacks its library or a known host key.
    """
    bounds = limits or FileLimits()
    here, lock = await asyncio.to_thread(_private_folder, folder)
    try:
        kind = urlsplit(base_url).scheme
        if kind in ("http", "https"):
            yield Address(base_url, login, here, bounds)
        elif kind == "sftp":
            from siscon.providers.files.sftp import SftpFolder  # its library is an extra

            yield KeptFiles(SftpFolder(base_url, login, bounds), here, bounds)
        elif base_url.startswith(("/", "file:///")):
            path = Path(unquote(base_url.removeprefix("file://")))
            yield KeptFiles(LocalFolder(path, bounds), here, bounds)
        else:
            raise ConfigError(
                "Files lie at /a/folder, file:///a/folder, sftp://host/folder or https://host/a.zip."
            )
    finally:
        await asyncio.to_thread(shutil.rmtree, here, ignore_errors=True)
        os.close(lock)


def _private_folder(within: Path) -> tuple[Path, int]:
    """A folder of our own, and the lock on it that the kernel frees when this process ends, however that happens."""
    within.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(within, fcntl.LOCK_EX):  # nobody clears up between the making of a folder and its lock
        for other in within.glob(f"{PREFIX}*"):
            _clear_up(other)
        here = Path(tempfile.mkdtemp(prefix=PREFIX, dir=within))
        lock = os.open(here, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return here, lock


def _clear_up(folder: Path) -> None:
    """Remove the copies of a process that was killed: what is locked belongs to one that lives."""
    with contextlib.suppress(OSError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


async def patiently(attempt: Callable[[], Awaitable[T]], *, within_s: float, attempts: int) -> T:
    """What an attempt gives, tried again after faults that pass, each within its time."""
    for failures in range(1, attempts + 1):
        try:
            async with asyncio.timeout(within_s):
                return await attempt()
        except TimeoutError:
            fault: SisconError = TransientError(f"The files took longer than {within_s:g} s.", code="timeout")
        except TransientError as error:
            fault = error
        if failures == attempts:
            raise fault
        await asyncio.sleep(backoff_s(failures, luck=random.random()))  # noqa: S311 - spreads load, guards nothing
    raise AssertionError("the last of the attempts returns or raises")


@dataclass(slots=True)
class _Copy:
    path: Path
    size: int
    asked_at_s: float


class KeptFiles:
    """Implements ``contract.Files`` over a drop folder: settled files only, each copied once."""

    def __init__(self, place: DropFolder, folder: Path, limits: FileLimits) -> None:
        self._place, self._folder, self._limits = place, folder, limits
        self._known: frozenset[Drop] = frozenset()
        self._copies: dict[Drop, _Copy] = {}
        self._made = 0
        self._copying = asyncio.Lock()

    async def listing(self) -> Sequence[Drop]:
        """The files that were the same at two looks, oldest first."""
        seen = await self._look()
        if any(one not in self._known for one in seen):
            await asyncio.sleep(self._limits.settle_s)
            again = await self._look()
            seen = [one for one in again if one in self._known or one in seen]
        self._known = frozenset(seen)
        return sorted(seen, key=lambda one: (one.modified_at_ms, one.name))

    async def _look(self) -> list[Drop]:
        limits = self._limits
        return await patiently(self._place.look, within_s=limits.listing_s, attempts=limits.attempts)

    async def fetch(self, drop: Drop) -> Path:
        """A private copy; it is kept while it is in use."""
        async with self._copying:
            kept = self._copies.get(drop)
            if kept is None:
                if drop.size > self._limits.file_bytes:
                    raise too_large(drop, self._limits.file_bytes)
                self._forget_old(drop.size)
                limits = self._limits
                path = await patiently(
                    lambda: self._copy(drop), within_s=limits.fetch_s, attempts=limits.attempts
                )
                kept = self._copies[drop] = _Copy(path, drop.size, 0.0)
            kept.asked_at_s = time.monotonic()
            return kept.path

    async def _copy(self, drop: Drop) -> Path:
        self._made += 1
        path = self._folder / f"{self._made:06d}"
        try:
            with created(path) as into:
                await self._place.copy(drop, into, self._limits.file_bytes)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _forget_old(self, coming: int) -> None:
        now_s = time.monotonic()
        for drop, kept in sorted(self._copies.items(), key=lambda pair: pair[1].asked_at_s):
            full = sum(one.size for one in self._copies.values()) + coming > self._limits.kept_bytes
            if full and now_s - kept.asked_at_s > self._limits.kept_s:
                kept.path.unlink(missing_ok=True)
                del self._copies[drop]


def created(path: Path) -> IO[bytes]:
    """A new file that this account alone may read."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


class LocalFolder:
    """A folder of this machine. Links and devices are not looked at."""

    def __init__(self, path: Path, limits: FileLimits) -> None:
        self._path, self._limits = path, limits

    async def look(self) -> list[Drop]:
        """The regular files in the folder itself."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> list[Drop]:
        found = []
        try:
            with os.scandir(self._path) as entries:
                for number, entry in enumerate(entries):
                    if number >= self._limits.files:
                        raise too_many(self._limits)
                    if is_finished(entry.name) and entry.is_file(follow_symlinks=False):
                        told = entry.stat(follow_symlinks=False)
                        found.append(Drop(entry.name, told.st_size, told.st_mtime_ns // 1_000_000))
        except OSError as error:
            raise self._fault(error) from None
        return found

    def _fault(self, error: OSError) -> SisconError:
        shown = plain(self._path, limit=120)
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return ProviderError(f"The folder {shown} is not there. Check base_url.", code="no_folder")
        if isinstance(error, PermissionError):
            return ProviderError(f"This account may not read {shown}: give it the right.", code="forbidden")
        return TransientError(f"The folder {shown} cannot be read ({error.strerror}).", code="unreadable")

    async def copy(self, drop: Drop, into: IO[bytes], cap_bytes: int) -> None:
        """Copy a file, and look whether it stayed as it was."""
        await asyncio.to_thread(self._copy, drop, into, cap_bytes)

    def _copy(self, drop: Drop, into: IO[bytes], cap_bytes: int) -> None:
        try:
            handle = os.open(self._path / drop.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as source:
                size = 0
                while chunk := source.read(CHUNK):
                    size += len(chunk)
                    if size > cap_bytes:
                        raise too_large(drop, cap_bytes)
                    into.write(chunk)
                told = os.fstat(handle)
        except FileNotFoundError:
            raise changed(drop) from None
        except OSError as error:
            raise self._fault(error) from None
        now = Drop(drop.name, told.st_size, told.st_mtime_ns // 1_000_000)
        if now != drop or size != drop.size or not stat.S_ISREG(told.st_mode):
            raise changed(drop)


class Address:
    """One file at an address, asked for conditionally; without a date of the server its own age counts."""

    def __init__(self, url: str, login: FileLogin, folder: Path, limits: FileLimits) -> None:
        self._url, self._login, self._folder, self._limits = url, login, folder, limits
        self._validators: dict[str, str] = {}
        self._kept: tuple[Drop, Path] | None = None
        self._former: deque[Path] = deque()
        self._made = 0
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        self._name = name if name.lower().endswith((".zip", ".csv")) and is_finished(name) else "download.zip"

    async def listing(self) -> Sequence[Drop]:
        """The file as it is now, fetched already; not fetched again where the server says that it is the same."""
        limits = self._limits
        await patiently(self._ask, within_s=limits.fetch_s, attempts=limits.attempts)
        assert self._kept is not None
        return [self._kept[0]]

    async def fetch(self, drop: Drop) -> Path:
        """The copy that the listing told of."""
        if self._kept is None or self._kept[0] != drop:
            raise changed(drop)
        return self._kept[1]

    async def _ask(self) -> None:
        self._made += 1
        path = self._folder / f"{self._made:06d}"
        try:
            with created(path) as into:
                answer = await download(
                    self._url,
                    into,
                    headers={**self._authorization(), **(self._validators if self._kept else {})},
                    cap_bytes=self._limits.file_bytes,
                    whole_s=self._limits.fetch_s,
                    ca_file=self._login.ca_file,
                )
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if answer.status == 304 and self._kept is not None:
            path.unlink()
            return
        if self._kept is not None and await asyncio.to_thread(_is_same, path, self._kept[1]):
            path.unlink()
            return
        if self._kept is not None:
            self._former.append(self._kept[1])
        while len(self._former) > FORMER_MOST:
            self._former.popleft().unlink(missing_ok=True)
        moment = _moment_ms(answer.headers.get("last-modified", ""))
        self._kept = Drop(self._name, path.stat().st_size, moment), path
        pairs = (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
        self._validators = {ask: answer.headers[told] for ask, told in pairs if told in answer.headers}

    def _authorization(self) -> dict[str, str]:
        login = self._login
        if login.token:
            return {"Authorization": f"Bearer {login.token.reveal()}"}
        if login.username and login.password:
            pair = f"{login.username}:{login.password.reveal()}".encode()
            return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        return {}


def _is_same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(CHUNK):
            if chunk != right.read(CHUNK):
                return False
    return True


def _moment_ms(text: str) -> int:
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return time.time_ns() // 1_000_000
