"""The switches of the sandbox: how each system behaves where real ones differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

_WORDS = {
    "retry_after": ("seconds", "date", "none", "absurd"),
    "limited_answer": ("json", "html"),
    "over_cap": ("error", "clamp"),
    "total_count": ("right", "wrong", "low", "moving", "none"),
    "too_many_body": ("header", "message"),
    "hrefs": ("absolute", "relative", "none"),
    "error_dialect": ("flat", "wrapped", "string", "set", "list", "html"),
    "unknown_field": ("error", "warning"),
    "booleans": ("string", "json"),
}
"""The words that a switch knows which takes a word."""


@dataclass(slots=True)
class Quirks:
    """Lasting behaviour of one system; the defaults are what the real one is said to do."""

    # tokens
    expires_in_as_string: bool = True
    no_expires_in: bool = False
    token_seconds: int = 0
    scope_required: bool = False
    granted_scopes: str = ""
    rotate_refresh: bool = True
    refresh_without_new: bool = False
    # limits
    requests_per_minute: int = 0
    min_interval_ms: int = 0
    at_once: int = 0
    retry_after: str = "seconds"
    limited_answer: str = "json"
    # pages
    max_page_size: int = 1000
    over_cap: str = "error"
    shift_rows: int = 0
    insert_rows: int = 0
    repeat_page: bool = False
    overlap_rows: int = 0
    empty_middle: bool = False
    short_pages: bool = False
    half_pages: bool = False
    total_count: str = "right"
    link_header: bool = True
    foreign_next: bool = False
    # ways of the server
    redirect_to: str = ""
    clock_skew_s: int = 0
    etag: bool = False
    # PowerSchool
    single_as_object: bool = True
    empty_as_text: bool = True
    digits_as_numbers: bool = True
    xml_without_accept: bool = True
    power_queries: bool = True
    record_as_object: bool = False
    metadata: bool = True
    no_access: str = ""
    unknown_columns: str = ""
    outage: bool = False
    dataversion: bool = True
    dataversion_as_int: bool = False
    dataversion_days: int = 30
    too_many_body: str = "header"
    # OneRoster
    hrefs: str = "absolute"
    nested_paths: bool = True
    error_dialect: str = "flat"
    unknown_field: str = "error"
    filter_clauses: int = 2
    tombstones: bool = True
    booleans: str = "string"
    school_year: int = 0
    ids_epoch: int = 0
    # Skyward's own interface
    cursor_repeats: bool = False

    def update(self, values: dict[str, Any]) -> None:
        """Set switches by name; raises ValueError for an unknown name or a value that it does not take."""
        known = {one.name: type(getattr(self, one.name)) for one in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown switch {name}; known are {', '.join(known)}")
            if type(value) is not known[name]:
                raise ValueError(f"switch {name} takes {known[name].__name__}")
            if name in _WORDS and value not in _WORDS[name]:
                raise ValueError(f"switch {name} takes {', '.join(_WORDS[name])}")
        for name, value in values.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All switches with their values."""
        return asdict(self)


POWERSCHOOL_QUIRKS = {"token_seconds": 2_591_999}
CAMPUS_QUIRKS = {
    "token_seconds": 3600,
    "max_page_size": 50_000,
    "over_cap": "clamp",
    "expires_in_as_string": False,
}
SKYWARD_QUIRKS = {
    "token_seconds": 3600,
    "max_page_size": 1000,
    "over_cap": "clamp",
    "expires_in_as_string": False,
    "error_dialect": "set",
    "unknown_field": "warning",
    "booleans": "json",
}
ONEROSTER_QUIRKS = {
    "token_seconds": 3600,
    "max_page_size": 5000,
    "over_cap": "clamp",
    "expires_in_as_string": False,
    "error_dialect": "wrapped",
}
