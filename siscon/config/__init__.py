"""config.yaml -> Settings: strict, with file, line, column and the nearest known key in every complaint."""

from siscon.config.load import Loaded, SettingRow, explain, load, read
from siscon.config.model import (
    EngineSettings,
    IntegrationSettings,
    Settings,
    StorageSettings,
    is_loopback,
)
from siscon.config.policies import ConflictSettings, GuardSettings
from siscon.config.schema import schema

__all__ = [
    "ConflictSettings",
    "EngineSettings",
    "GuardSettings",
    "IntegrationSettings",
    "Loaded",
    "SettingRow",
    "Settings",
    "StorageSettings",
    "explain",
    "is_loopback",
    "load",
    "read",
    "schema",
]
