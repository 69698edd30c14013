"""What an SIS says of a refusal reaches the log without secrets; its code becomes a sentence."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from siscon.domain.errors import ProviderError
from siscon.domain.privacy import Secret
from siscon.providers.contract import Answer
from siscon.providers.transport.classify import judge
from siscon.providers.transport.said import READ_BYTES, said, struck
from siscon.sandbox.oneroster_errors import refusal

SECRET = "canary-word+7/8&x=1"
KNOWN = (Secret("ann-of-harbor"), Secret(SECRET), Secret(f"the-id:{SECRET}"))
FORMS = {
    "as it is": SECRET,
    "in an address": quote(SECRET, safe=""),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "as basic": base64.b64encode(f"the-id:{SECRET}".encode()).decode(),
    "with its name": "ann-of-harbor",
}


def answer(body: object, status: int = 400) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, {"x-echo": f"for {SECRET}"}, text.encode(), "https://sis.example/a")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("before", [0, 60, 75, 188, 195])
def test_no_piece_of_a_secret_is_left_at_the_cut(form: str, before: int) -> None:
    text = "x" * before + " " + form + " " + "y" * 300
    pages = ({"message": text}, {"error": {"message": text}}, f"<html><p>{text}</p></html>", f"<{text}")

    for one in pages:
        shown = said(answer(one), KNOWN)
        assert len(shown) <= 200
        assert form[:6] not in shown
        assert form[:6] not in struck(answer(one), KNOWN).body.decode()
    assert SECRET not in str(struck(answer({}), KNOWN).headers)


def test_a_secret_that_holds_a_tag_is_struck_before_tags_are() -> None:
    assert said(answer("<p>it is tiger<b>lion</p>"), [Secret("tiger<b>lion")]) == "a web page: it is ***"


def test_a_body_without_secrets_comes_as_it_was() -> None:
    body = '{"message": "no such column"}\n'

    assert struck(answer(body), KNOWN).body == body.encode()


def test_of_an_endless_refusal_nothing_is_read() -> None:
    body = json.dumps({"message": SECRET, "rest": "x" * READ_BYTES})

    assert said(answer(body), KNOWN) == ""
    assert struck(answer(body), KNOWN).body == b""


@pytest.mark.parametrize("dialect", ["flat", "wrapped", "set", "string", "list"])
@pytest.mark.parametrize(
    ("status", "minor", "advice"),
    [
        (404, "unknownobject", "does not know what was asked for"),
        (404, "unknown object", "does not know what was asked for"),
        (400, "invalid_filter_field", "cannot filter"),
        (400, "invalid_data", "lower page_size"),
        (403, "forbidden", "lacks a permission"),
        (400, "never_heard_of", "does not accept the form"),
    ],
)
def test_the_codes_of_oneroster_become_advice(dialect: str, status: int, minor: str, advice: str) -> None:
    told = refusal(dialect, status, minor, "it is not so")
    error = judge(Answer(status, {}, told.body, ""), "GET /users", now=datetime.now(UTC))

    assert isinstance(error, ProviderError)
    assert advice in error.sentence
    assert error.detail == "it is not so"


def test_what_went_well_in_a_set_is_not_what_went_wrong() -> None:
    good = {"imsx_codeMajor": "success", "imsx_codeMinor": "unknownobject", "imsx_description": "fine"}
    bad = {"imsx_codeMajor": "failure", "imsx_codeMinor": "invalid_sort_field", "imsx_description": "not so"}
    error = judge(answer({"statusInfoSet": [good, bad]}), "GET /users", now=datetime.now(UTC))

    assert error.detail == "not so"
    assert "cannot sort" in error.sentence


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "[" * 3000, '{"code": {"a": []}}', '{"statusInfoSet": [3]}']
)
def test_a_body_of_any_kind_is_read_without_harm(body: str) -> None:
    error = judge(answer(body), "GET /users", now=datetime.now(UTC))

    assert (error.code, error.detail) == ("bad_request", "")
