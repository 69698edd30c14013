"""Which certificates are trusted: those of the system and of the district. Certificate checks cannot be turned off."""

from __future__ import annotations

import ssl
from pathlib import Path

from siscon.domain.errors import ConfigError
from siscon.domain.text import plain


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The system's trust store plus the district's CA; a file that holds none is a ``ConfigError``."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"The certificate authorities in {plain(ca_file)} cannot be read ({type(error).__name__}). "
                "ca_file must name a PEM file that this account may read.",
                code="ca_file",
            ) from error
    return context
