"""What people may see of a configuration: every value with its source, and the schema with all providers' settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from siscon import config
from siscon.domain.errors import SisconError
from siscon.providers import registry


def explain(path: Path, environ: Mapping[str, str]) -> list[config.SettingRow]:
    """Every value and where it comes from; raises ``ConfigError`` with all that is wrong."""
    return config.explain(
        path,
        environ,
        provider_settings=registry.settings_of,
        provider_needs=registry.needs_of,
        known_providers=registry.names(),
    )


def json_schema() -> dict[str, Any]:
    """The JSON schema of a configuration, with the settings of every provider that can be loaded."""
    models = {}
    for name in registry.names():
        try:
            model = registry.settings_of(name)
        except SisconError:
            continue  # 'siscon doctor' tells of it
        if model is not None:
            models[name] = model
    return config.schema(models)
