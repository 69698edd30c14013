"""Where the data of an integration may lie: an address for those who ask, a place of files for those who read."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon import config
from siscon.domain.errors import ConfigError
from siscon.providers import registry

NORTH = """
home: home
integrations:
  north:
    provider: {provider}
    base_url: {base_url}
"""
LOGIN = "    client_id: a\n    client_secret: ${{SECRET}}\n".format()


def loaded(folder: Path, text: str) -> config.Settings:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return config.load(file, {"SECRET": "b"}, provider_settings=registry.settings_of)


@pytest.mark.parametrize(
    "base_url",
    [
        "/srv/drop",
        "file:///srv/a%20drop",
        "sftp://sis.example:2222/out",
        "https://sis.example/out/roster.zip",
    ],
)
def test_a_reader_of_files_takes_any_place(tmp_path: Path, base_url: str) -> None:
    settings = loaded(tmp_path, NORTH.format(provider="oneroster_csv", base_url=base_url))

    assert settings.integrations["north"].base_url == base_url


@pytest.mark.parametrize(
    "base_url", ["sftp://ann@sis.example/out", "sftp://sis.example/a?b", "ftp://sis.example/"]
)
def test_a_place_holds_no_login_and_is_of_a_known_kind(tmp_path: Path, base_url: str) -> None:
    with pytest.raises(ConfigError):
        loaded(tmp_path, NORTH.format(provider="oneroster_csv", base_url=base_url))


@pytest.mark.parametrize("base_url", ["/srv/drop", "sftp://sis.example/out"])
def test_who_asks_an_api_reads_no_files(tmp_path: Path, base_url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, NORTH.format(provider="powerschool", base_url=base_url) + LOGIN)

    (complaint,) = refused.value.complaints
    assert complaint.path == "integrations.north.base_url"
    assert "does not read" in complaint.sentence


def test_an_address_without_a_scheme_is_told_how_it_begins(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, NORTH.format(provider="powerschool", base_url="north.example") + LOGIN)

    (complaint,) = refused.value.complaints
    assert complaint.sentence == "must begin with https:// or http://"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('home: ""', "must not be empty: name a path, or leave the key out"),
        (
            "guard: {entities: {enrolment: {at_least: 9}}}",
            "'enrolment' is not known here: did you mean 'enrollment'?",
        ),
        (
            "reports: {daily: {reports: [noon]}}",
            "'noon' is not known here: known are history, morning, success",
        ),
        ("reports: {daily: {reports: []}}", "must not be empty"),
    ],
)
def test_a_mistake_is_one_complaint_in_our_words(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, line + "\n")

    assert [one.sentence for one in refused.value.complaints] == [sentence]
