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
