"""Providers by name: listed without importing, loaded clearly, broken ones survived."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from siscon.domain.errors import ConfigError
from siscon.providers import registry
from siscon.providers.contract import Provider, ProviderSettings
from siscon.providers.registry import load, names, needs_of

BROKEN = """
[siscon.providers]
broken_one = no_such_module_here:Thing
no_provider = json:loads
"""


def test_ours_are_found_like_anybodys() -> None:
    assert {"infinite_campus", "powerschool", "skyward"} <= set(names())
    assert load("powerschool").title == "PowerSchool"


def test_a_misspelt_name_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean powerschool"):
        load("powerschol")


def test_what_a_login_needs_comes_from_the_provider_and_its_settings() -> None:
    settings = load("powerschool").Settings(base_url="https://sis.example.org")

    assert set(needs_of("powerschool", settings)) == {"client_id", "client_secret"}


class Wordless(Provider):
    """A provider whose author forgot to say how it logs in."""


class Choosy(Provider):
    """A provider whose settings do not fit together."""

    @classmethod
    def grant(cls, settings: ProviderSettings) -> NoReturn:
        raise ConfigError("Say either a or b.")


@pytest.mark.parametrize(
    ("kind", "said"), [(Wordless, "does not say how it logs in"), (Choosy, "either a or b")]
)
def test_a_provider_that_cannot_tell_how_it_logs_in_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: type[Provider], said: str
) -> None:
    monkeypatch.setattr(registry, "load", lambda _name: kind)
    with pytest.raises(ConfigError, match=said):
        needs_of("wired", ProviderSettings(base_url="https://sis.example.org"))


class Strange(Provider):
    """A provider that logs in with something siscon never heard of."""

    @classmethod
    def grant(cls, settings: ProviderSettings) -> str:  # type: ignore[override] # this is what is tested
        del settings
        return "by carrier pigeon"


def test_a_login_that_is_none_of_the_known_ones_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda _name: Strange)
    with pytest.raises(ConfigError, match="its grant is str"):
        needs_of("wired", ProviderSettings(base_url="https://sis.example.org"))


HALF_DONE = """
from siscon.domain.records import Entity
from siscon.providers.contract import Provider

class Half(Provider):
    name = "half"
    title = "Half done"
    entities = (Entity.SCHOOL, Entity.STUDENT)
    {flaw}
"""


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("name = 7", "its 'name' is no text"),
        ("title = None", "its 'title' is no text"),
        ("entities = None", "its 'entities' are no tuple"),
        ("entities = ('school',)", "its 'entities' are no tuple"),
        ("entities = [Entity.SCHOOL]", "its 'entities' are no tuple"),
        ("entities = (Entity.STUDENT, Entity.SCHOOL)", "parents before what refers to them"),
        ("entities = (Entity.SCHOOL, Entity.SCHOOL)", "parents before what refers to them"),
        ("Settings = dict", "its 'Settings' are no class of ProviderSettings"),
        ("Settings = None", "its 'Settings' are no class of ProviderSettings"),
    ],
)
def test_a_half_done_provider_hears_what_it_lacks_when_it_is_loaded(
    tmp_path: Path, flaw: str, said: str
) -> None:
    file = tmp_path / "half.py"
    file.write_text(HALF_DONE.format(flaw=flaw))
    file.chmod(0o600)
    tmp_path.chmod(0o700)

    with pytest.raises(ConfigError, match=said) as told:
        load(f"{file}:Half")
    assert told.value.code == "broken_provider"


def test_listing_imports_no_provider_and_a_broken_stranger_is_survived(tmp_path: Path) -> None:
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(BROKEN)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from siscon.providers import registry\n"
        "assert 'broken_one' in registry.names()\n"
        "assert not any(one.endswith(('powerschool', 'skyward')) or one == 'httpx' for one in sys.modules)\n"
        "good, bad = registry.load_all()\n"
        "assert 'skyward' in good and set(bad) == {'broken_one', 'no_provider'}, bad\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("name", ["infinite_campus", "oneroster", "oneroster_csv", "powerschool", "skyward"])
def test_every_setting_of_ours_says_what_it_means(name: str) -> None:
    fields = load(name).Settings.model_fields
    assert [one for one in fields if one != "base_url" and not fields[one].description] == []
