"""Keys: where they come from, and what happens when they are not there."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from siscon.domain.errors import ConfigError, DatabaseError
from siscon.domain.privacy import Secret
from siscon.domain.tokens import Token
from siscon.store import audit, tokens
from siscon.store.database import Database
from siscon.store.keys import load_keys
from siscon.store.rekey import any_sealed
from siscon.store.vault import Vault
from support.databases import activate

OLD, NEW = b"o" * 32, b"n" * 32


def line(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


def write(path: Path, *keys: bytes, mode: int = 0o600) -> Path:
    path.write_text("\n".join(map(line, keys)) + "\n")
    path.chmod(mode)
    return path


def test_what_is_sealed_opens_at_its_place_only() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("geheim", place="tokens|a|access")

    assert vault.open(sealed, place="tokens|a|access") == "geheim"
    for place in ("tokens|b|access", "tokens|a|refresh", "dead_records|a|access"):
        with pytest.raises(DatabaseError):
            vault.open(sealed, place=place)


def test_the_same_text_is_never_sealed_alike() -> None:
    vault = Vault([NEW])

    assert vault.seal("x", place="p") != vault.seal("x", place="p")


def test_a_new_first_key_seals_and_the_old_one_still_opens() -> None:
    sealed = Vault([OLD]).seal("x", place="p")
    rotated = Vault([NEW, OLD])

    assert rotated.open(sealed, place="p") == "x"
    assert rotated.key_id == Vault([NEW]).key_id
    with pytest.raises(ConfigError) as refused:
        Vault([NEW]).open(sealed, place="p")
    assert refused.value.code == "key_missing"


def test_derived_keys_differ_by_purpose_and_stay_the_same() -> None:
    vault = Vault([NEW])

    assert vault.derive("audit") == Vault([NEW]).derive("audit")
    assert len({vault.derive("audit"), vault.derive("pseudonyms"), Vault([OLD]).derive("audit"), NEW}) == 4


def test_a_key_is_made_once_for_us_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = load_keys(home, {}, create=True)
    again = load_keys(home, {}, create=True)

    assert first.key_id == again.key_id
    assert stat.S_IMODE((home / "siscon.key").stat().st_mode) == 0o600
    assert [one.name for one in home.iterdir()] == ["siscon.key"]


async def test_a_lost_key_is_never_replaced_when_the_database_holds_sealed_rows(
    db: Database, tmp_path: Path
) -> None:
    vault = load_keys(tmp_path, {}, create=True)
    async with db.transaction() as c:
        await activate(c, "a")
        assert await any_sealed(c) is False
        await tokens.save(c, vault, "a", Token(Secret("x"), 0, None))
        sealed = await any_sealed(c)
    (tmp_path / "siscon.key").unlink()

    with pytest.raises(ConfigError) as refused:
        load_keys(tmp_path, {}, create=not sealed)
    assert refused.value.code == "key_missing"
    assert not (tmp_path / "siscon.key").exists()


async def test_an_audit_that_only_its_key_can_prove_counts_as_sealed(db: Database) -> None:
    async with db.transaction() as c:
        await audit.append(c, Vault([NEW]), actor="x", action="y", target="z", detail={}, at_ms=1)

        assert await any_sealed(c) is True


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o660])
def test_a_key_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    write(tmp_path / "siscon.key", NEW, mode=mode)

    with pytest.raises(ConfigError, match="chmod 600"):
        load_keys(tmp_path, {}, create=True)


def test_a_link_is_no_key_file_and_nothing_is_written_through_it(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / "siscon.key").symlink_to(target)

    with pytest.raises(ConfigError):
        load_keys(tmp_path, {}, create=True)
    assert not target.exists()


def test_a_pipe_is_no_key_file_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "siscon.key", 0o600)

    with pytest.raises(ConfigError, match="not a plain file"):
        load_keys(tmp_path, {}, create=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_key_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(write(tmp_path / "siscon.key", NEW), 12345, 12345)

    with pytest.raises(ConfigError, match="belongs to another account"):
        load_keys(tmp_path, {}, create=True)


@pytest.mark.parametrize("text", ["", "\n", "not a key\n", line(NEW)[:-6] + "\n", line(NEW) + "\nshort\n"])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "siscon.key"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(ConfigError) as refused:
        load_keys(tmp_path, {}, create=True)
    assert refused.value.code == "bad_key"
    assert line(NEW)[:8] not in str(refused.value)


def test_the_first_place_that_has_a_key_is_used(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    write(credentials / "siscon.key", b"1" * 32, mode=0o440)
    named = write(tmp_path / "named", b"2" * 32)
    write(tmp_path / "siscon.key", b"4" * 32)
    environ = {
        "CREDENTIALS_DIRECTORY": str(credentials),
        "SISCON_KEY_FILE": str(named),
        "SISCON_KEY": f"{line(b'3' * 32)},{line(OLD)}",
    }
    used = []
    for name in [*environ, None]:
        used.append(load_keys(tmp_path, environ, create=False).key_id)
        environ.pop(name or "", None)

    assert used == [Vault([key * 32]).key_id for key in (b"1", b"2", b"3", b"4")]


def test_a_named_key_file_that_is_not_there_is_an_error_and_not_made(tmp_path: Path) -> None:
    named = tmp_path / "named"

    with pytest.raises(ConfigError):
        load_keys(tmp_path, {"SISCON_KEY_FILE": str(named)}, create=True)
    assert list(tmp_path.iterdir()) == []
