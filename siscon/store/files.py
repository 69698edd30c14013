"""What the store asks of files: local, private, ours. Nothing here ever opens a database file: closing it again
would drop the locks that SQLite holds on it in the same process.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from siscon.domain.errors import DatabaseError
from siscon.domain.text import plain

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

_OVER_THE_NETWORK = frozenset(
    {
        *(
            "9p",
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "coda",
            "davfs",
            "glusterfs",
            "gpfs",
            "lustre",
            "ncpfs",
            "nfs",
        ),
        *(
            "nfs4",
            "ocfs2",
            "orangefs",
            "smb2",
            "smb3",
            "smbfs",
            "fuse.davfs2",
            "fuse.glusterfs",
            "fuse.rclone",
        ),
        *("fuse.s3fs", "fuse.sshfs"),
    }
)
_MOUNTS = Path("/proc/self/mountinfo")


def is_network_filesystem(path: Path) -> str | None:
    """The type of the network file system that ``path`` lies on, or None for a local disk (or when unknown)."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = filesystem_of(path.resolve(), mounts)
    return kind if kind in _OVER_THE_NETWORK else None


def filesystem_of(path: Path, mounts: str) -> str | None:
    """The file system type of an absolute path according to a text in the form of ``mountinfo``."""
    best, kind = -1, None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        columns = left.split(" ")
        if len(columns) < 5 or not right:
            continue
        point = Path(columns[4].encode("latin-1", "replace").decode("unicode_escape"))
        if len(point.parts) >= best and path.is_relative_to(point):
            best, kind = len(point.parts), right.split(" ", 1)[0]
    return kind


def prepare(path: Path) -> None:
    """Make folder and file of a database, both private; refuse a network share and a place without write access."""
    shown = plain(path)
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        if kind := is_network_filesystem(path.parent):
            raise DatabaseError(
                f"{shown} lies on a network share ({kind}), where SQLite's locks do not hold. "
                "Put `home` on a local disk.",
                code="network_filesystem",
            )
        _create(path)
        _make_private(path)
    except OSError as error:
        raise DatabaseError(
            f"{shown} cannot be made or used: {error.strerror}. Give the account that runs siscon a folder of its "
            "own on a local disk.",
            code="unusable_place",
        ) from error
    if not os.access(path.parent, os.W_OK) or not os.access(path, os.W_OK):
        raise DatabaseError(
            f"{shown} or its folder is read-only for this account. Give it the right to write there.",
            code="read_only",
        )


def _create(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    except FileExistsError:
        return


def _make_private(path: Path) -> None:
    """Take the rights of group and others away; SQLite gives its side files the rights of the main file."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise DatabaseError(f"{plain(path)} is not a file. Name another `home`.", code="unusable_place")
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(PRIVATE_FILE)


def identity(path: Path) -> tuple[int, int]:
    """Device and inode of a file, to notice that it was deleted or replaced; raises ``OSError``."""
    found = path.stat()
    return found.st_dev, found.st_ino


def see_that_it_is(path: Path, known: tuple[int, int]) -> None:
    """See that a file that is open still has its name: else what is read is old, and what is written lost."""
    try:
        same = identity(path) == known
    except OSError:
        same = False
    if not same:
        raise DatabaseError(
            f"{plain(path)} was deleted or replaced while it was open. Stop siscon, put the right file "
            "in its place and start again.",
            code="replaced",
        )


def contents(path: Path) -> tuple[int, int, int, int] | None:
    """What changes when somebody writes into a file that is open; None where it has no name any more."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, too; raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
