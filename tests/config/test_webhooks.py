"""What may be said of webhooks in a configuration, and how a secret of theirs is kept from eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from siscon import config
from siscon.config.webhooks import IntegrationWebhook, WebhookSettings
from siscon.domain.errors import ConfigError
from siscon.providers import registry
from support.hooks import KEY

TEXT = """
integrations:
  north:
    provider: powerschool
    base_url: https://north.example
    client_id: id
    client_secret: ${{ID}}
    webhook:
      scheme: standard-webhooks
      secrets: {secrets}
"""


def load(folder: Path, secrets: str) -> config.Settings:
    file = folder / "config.yaml"
    file.write_text(TEXT.format(secrets=secrets), encoding="utf-8")
    environ = {"ID": "planted", "HOOK": KEY, "OLD": KEY}
    return config.load(file, environ, provider_settings=registry.settings_of)


def test_secrets_are_references_one_or_several_and_are_shown_as_stars(tmp_path: Path) -> None:
    for told in ("${HOOK}", '["${HOOK}", "${OLD}"]'):
        settings = load(tmp_path, told)
        rows = config.explain(
            settings.file, {"ID": "a", "HOOK": KEY, "OLD": KEY}, provider_settings=registry.settings_of
        )

        assert KEY in {one.reveal() for one in settings.integrations["north"].secrets}
        assert {row.value for row in rows if "secrets" in row.key} == {"***"}
        assert KEY not in repr(settings)


@pytest.mark.parametrize("told", [KEY, f'["{KEY}"]', "${HOOK:-whsec_AAAA}"])
def test_a_secret_in_clear_is_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, told)

    assert any("in clear" in one.sentence for one in caught.value.complaints)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"scheme": "md5"}, "scheme"),
        ({"secrets": []}, "secrets"),
        ({"secrets": ["not base64!"]}, "base64"),
        ({"scheme": "basic", "secrets": ["nobody"]}, "user:password"),
        ({"scheme": "basic", "secrets": [":"]}, "anybody could have made it"),
        ({"scheme": "hmac-sha256", "secrets": [KEY, " "]}, "anybody could have made it"),
        ({"scheme": "hmac-sha256", "id_header": "x-id"}, "signs an id"),
        ({"scheme": "hmac-sha256", "timestamp_header": "x-time"}, "signs no time"),
        ({"header": "two words"}, "no name of a header"),
        ({"allow": ["everywhere"]}, "no address or network"),
        ({"events": {"pupil.moved": "invoice"}}, "must mean a kind of record"),
    ],
)
def test_what_cannot_be_meant_is_said(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        IntegrationWebhook.model_validate({"scheme": "standard-webhooks", "secrets": [KEY], **more})


def test_a_network_of_mapped_addresses_is_the_ipv4_one() -> None:
    found = WebhookSettings.model_validate({"trusted_proxies": ["::ffff:10.0.0.0/104", "192.0.2.7"]})

    assert [str(one) for one in found.trusted_proxies] == ["10.0.0.0/8", "192.0.2.7/32"]
