"""Metrics as text: the form that Prometheus has always read, and OpenMetrics for who asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from siscon.domain.errors import ConfigError
from siscon.domain.metrics import Family, Kind

try:
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector, CollectorRegistry
except ImportError as missing:
    raise ConfigError(
        "Metrics need a part of siscon that is not installed: pip install 'siscon[metrics]'.",
        code="no_metrics",
    ) from missing


class _Told(Collector):
    """Families that are at hand, as the library wants to be given them."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for one in self._families:
            metric = one.metric
            make: Callable[..., CounterMetricFamily | GaugeMetricFamily] = (
                CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
            )
            family = make(metric.name, metric.help, labels=metric.labels)
            for labels, value in one.samples:
                family.add_metric(labels, value)
            yield family


def exposition(families: Iterable[Family], accept: str = "") -> tuple[bytes, str]:
    """The text and its content type, in the form that an ``Accept`` header asks for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(families))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
