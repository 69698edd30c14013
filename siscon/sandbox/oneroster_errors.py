"""OneRoster's errors, in each of the dialects that servers are known to speak."""

from __future__ import annotations

from typing import Any

from siscon.sandbox.wire import Answer, answer_html, answer_json


def refusal(dialect: str, status: int, minor: str, description: str) -> Answer:
    """An error: ``flat`` is the StatusInfo of OneRoster 1.2, the others are how servers stray from it."""
    info: dict[str, Any] = {
        "imsx_codeMajor": "failure",
        "imsx_severity": "error",
        "imsx_description": description,
    }
    field = {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": minor}
    match dialect:
        case "set":
            return answer_json({"statusInfoSet": [{**info, "imsx_codeMinor": minor}]}, status)
        case "string":
            return answer_json({**info, "imsx_codeMinor": minor}, status)
        case "list":
            return answer_json({"errorMessageList": [{"code": minor, "message": description}]}, status)
        case "html":
            return answer_html(f"Error {status}", status)
    info["imsx_CodeMinor"] = {"imsx_codeMinorField": [field]}
    return answer_json({"imsx_statusInfo": info} if dialect == "wrapped" else info, status)
