"""The section of roles is believed only where nobody else could have written it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from siscon import config
from siscon.config import Settings
from siscon.domain.errors import ConfigError
from siscon.domain.roles import Role

TEXT = "home: house\nroles:\n  admins: [alice, 1007]\n  operators: ['%ops']\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o600)
    tmp_path.chmod(0o700)
    return path


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    return config.load(path, environ or {}, provider_settings=lambda _: None)


def refused(path: Path, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    return " ".join(one.sentence for one in caught.value.complaints)


def test_names_numbers_and_groups_are_read(file: Path) -> None:
    rules = load(file).role_rules

    assert rules.lists == {Role.ADMIN: ("alice", "1007"), Role.OPERATOR: ("%ops",), Role.VIEWER: ()}
    assert rules.owner_uid == os.getuid()


def test_without_the_section_the_owner_of_the_home_counts(file: Path) -> None:
    file.write_text("home: house\n", encoding="utf-8")
    file.chmod(0o666)

    assert load(file).role_rules.lists is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664])
def test_a_file_that_others_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)

    assert f"chmod go-w {file}" in refused(file)


def test_a_folder_in_which_others_put_files_is_refused(file: Path) -> None:
    file.parent.chmod(0o777)
    assert f"chmod go-w {file.parent}" in refused(file)

    file.parent.chmod(0o1777)
    assert load(file).roles is not None


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_file_of_another_account_is_refused(file: Path) -> None:
    (file.parent / "house").mkdir()
    os.chown(file, 12_345, 12_345)

    assert "belongs to account 12345, the home to" in refused(file)


def test_an_environment_says_nothing_of_roles(file: Path) -> None:
    assert "an environment is anybody's" in refused(file, {"SISCON__ROLES__ADMINS": "eva"})

    file.write_text("home: house\nroles:\n  admins: ['${WHO}']\n", encoding="utf-8")
    assert "an environment is anybody's" in refused(file, {"WHO": "eva"})


@pytest.mark.parametrize("name", ["''", "'%'", "'a b'", "'a(1)'"])
def test_what_is_no_name_is_refused(file: Path, name: str) -> None:
    file.write_text(f"home: house\nroles:\n  admins: [{name}]\n", encoding="utf-8")

    assert "the name of an account" in refused(file)


def test_behind_sudo_only_a_file_of_the_account_or_of_root_is_believed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("home: house\n", encoding="utf-8")
    if not os.getuid():
        os.chown(file, 61234, -1)
    owner = file.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner)
    assert config.load(file, {}, provider_settings=lambda _: None, behind_sudo=True).roles is None

    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(ConfigError, match="Behind sudo and su") as caught:
        config.load(file, {}, provider_settings=lambda _: None, behind_sudo=True)
    assert caught.value.code == "not_believed"
    assert load(file).roles is None
