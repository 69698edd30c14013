"""Trust in certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from siscon.domain.errors import ConfigError
from siscon.providers.transport.tls import trust


@pytest.mark.parametrize("text", ["", "no certificate", None])
def test_a_file_without_authorities_is_a_fault_of_the_configuration(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ConfigError, match=r"ca\.pem cannot be read"):
        trust(file)


def test_certificates_are_always_checked() -> None:
    context = trust(None)

    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
