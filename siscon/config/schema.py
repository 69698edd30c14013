"""The JSON schema of a configuration, made from the same models that check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from siscon.config.model import Settings

_REFERENCE = {"type": "string", "pattern": r"^\$\{[^}]+\}$"}
_REFERABLE = {"integer", "number", "boolean"}


def schema(providers: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """What editors may check a configuration against; ``providers`` are the settings models by name."""
    made = Settings.model_json_schema(mode="validation")
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "siscon configuration"
    integration = made["$defs"]["IntegrationSettings"]
    integration["allOf"] = [
        _settings_of(name, model, made["$defs"]) for name, model in sorted(providers.items())
    ]
    allowed: dict[str, Any] = _with_references(made)
    return allowed


def _settings_of(name: str, model: type[BaseModel], shared: dict[str, Any]) -> dict[str, Any]:
    own = model.model_json_schema(mode="validation", ref_template="#/$defs/{model}")
    shared.update(own.pop("$defs", {}))
    own.get("properties", {}).pop("base_url", None)
    own["required"] = [one for one in own.get("required", []) if one != "base_url"]
    needed = ["settings"] if own["required"] else []
    return {
        "if": {"properties": {"provider": {"const": name}}},
        "then": {"properties": {"settings": own}, "required": needed},
    }


def _with_references(node: Any) -> Any:
    """Numbers and truths may also be given as a reference such as ${NAME}."""
    if isinstance(node, list):
        return [_with_references(one) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") in _REFERABLE:
        about = {key: node[key] for key in ("title", "description", "default") if key in node}
        bare = {key: value for key, value in node.items() if key not in about}
        return {**about, "anyOf": [bare, _REFERENCE]}
    return {key: _with_references(value) for key, value in node.items()}
