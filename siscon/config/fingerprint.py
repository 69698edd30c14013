"""A digest by which one configuration is told from another."""

from __future__ import annotations

import hashlib
import json

from siscon.config.model import Settings


def fingerprint(settings: Settings) -> str:
    """A SHA-256 over all settings but the looks of a console, in hexadecimal; secrets are stars in it, so a changed
    one does not show.
    """
    told = settings.model_dump(mode="json", exclude={"console"})
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
