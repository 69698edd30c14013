"""What a configuration says of reports by mail and of metrics."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from siscon.config.kinds import Number, PathBeside, Section, wrong
from siscon.config.notices import listed
from siscon.config.upkeep import CronLine

MOST_PORT = 65_535


class MailedReport(Section):
    schedule: CronLine = Field("", description="when it is sent: five cron fields, empty: never")
    reports: Annotated[tuple[Literal["morning", "success", "history"], ...], BeforeValidator(listed)] = Field(
        ("morning", "success"), min_length=1, description="which reports it holds: morning, success, history"
    )
    channels: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        (), description="channels of notices.channels; empty: all of the kind email"
    )


class ReportSettings(Section):
    daily: MailedReport = Field(MailedReport(), description="of the last 24 hours")
    weekly: MailedReport = Field(MailedReport(), description="of the last seven days")

    def check_channels(self, known: Collection[str], mail: Collection[str]) -> None:
        """Complain of a report that nobody would get."""
        for name, one in (("daily", self.daily), ("weekly", self.weekly)):
            strange = set(one.channels) - set(known)
            if strange:
                raise wrong(
                    f"reports.{name} names the channel '{min(strange)[:40]}', which stands not under notices.channels"
                )
            if one.schedule and not one.channels and not mail:
                raise wrong(f"reports.{name} goes nowhere: notices.channels has none of the kind email")


class MetricsSettings(Section):
    listen: str = Field(
        "", description="where an engine answers Prometheus, such as 127.0.0.1:9464; empty: nowhere"
    )
    textfile: PathBeside | None = Field(
        None,
        description="a file for the textfile collector of node-exporter, such as /var/lib/node/siscon.prom",
    )
    every_s: Number = Field(60, ge=5, le=3600, description="seconds between two writings of that file")

    @field_validator("listen")
    @classmethod
    def _an_address(cls, text: str) -> str:
        if text:
            split_address(text)
        return text.strip()

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port, or None."""
        return split_address(self.listen) if self.listen else None


def split_address(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; raises a complaint that says how it is written."""
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= MOST_PORT:
        raise wrong("must be an address and a port, such as 127.0.0.1:9464 or [::1]:9464")
    return host, int(port)
