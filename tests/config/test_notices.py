"""What a configuration says of notices: secrets by reference, lines secured, complaints in place."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from siscon.config import Settings, explain, load
from siscon.domain.errors import ConfigError
from siscon.domain.notices import Trouble


class PlainSettings(BaseModel):
    base_url: str


ENVIRON = {
    "CHAT": "https://hooks.chat.example/services/T000/canary-b64",
    "KEY": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "WORD": "canary-word",
}
WHOLE = """
notices:
  channels:
    ops:
      kind: email
      host: mail.district.example.org
      sender: siscon@district.example.org
      to: [oncall@district.example.org]
      username: ${WORD}
      password: ${WORD}
    chat: {kind: slack, url: "${CHAT}"}
    hook: {kind: webhook, url: "${HERE:-http://127.0.0.1:8099/in}", secret: "${KEY}"}
  rules:
    - {channels: [ops, chat], causes: [failing, login], levels: [error]}
  quiet:
    - {begin: "22:00", end: "06:00", weekdays: mon-fri}
  digest: {at: "07:00"}
  fresh_by:
    - {integration: north, entities: [student], at: "06:30", weekdays: mon-fri}
integrations:
  north: {provider: invented, base_url: "https://north.example.org"}
"""


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, ENVIRON, provider_settings=lambda _: PlainSettings)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    assert "canary" not in repr(caught.value.complaints)
    return "; ".join(f"{one.path}: {one.sentence}" for one in caught.value.complaints)


def test_a_whole_section_is_read(tmp_path: Path) -> None:
    notices = loaded(tmp_path, WHOLE).notices
    assert notices.channels["ops"].smtp_port == 587
    assert notices.mail_channels == ("ops",)
    assert notices.rules[0].causes == (Trouble.FAILING, Trouble.LOGIN)
    assert notices.fresh_by[0].line == "30 6 * * mon-fri"


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = loaded(tmp_path, WHOLE)
    told = explain(tmp_path / "config.yaml", ENVIRON, provider_settings=lambda _: PlainSettings)
    assert "canary" not in repr(settings) + repr(told)
    assert {one.key: one.value for one in told}["notices.channels.chat.url"] == "***"


CHANNEL = "notices:\n  channels:\n    a: "
MAIL = "kind: email, host: mail.example.org, sender: a@example.org, to: [b@example.org]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CHANNEL + "{kind: slack, url: 'https://hooks.example/canary'}", "must not stand here in clear"),
        (CHANNEL + "{kind: slack, url: '${X:-https://hooks.example/canary}'}", "a default after"),
        (CHANNEL + "{kind: slack}", "lacks 'url'"),
        (CHANNEL + "{kind: email, host: a}", "lacks 'sender'"),
        (CHANNEL + f"{{{MAIL}, security: none}}", "for a mail server on this machine alone"),
        (CHANNEL + f"{{{MAIL}, username: '${{WORD}}'}}", "go together"),
        (CHANNEL + f"{{{MAIL}, password: in-clear}}", "must not stand here in clear"),
        (CHANNEL + f"{{{MAIL}, recipient: c@example.org}}", "unknown key"),
        (CHANNEL + "{kind: email, host: a, sender: 'a b@c', to: [x]}", "must be a bare mail address"),
        (CHANNEL + "{kind: webhook, url: '${CHAT}', secret: '${WORD}'}", "secret must be whsec_"),
        (CHANNEL + "{kind: slak, url: '${CHAT}'}", "did you mean 'slack'"),
        ("notices:\n  channels:\n    Bad: {kind: slack, url: '${CHAT}'}", "a channel's name"),
        ("notices:\n  rules:\n    - {channels: [nobody]}", "names the channel 'nobody'"),
        ("notices:\n  quiet:\n    - {begin: '25:00', end: '06:00'}", "a time of day in quotes"),
        ("notices:\n  quiet:\n    - {begin: '22:00', end: '06:00', weekday: mon}", "did you mean 'weekdays'"),
        ("notices:\n  fresh_by:\n    - {integration: n, at: '06:30', weekdays: mun}", "days of the week"),
        ("notices:\n  fresh_by:\n    - {integration: n, at: '06:30'}", "names the integration 'n'"),
        ("notices:\n  zone: Europe/Olso", "is no time zone"),
    ],
)
def test_what_is_wrong_is_said_in_place(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(tmp_path, text + "\n")


def test_chats_are_reached_by_https_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRON, "CHAT", "http://hooks.chat.example/canary")
    assert "must be https" in complaint(tmp_path, CHANNEL + "{kind: slack, url: '${CHAT}'}\n")
