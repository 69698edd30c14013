"""Signatures of webhooks: the published vector, every scheme, and no other spelling of any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siscon.domain.signatures import names_of, picked, sign, verify
from siscon.domain.webhooks import Outcome, Proof, Sender
from support.hooks import KEY, OLD_KEY, sender

NOW = 1_614_265_330
BODY = b'{"test": 2432232314}'
SCHEMES = ["standard-webhooks", "hmac-sha256", "timestamp-hmac", "shared-header", "shared-path", "basic"]
SIGNING = SCHEMES[:3]


def proved(
    one: Sender, headers: dict[str, str], body: bytes = BODY, now_s: float = NOW, tail: bytes = b""
) -> object:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    found = picked(raw, names_of(one))
    return Outcome.MALFORMED if found is None else verify(one, found, body, now_s=now_s, tail=tail)


def tail_of(one: Sender) -> bytes:
    return one.secrets[0].reveal().encode() if one.scheme == "shared-path" else b""


def test_the_published_vector_of_standard_webhooks_is_right() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": str(NOW),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    assert proved(sender(), headers) == Proof("msg_p5jXN8AQM9LWM0D4loKWxJek", NOW * 1000)
    assert sign(sender(), BODY, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", now_s=NOW) == headers


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_signed_is_proved(scheme: str) -> None:
    one = sender(scheme=scheme)
    headers = sign(one, BODY, message_id="m", now_s=NOW)

    assert isinstance(proved(one, headers, tail=tail_of(one)), Proof)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_key_before_the_current_one_still_counts_and_no_other(scheme: str) -> None:
    keys = [KEY, OLD_KEY] if scheme == "standard-webhooks" else ["a:new", "a:old"]
    strange = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" if scheme == "standard-webhooks" else "a:strange"
    one = sender(scheme=scheme, secrets=keys)
    for secret, right in ((keys[1], True), (strange, False)):
        other = sender(scheme=scheme, secrets=[secret])
        found = proved(one, sign(other, BODY, message_id="m", now_s=NOW), tail=tail_of(other))

        assert isinstance(found, Proof) is right
        assert right or found is Outcome.BAD_SIGNATURE


@pytest.mark.parametrize("scheme", SIGNING)
@given(at=st.integers(0, len(BODY) - 1), mask=st.integers(1, 255))
def test_a_body_with_one_byte_changed_is_refused(scheme: str, at: int, mask: int) -> None:
    one = sender(scheme=scheme)
    changed = BODY[:at] + bytes([BODY[at] ^ mask]) + BODY[at + 1 :]

    assert proved(one, sign(one, BODY, message_id="m", now_s=NOW), changed) is Outcome.BAD_SIGNATURE


@pytest.mark.parametrize("scheme", [one for one in SCHEMES if one != "shared-path"])
@given(data=st.data())
def test_a_signature_with_one_character_changed_is_refused(scheme: str, data: st.DataObject) -> None:
    one = sender(scheme=scheme)
    headers = sign(one, BODY, message_id="m", now_s=NOW)
    text = headers[one.header]
    from_there = {"timestamp-hmac": text.index("v1=") + 3 if "v1=" in text else 0, "basic": 6}.get(scheme, 0)
    at = data.draw(st.integers(from_there, len(text) - 1))
    other = data.draw(
        st.characters(min_codepoint=33, max_codepoint=126).filter(lambda sign: sign != text[at])
    )

    found = proved(one, {**headers, one.header: text[:at] + other + text[at + 1 :]})

    assert isinstance(found, Outcome)


@pytest.mark.parametrize("scheme", ["standard-webhooks", "timestamp-hmac"])
@pytest.mark.parametrize(
    ("off_s", "found"),
    [(300, Proof), (301, Outcome.TOO_OLD), (-300, Proof), (-301, Outcome.FROM_FUTURE)],
)
def test_the_time_may_differ_by_the_tolerance_both_ways(scheme: str, off_s: int, found: object) -> None:
    one = sender(scheme=scheme)
    told = proved(one, sign(one, BODY, message_id="m", now_s=NOW), now_s=NOW + off_s)

    assert isinstance(told, Proof) if found is Proof else told is found


def test_id_and_time_are_part_of_what_is_signed() -> None:
    one = sender()
    headers = sign(one, BODY, message_id="m", now_s=NOW)

    assert proved(one, {**headers, "webhook-id": "n"}) is Outcome.BAD_SIGNATURE
    assert proved(one, {**headers, "webhook-timestamp": str(NOW + 1)}) is Outcome.BAD_SIGNATURE


def test_one_right_signature_among_several_is_enough() -> None:
    one = sender()
    headers = sign(one, BODY, message_id="m", now_s=NOW)
    several = f"v1a,AAAA v1,AAAA {headers['webhook-signature']} v2,BBBB"

    assert isinstance(proved(one, {**headers, "webhook-signature": several}), Proof)


def test_a_prefix_is_allowed_and_a_time_may_stand_in_a_header_of_its_own() -> None:
    plain = sender(scheme="hmac-sha256")
    value = sign(plain, BODY, message_id="m", now_s=NOW)["x-hub-signature-256"]
    apart = sender(scheme="timestamp-hmac", header="X-Sig", timestamp_header="X-Time")

    assert proved(plain, {"x-hub-signature-256": value.removeprefix("sha256=")}) == Proof()
    assert proved(plain, {"x-hub-signature-256": value.removeprefix("sha256=").upper()}) == Proof()
    assert proved(apart, sign(apart, BODY, message_id="m", now_s=NOW)) == Proof("", NOW * 1000)


@pytest.mark.parametrize("changed", [",{0}", "{0},", "{1},,{2}", "{1},x,{2}", "{1}, ,{2}"])
def test_a_list_with_a_part_that_says_nothing_is_malformed(changed: str) -> None:
    one = sender(scheme="timestamp-hmac")
    text = sign(one, BODY, message_id="m", now_s=NOW)["x-signature"]

    assert proved(one, {"x-signature": changed.format(text, *text.split(","))}) is Outcome.MALFORMED


@pytest.mark.parametrize("scheme", [one for one in SCHEMES if one != "shared-path"])
def test_no_header_is_no_signature_and_two_of_them_are_malformed(scheme: str) -> None:
    one = sender(scheme=scheme)
    value = sign(one, BODY, message_id="m", now_s=NOW)[one.header].encode()

    assert verify(one, {}, BODY, now_s=NOW) is Outcome.NO_SIGNATURE
    assert picked([(one.header.encode(), value), (one.header.encode(), value)], names_of(one)) is None


@pytest.mark.parametrize("scheme", SCHEMES)
@given(value=st.binary(max_size=80), tail=st.binary(max_size=20))
def test_whatever_bytes_come_nothing_breaks_and_nothing_passes(
    scheme: str, value: bytes, tail: bytes
) -> None:
    one = sender(scheme=scheme)
    headers = dict.fromkeys(names_of(one), value)

    assert isinstance(verify(one, headers, BODY, now_s=NOW, tail=tail), Outcome)
