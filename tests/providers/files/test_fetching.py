"""Files from a folder, a real SFTP server and a real web server: whole, settled, private, and from no stranger."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncssh
import pytest

from siscon.domain.errors import AuthError, ConfigError, ProviderError, SisconError, TransientError
from siscon.domain.privacy import Secret
from siscon.providers.contract import Drop, Files
from siscon.providers.files import sftp as sftp_of
from siscon.providers.files.drop_folder import CHUNK, FileLimits, FileLogin
from siscon.providers.files.fetching import open_files

FAST = FileLimits(settle_s=0.0, attempts=1)
SECRET = "invented-secret"


@contextlib.asynccontextmanager
async def files_at(
    base_url: str, home: Path, login: FileLogin | None = None, limits: FileLimits = FAST
) -> AsyncIterator[Files]:
    async with open_files(
        base_url, login=login or FileLogin(), folder=home / "copies", limits=limits
    ) as files:
        yield files


async def names(files: Files) -> list[str]:
    return [one.name for one in await files.listing()]


# a folder


@pytest.mark.parametrize("form", [str, lambda path: path.as_uri()], ids=["path", "file url"])
async def test_a_folder_gives_whole_private_copies_oldest_first(
    tmp_path: Path, form: Callable[[Path], str]
) -> None:
    drop = tmp_path / "a drop"
    drop.mkdir()
    for name, at_s in (("b.zip", 1_000), ("a.zip", 2_000), ("c.csv", 1_500)):
        (drop / name).write_bytes(name.encode() * 1000)
        os.utime(drop / name, (at_s, at_s))

    async with files_at(form(drop), tmp_path) as files:
        listed = await files.listing()
        copies = [await files.fetch(one) for one in listed]
        again = [await files.fetch(one) for one in listed]
        read = [one.read_bytes() for one in copies]
        modes = {stat.S_IMODE(one.stat().st_mode) for one in (copies[0], copies[0].parent)}

    assert listed[0] == Drop("b.zip", 5000, 1_000_000)
    assert [one.name for one in listed] == ["b.zip", "c.csv", "a.zip"]
    assert read == [name.encode() * 1000 for name in ("b.zip", "c.csv", "a.zip")]
    assert copies == again
    assert modes == {0o600, 0o700}
    assert list((tmp_path / "copies").iterdir()) == []


async def test_links_devices_and_unfinished_files_are_not_taken(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    (drop / "folder.zip").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (drop / "link.zip").symlink_to(tmp_path / "secret")
    os.mkfifo(drop / "pipe.zip")
    for name in ("a.zip.part", "b.tmp", ".hidden.zip", "c.zip.filepart", "d.zip"):
        (drop / name).write_text("x")

    async with files_at(str(drop), tmp_path) as files:
        assert await names(files) == ["d.zip"]


async def test_a_file_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (tmp_path / "secret").write_text("x")
    (drop / "a.zip").write_text("x")
    async with files_at(str(drop), tmp_path) as files:
        (listed,) = await files.listing()
        (drop / "a.zip").unlink()
        (drop / "a.zip").symlink_to(tmp_path / "secret")

        with pytest.raises(SisconError):
            await files.fetch(listed)


async def test_a_growing_file_waits_until_it_has_settled(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "whole.zip").write_text("x")
    growing = drop / "growing.zip"
    growing.write_text("x")

    async def grow() -> None:
        while True:
            with growing.open("a") as file:
                file.write("more")
            await asyncio.sleep(0.01)

    async with files_at(str(drop), tmp_path, limits=FileLimits(settle_s=0.2, attempts=1)) as files:
        task = asyncio.create_task(grow())
        early = await names(files)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        late = await names(files)

    assert early == ["whole.zip"]
    assert sorted(late) == ["growing.zip", "whole.zip"]


async def test_a_file_that_changed_since_it_was_listed_is_not_given(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "a.zip").write_text("x")
    async with files_at(str(drop), tmp_path) as files:
        (listed,) = await files.listing()
        (drop / "a.zip").write_text("xy")

        with pytest.raises(TransientError) as refused:
            await files.fetch(listed)
        assert refused.value.code == "file_changed"
        assert not [one for one in (tmp_path / "copies").rglob("*") if one.is_file()]

        (renewed,) = await files.listing()
        assert (await files.fetch(renewed)).read_text() == "xy"


async def test_too_much_is_refused(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    for number in range(5):
        (drop / f"{number}.zip").write_bytes(b"x" * 2000)

    async with files_at(
        str(drop), tmp_path, limits=FileLimits(settle_s=0, attempts=1, file_bytes=1000)
    ) as files:
        with pytest.raises(ProviderError) as refused:
            await files.fetch((await files.listing())[0])
        assert refused.value.code == "too_large"
    async with files_at(str(drop), tmp_path, limits=FileLimits(settle_s=0, attempts=1, files=4)) as files:
        with pytest.raises(ProviderError) as refused:
            await files.listing()
        assert refused.value.code == "too_many_files"


async def test_copies_that_nobody_asks_for_any_more_are_given_up(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    for number in range(3):
        (drop / f"{number}.zip").write_bytes(b"x" * 1000)
    limits = FileLimits(settle_s=0, attempts=1, kept_bytes=2000, kept_s=0.0)

    async with files_at(str(drop), tmp_path, limits=limits) as files:
        copies = [await files.fetch(one) for one in await files.listing()]

        assert [one.exists() for one in copies] == [False, True, True]


async def test_a_folder_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    async with files_at(str(tmp_path / "nowhere"), tmp_path) as files:
        with pytest.raises(ProviderError, match="not there"):
            await files.listing()


@pytest.mark.parametrize("base_url", ["ftp://sis.example/x", "drop", "file://host/x", ""])
async def test_an_address_of_another_kind_is_refused(tmp_path: Path, base_url: str) -> None:
    with pytest.raises(ConfigError):
        async with files_at(base_url, tmp_path):
            pass


# SFTP


class Server:
    """A real SFTP server on loopback."""

    def __init__(self, folder: Path, port: int, key: asyncssh.SSHKey, user_key: asyncssh.SSHKey) -> None:
        self.folder, self.port = folder, port
        self.fingerprint = key.get_fingerprint()
        self.public = key.export_public_key().decode().strip()
        self.private = user_key.export_private_key().decode()

    @property
    def url(self) -> str:
        return f"sftp://127.0.0.1:{self.port}/drop"

    def login(self, **more: str | Secret) -> FileLogin:
        known: dict[str, object] = {
            "username": "siscon",
            "password": Secret(SECRET),
            "host_key": self.fingerprint,
        }
        return FileLogin(**{**known, **more})  # type: ignore[arg-type] # names and values of its own fields


@pytest.fixture
async def sftp(tmp_path: Path) -> AsyncIterator[Server]:
    root = tmp_path / "root"
    (root / "drop").mkdir(parents=True)
    key, user_key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")

    class Doors(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("siscon", SECRET)

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == "siscon" and key.get_fingerprint() == user_key.get_fingerprint()

    listening = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Doors,
        server_host_keys=[key],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(root)),
    )
    async with listening:
        yield Server(root / "drop", listening.get_port(), key, user_key)


async def test_an_sftp_folder_is_read_as_a_folder_is(tmp_path: Path, sftp: Server) -> None:
    (sftp.folder / "b.zip").write_bytes(b"b" * 700_000)
    os.utime(sftp.folder / "b.zip", (1_000, 1_000))
    (sftp.folder / "a.csv").write_bytes(b"a")
    (sftp.folder / "half.zip.part").write_bytes(b"x")
    (sftp.folder / "folder").mkdir()
    (sftp.folder / "link.zip").symlink_to("b.zip")

    async with files_at(sftp.url, tmp_path, sftp.login()) as files:
        listed = await files.listing()
        assert [one.name for one in listed] == ["b.zip", "a.csv"]
        assert listed[0] == Drop("b.zip", 700_000, 1_000_000)
        assert (await files.fetch(listed[0])).read_bytes() == b"b" * 700_000


async def test_sftp_lets_a_key_in_without_a_password(tmp_path: Path, sftp: Server) -> None:
    (sftp.folder / "a.zip").write_bytes(b"a")
    login = FileLogin(username="siscon", private_key=Secret(sftp.private), host_key=sftp.fingerprint)

    async with files_at(sftp.url, tmp_path, login) as files:
        assert await names(files) == ["a.zip"]


async def test_sftp_knows_a_server_by_a_file_of_known_hosts(tmp_path: Path, sftp: Server) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sftp.port} {sftp.public}\n")

    async with files_at(sftp.url, tmp_path, sftp.login(host_key="", known_hosts=str(known))) as files:
        assert await names(files) == []


async def test_sftp_trusts_no_stranger(tmp_path: Path, sftp: Server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sftp.port} {other.export_public_key().decode()}")
    for login in (
        sftp.login(host_key=other.get_fingerprint()),
        sftp.login(host_key="", known_hosts=str(known)),
    ):
        async with files_at(sftp.url, tmp_path, login) as files:
            with pytest.raises(AuthError, match="another key") as refused:
                await files.listing()
            assert refused.value.code == "host_key"
    with pytest.raises(ConfigError, match="host_key"):
        async with files_at(sftp.url, tmp_path, sftp.login(host_key="")):
            pass


async def test_sftp_says_why_it_cannot(tmp_path: Path, sftp: Server) -> None:
    async with files_at(sftp.url, tmp_path, sftp.login(password=Secret("wrong-secret"))) as files:
        with pytest.raises(AuthError) as refused:
            await files.listing()
        assert "wrong-secret" not in f"{refused.value.sentence} {refused.value.detail}"
    async with files_at(sftp.url + "/nowhere", tmp_path, sftp.login()) as files:
        with pytest.raises(ProviderError) as missing:
            await files.listing()
        assert missing.value.code == "no_folder"
    async with files_at("sftp://127.0.0.1:1/drop", tmp_path, sftp.login()) as files:
        with pytest.raises(TransientError):
            await files.listing()
    with pytest.raises(ConfigError, match="private_key"):
        async with files_at(sftp.url, tmp_path, sftp.login(private_key=Secret("no key"))):
            pass


@contextlib.asynccontextmanager
async def sluggish_sftp(root: Path, chunk_s: float) -> AsyncIterator[Server]:
    """An SFTP server that takes its time for each chunk; 0: it gives the first and then nothing more."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    (root / "drop").mkdir(parents=True)

    class Doors(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    class Sluggish(asyncssh.SFTPServer):
        async def read(self, file_obj: object, offset: int, size: int) -> bytes:
            if offset >= CHUNK and not chunk_s:
                file_obj.close()  # type: ignore[attr-defined] # nobody else will
                await asyncio.Event().wait()
            if offset >= CHUNK:
                await asyncio.sleep(chunk_s)
            return super().read(file_obj, offset, size)  # type: ignore[return-value] # it reads at once

    listening = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Doors,
        server_host_keys=[key],
        sftp_factory=lambda channel: Sluggish(channel, chroot=os.fsencode(root)),
    )
    async with listening:
        yield Server(root / "drop", listening.get_port(), key, key)


