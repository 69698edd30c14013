"""What a configuration says of upkeep: copies of the database, how long what is kept, the log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from siscon.config.kinds import Number, PathBeside, Section, wrong
from siscon.domain import schedules
from siscon.domain.errors import UsageError


def _readable(line: str) -> str:
    try:
        if line.strip():
            schedules.parse(line)
    except UsageError as error:
        raise wrong(error.sentence) from error
    return line.strip()


CronLine = Annotated[str, AfterValidator(_readable)]
"""Five cron fields, or nothing."""
Days = Annotated[Number, Field(ge=0, le=36_500)]


class BackupSettings(Section):
    schedule: CronLine = Field(
        "15 4 * * *", description="when the database is copied: five cron fields, empty: only when asked"
    )
    folder: PathBeside | None = Field(None, description="where the copies go; empty: backups in the home")
    keep: Number = Field(14, ge=1, le=10_000, description="so many copies are kept, the newest")
    keep_days: Days = Field(35, description="copies older than this go, but for the newest; 0: none does")


class RetentionSettings(Section):
    schedule: CronLine = Field(
        "45 4 * * *", description="when what is too old goes: five cron fields, empty: only when asked"
    )
    raw_days: Days = Field(30, description="what the SIS had said of records in error, sealed; 0: for ever")
    event_days: Days = Field(90, description="events; 0: for ever")
    request_days: Days = Field(90, description="what people asked for, with the answers; 0: for ever")
    log_days: Days = Field(90, description="closed log files and pages about crashes; 0: for ever")
    run_days: Days = Field(
        400, description="runs that ended, with the images that undo them and settled questions; 0: for ever"
    )


class CheckSettings(Section):
    schedule: CronLine = Field(
        "15 5 * * 0",
        description="when every page of the database is read and checked, empty: only when asked",
    )


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least that is written into the log"
    )
    file_mib: Number = Field(
        5, ge=1, le=1024, description="a log file of this size is closed, a new one begun"
    )
    file_days: Number = Field(7, ge=1, le=366, description="so is one that was begun so many days ago")
    files: Number = Field(10, ge=1, le=1000, description="so many closed files are kept of each log")


class UpkeepSettings(Section):
    backup: BackupSettings = Field(BackupSettings(), description="copies of the database")
    retention: RetentionSettings = Field(RetentionSettings(), description="how long what is kept")
    check: CheckSettings = Field(CheckSettings(), description="looking for damage")
    log: LogSettings = Field(LogSettings(), description="the logs in the home")

    @property
    def days(self) -> dict[str, int]:
        """For how many days what is kept; 0: for ever."""
        kept = self.retention
        return {
            "raw": kept.raw_days,
            "events": kept.event_days,
            "requests": kept.request_days,
            "logs": kept.log_days,
            "runs": kept.run_days,
            "copies": self.backup.keep_days,
        }
