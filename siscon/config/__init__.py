"""config.yaml -> Settings: strict, with file, line, column and the nearest known key in every complaint."""

from siscon.config.addresses import is_loopback
from siscon.config.fingerprint import fingerprint
from siscon.config.load import Loaded, SettingRow, explain, load, read
from siscon.config.model import (
    EngineSettings,
    IntegrationSettings,
    Settings,
    StorageSettings,
)
from siscon.config.notices import ChannelSettings, NoticeSettings
from siscon.config.policies import ConflictSettings, GuardSettings
from siscon.config.schema import schema

__all__ = [
    "ChannelSettings",
    "ConflictSettings",
    "EngineSettings",
    "GuardSettings",
    "IntegrationSettings",
    "Loaded",
    "NoticeSettings",
    "SettingRow",
    "Settings",
    "StorageSettings",
    "explain",
    "fingerprint",
    "is_loopback",
    "load",
    "read",
    "schema",
]
