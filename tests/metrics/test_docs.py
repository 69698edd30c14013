"""The page on metrics: it names every metric as it is, and its rules ask for metrics that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from siscon.domain.integrations import IntegrationState
from siscon.domain.metrics import METRICS
from siscon.domain.runs import RunKind, RunStatus

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
BLOCK = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
RULES: list[dict[str, Any]] = yaml.safe_load(BLOCK)["groups"][0]["rules"]
WORDS = {
    "state": {one.value for one in IntegrationState},
    "status": {one.value for one in RunStatus},
    "kind": {one.value for one in RunKind},
    "chore": {"backup"},
}


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.name)
def test_each_metric_stands_there_with_its_kind_labels_and_meaning(metric: Any) -> None:
    labels = ", ".join(f"`{one}`" for one in metric.labels)
    assert f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.help} |" in PAGE


def test_no_metric_stands_there_that_is_not() -> None:
    assert set(re.findall(r"^\| `(siscon_\w+)` \|", PAGE, re.MULTILINE)) == {one.name for one in METRICS}


@pytest.mark.parametrize("rule", RULES, ids=lambda one: one["alert"])
def test_each_rule_asks_for_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    known = {one.name: one for one in METRICS}
    named = re.findall(r"(siscon_\w+)(?:\{([^}]*)\})?", rule["expr"])
    labels = {label for name, _ in named for label in known[name].labels}

    assert named
    for name, chosen in named:
        for label, value in re.findall(r'(\w+)="([^"]*)"', chosen):
            assert label in known[name].labels
            assert value in WORDS[label]
    assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= labels
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))


def test_the_rules_warn_of_what_they_must() -> None:
    told = " ".join(rule["expr"] for rule in RULES)
    for name in ("last_success", "failing", "held", "engine_up", "disk_free", "backup"):
        assert name in told


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(BLOCK)
    done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
