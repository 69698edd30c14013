"""What an integration may be called."""

from __future__ import annotations

import pytest

from siscon.domain.mappings import INTEGRATION_NAME


@pytest.mark.parametrize("name", ["harbor\n", "Harbor", "1st", "a" * 32, "a-b", ""])
def test_a_name_that_cannot_be_part_of_a_table_is_refused_whole(name: str) -> None:
    assert INTEGRATION_NAME.match(name) is None
