"""A provider in one file: loaded only if nobody else could have written it, and known by its very text."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from siscon.domain.errors import ConfigError
from siscon.providers import registry

CODE = b"""
from siscon.providers.contract import Provider

class Tern(Provider):
    name, title, entities = "tern", "Tern", ()

class Stone:
    pass
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    path = tmp_path / "tern.py"
    path.write_bytes(CODE)
    path.chmod(0o600)
    return path


def test_a_file_is_loaded_once_and_its_digest_is_that_of_its_text(file: Path) -> None:
    kind = registry.load(f"{file}:Tern")
    package = registry.package_of(f"{file}:Tern", kind)

    assert kind.title == "Tern"
    assert registry.load(f"{file}:Tern") is kind
    assert (package.file, package.sha256) == (str(file), hashlib.sha256(CODE).hexdigest())
    assert registry.settings_of(f"{file}:Tern") is kind.Settings
    assert not list(file.parent.glob("__pycache__"))


def test_a_changed_file_is_another_provider(file: Path) -> None:
    before = registry.load(f"{file}:Tern")
    file.write_bytes(CODE.replace(b'"Tern"', b'"Other"'))

    assert registry.load(f"{file}:Tern").title == "Other"
    assert before.title == "Tern"


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_others_may_write_is_not_executed(file: Path, what: str) -> None:
    file.write_bytes(b"raise SystemExit('executed')")
    (file if what == "file" else file.parent).chmod(0o777)

    with pytest.raises(ConfigError, match="could be changed by another account"):
        registry.load(f"{file}:Tern")


@pytest.mark.parametrize(
    ("code", "member", "words"),
    [
        (CODE, "Gull", "has no Gull"),
        (CODE, "Stone", "is no siscon.providers.contract.Provider"),
        (b"import no_such_module_here", "Tern", "cannot be imported"),
        (b"def broken(:", "Tern", "cannot be imported"),
        (b"#" * 1_100_000, "Tern", "at most 1 MiB"),
    ],
)
def test_what_is_no_provider_is_a_sentence(file: Path, code: bytes, member: str, words: str) -> None:
    file.write_bytes(code)

    with pytest.raises(ConfigError, match=words):
        registry.load(f"{file}:{member}")


def test_a_file_that_is_not_there_and_a_path_that_is_none_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        registry.load(f"{tmp_path}/none.py:Tern")
    with pytest.raises(ConfigError, match="There is no provider"):
        registry.load("./tern.py:Tern")
