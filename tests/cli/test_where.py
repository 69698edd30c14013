"""Lists of commands are narrowed in the language of the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon.cli import commands

CONFIG = """
home: home
integrations: {}
"""
MEANT = {
    "mappings": "status!=synced",
    "errors": "attempts>=3 age>2d",
    "conflicts": "kind=fields",
    "runs": "took>600",
}


@pytest.mark.parametrize("noun", MEANT)
def test_a_list_takes_a_filter_and_refuses_a_mistake_with_the_names_there_are(
    noun: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")

    assert commands.run([noun, "list", "--config", str(config), "--where", MEANT[noun]]) == 0
    capsys.readouterr()
    assert commands.run([noun, "list", "--config", str(config), "--where", "colour=red"]) == 2
    assert "There is no column 'colour' here." in capsys.readouterr().err
