"""What PowerSchool says to those who write: the sandbox checks, answers in the right shapes, and keeps no pupils."""

from __future__ import annotations

import json
from typing import Any

from siscon.sandbox.powerschool_paging import Refused
from siscon.sandbox.wire import Answer, Asked, answer_json


class Writes:
    """The writing side of /ws/v1, and the subscription to events, which is all that it remembers."""

    def __init__(self) -> None:
        self._subscribed: Any = None

    def answer(self, asked: Asked, path: list[str]) -> Answer:
        """Answer one request that writes, or any at all to the event subscription."""
        match path, asked.method:
            case ["student"], "POST":
                return answer_json({"results": _results(_body(asked))})
            case ["event_subscription"], "GET" if self._subscribed is not None:
                return answer_json(self._subscribed)
            case ["event_subscription"], "PUT":
                status = 201 if self._subscribed is None else 204
                self._subscribed = _body(asked)
                return Answer(status)
            case ["event_subscription"], "DELETE":
                self._subscribed = None
                return Answer(204)
            case ["event_subscription"], _:
                raise Refused(404, "There is no event subscription")
        raise Refused(405, "Only GET is allowed on this resource in the sandbox")


def _body(asked: Asked) -> dict[str, Any]:
    if "json" not in asked.headers.get("content-type", ""):
        raise Refused(415, "Unsupported media type: send application/json")
    try:
        told = json.loads(asked.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Refused(400, "The body must be a JSON object", field="body", code="Invalid")
    return told


def _results(told: dict[str, Any]) -> dict[str, Any]:
    """Status 200 whatever befalls: each row has a verdict of its own, and one alone is an object."""
    inner = told.get("students")
    rows = inner.get("student") if isinstance(inner, dict) else None
    rows = rows if isinstance(rows, list) else [rows]
    results = [_result(row if isinstance(row, dict) else {}) for row in rows]
    return {
        "insert_count": 0,
        "update_count": 0,
        "delete_count": 0,
        "result": results[0] if len(results) == 1 else results,
    }


def _result(row: dict[str, Any]) -> dict[str, Any]:
    verdict = {"client_uid": row.get("client_uid", 0), "action": row.get("action", "INSERT")}
    name = row.get("name")
    if not isinstance(name, dict) or not name.get("last_name"):
        error = {
            "field": "student/name/last_name",
            "error_code": "REQUIRED",
            "error_description": "last_name is required",
        }
        return {**verdict, "status": "ERROR", "error_message": {"error": error}}
    warning = {
        "field": "student",
        "warning_code": "NOT_KEPT",
        "warning_description": "The sandbox keeps no pupils that are written to it",
    }
    return {**verdict, "status": "WARNING", "warning_message": {"warning": warning}}