async def test_a_slow_copy_goes_on_as_long_as_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp_of, "STILL_S", 3.0)
    async with sluggish_sftp(tmp_path / "root", 0.7) as server:
        (server.folder / "a.zip").write_bytes(b"x" * CHUNK * 6)
        async with files_at(server.url, tmp_path, server.login()) as files:
            (drop,) = await files.listing()
            assert (await files.fetch(drop)).stat().st_size == CHUNK * 6


async def test_a_copy_that_stands_still_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp_of, "STILL_S", 0.6)
    async with sluggish_sftp(tmp_path / "root", 0) as server:
        (server.folder / "a.zip").write_bytes(b"x" * CHUNK * 2)
        async with files_at(server.url, tmp_path, server.login()) as files:
            (drop,) = await files.listing()
            with pytest.raises(TransientError, match=r"a\.zip stood still"):
                await files.fetch(drop)


# an address


class Web:
    """A web server of a few lines that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status, self.headers, self.body = "200 OK", ['ETag: "1"'], b"PK-whole"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(asked)
        status, body = self.status, self.body
        if 'if-none-match: "1"' in asked.lower() and '"1"' in "".join(self.headers):
            status, body = "304 Not Modified", b""
        lines = [
            f"HTTP/1.1 {status}",
            *self.headers,
            f"Content-Length: {len(body)}",
            "Connection: close",
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode() + body)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            writer.close()
            await writer.wait_closed()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    made = Web()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def test_an_address_is_asked_again_only_for_what_changed(tmp_path: Path, web: Web) -> None:
    web.headers = ['ETag: "1"', "Last-Modified: Tue, 01 Sep 2026 01:00:00 GMT"]
    url = f"http://127.0.0.1:{web.port}/out/roster.zip"

    async with files_at(url, tmp_path, FileLogin(token=Secret(SECRET))) as files:
        (first,) = await files.listing()
        (again,) = await files.listing()
        assert (await files.fetch(again)).read_bytes() == b"PK-whole"
        web.headers, web.body = ['ETag: "2"'], b"PK-newer"
        (newer,) = await files.listing()
        assert (await files.fetch(newer)).read_bytes() == b"PK-newer"
        with pytest.raises(TransientError):
            await files.fetch(first)

    assert first == again == Drop("roster.zip", 8, 1_788_224_400_000)
    assert all(f"Bearer {SECRET}" in one for one in web.asked)
    assert "if-none-match" not in web.asked[0].lower()


async def test_the_same_bytes_without_validators_are_the_same_file(tmp_path: Path, web: Web) -> None:
    web.headers = []
    async with files_at(f"http://127.0.0.1:{web.port}/", tmp_path) as files:
        assert await files.listing() == await files.listing()
        assert await names(files) == ["download.zip"]


@pytest.mark.parametrize(
    ("status", "headers", "body", "code"),
    [
        ("401 Unauthorized", [], b"", "login_refused"),
        ("404 Not Found", [], b"", "not_found"),
        ("302 Found", ["Location: http://elsewhere.example/"], b"", "redirect_refused"),
        ("503 Service Unavailable", [], b"", "unavailable"),
        ("200 OK", [], b"x" * 3000, "too_large"),
        ("200 OK", ["Content-Encoding: gzip"], b"x", "bad_encoding"),
    ],
)
async def test_an_address_that_gives_no_file_is_judged_as_an_api_is(
    tmp_path: Path, web: Web, status: str, headers: list[str], body: bytes, code: str
) -> None:
    web.status, web.headers, web.body = status, headers, body
    limits = FileLimits(attempts=1, file_bytes=2000)

    async with files_at(f"http://127.0.0.1:{web.port}/a.zip", tmp_path, limits=limits) as files:
        with pytest.raises(SisconError) as refused:
            await files.listing()

    assert refused.value.code == code


async def test_only_loopback_goes_without_tls(tmp_path: Path) -> None:
    async with files_at("http://sis.example/a.zip", tmp_path) as files:
        with pytest.raises(ConfigError, match="https"):
            await files.listing()


async def test_copies_of_an_address_do_not_pile_up(tmp_path: Path, web: Web) -> None:
    web.headers = []
    async with files_at(f"http://127.0.0.1:{web.port}/a.zip", tmp_path) as files:
        for number in range(20):
            web.body = f"PK-{number}".encode()
            (one,) = await files.listing()
            assert (await files.fetch(one)).read_bytes() == web.body

        copies = [path for path in (tmp_path / "copies").rglob("*") if path.is_file()]

    assert len(copies) <= 5


# what a killed process leaves


async def test_copies_of_a_killed_process_go_and_those_of_a_living_one_stay(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "a.csv").write_text("of pupils")
    left = tmp_path / "copies" / "files-of-the-dead"
    left.mkdir(parents=True)
    (left / "000001").write_text("of pupils")

    async with files_at(str(drop), tmp_path) as living:
        (one,) = await living.listing()
        copy = await living.fetch(one)
        async with files_at(str(drop), tmp_path) as other:
            await other.listing()

        assert not left.exists()
        assert copy.read_text() == "of pupils"
