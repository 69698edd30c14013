"""The metrics: what each is called, of what kind it is, what it says, and by which labels its values are told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A counter only grows, until a database is restored; a gauge goes up and down."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Labels are names from the configuration and words of this program, never of a pupil."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its values, each under the values of its labels."""

    metric: Metric
    samples: Sequence[tuple[tuple[str, ...], float]]


def _gauge(name: str, told: str, *labels: str) -> Metric:
    return Metric(f"siscon_{name}", Kind.GAUGE, told, labels)


def _counter(name: str, told: str, *labels: str) -> Metric:
    return Metric(f"siscon_{name}_total", Kind.COUNTER, told, labels)


METRICS = (
    _gauge("build_info", "1, with the version of siscon and of the database's schema", "version", "schema"),
    _gauge("engine_up", "1 while an engine is alive, 0 while none is"),
    _gauge("engine_start_timestamp_seconds", "when the engine that is alive began; 0: none is"),
    _gauge(
        "integration_state",
        "1 for the state that the integration is in, 0 for the others",
        "integration",
        "state",
    ),
    _gauge("integration_needs_person", "1 where somebody must look", "integration"),
    _gauge(
        "integration_failing_since_timestamp_seconds",
        "when its first failure in a row was; 0: it does not fail",
        "integration",
    ),
    _gauge(
        "integration_last_good_timestamp_seconds", "when an import last came through; 0: never", "integration"
    ),
    _gauge(
        "schedule_next_timestamp_seconds",
        "when its schedule starts the next run; 0: never, or it is paused",
        "integration",
    ),
    _gauge(
        "run_last_success_timestamp_seconds",
        "when the last good import of the entity ended",
        "integration",
        "entity",
    ),
    _gauge("run_last_success_records", "how many records that import fetched", "integration", "entity"),
    _gauge("entity_late", "1 where by its schedule there should be a newer import", "integration", "entity"),
    _gauge(
        "entity_empty",
        "1 where a list came without any record though records are known",
        "integration",
        "entity",
    ),
    _gauge("runs_active", "runs that have not ended, by where they stand", "integration", "status"),
    _counter("runs", "runs that ended, by how", "integration", "kind", "status"),
    _counter("records", "what runs did with records", "integration", "entity", "outcome"),
    _counter("requests", "requests to the system", "integration"),
    _counter("requests_failed", "requests without an answer, or with a broken one", "integration"),
    _counter("requests_throttled", "requests after which the system asked for a pause", "integration"),
    _gauge("breaker_open", "1 while nothing is asked because the system does not answer", "integration"),
    _gauge("conflicts_open", "questions that wait for a person", "integration"),
    _gauge("dead_records_open", "records in error", "integration"),
    _gauge(
        "token_expiry_timestamp_seconds", "when the access token ends; it is renewed before", "integration"
    ),
    _gauge("token_failures", "how often in a row no new token came", "integration"),
    _gauge("token_needs_person", "1 where only a person can log in again", "integration"),
    _gauge("commands_pending", "what people asked for and nobody has answered yet"),
    _counter("events", "what was reported, by kind and level", "kind", "level"),
    _gauge("chore_last_success_timestamp_seconds", "when a chore last came through; 0: never", "chore"),
    _gauge("chore_failed", "1 where its last time failed", "chore"),
    _gauge("outbox_waiting", "messages to people that wait to be sent", "channel"),
    _gauge(
        "outbox_lost",
        "messages of 90 days that a receiver refused, or that were given up or dropped",
        "channel",
    ),
    _gauge("outbox_oldest_timestamp_seconds", "since when the oldest of them waits; 0: none does", "channel"),
    _gauge("channel_failing", "1 where the last attempt of a channel failed", "channel"),
    _counter(
        "webhooks",
        "messages of systems, by what became of them; integration empty: of none that is known",
        "integration",
        "outcome",
    ),
    _gauge(
        "webhooks_waiting", "messages that were taken and whose records are not fetched yet", "integration"
    ),
    _gauge("database_bytes", "size of the database file"),
    _gauge("database_free_bytes", "how much of it is free for what comes"),
    _gauge("database_log_bytes", "size of its write-ahead log"),
    _gauge("disk_free_bytes", "what is left on the disk of the database"),
    _gauge("scrape_timestamp_seconds", "when these values were read"),
    _gauge("scrape_seconds", "how long reading them took"),
)
BY_NAME = {one.name: one for one in METRICS}


def family(name: str, samples: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    """The values of a metric; what has other labels than it, or is called otherwise, is a fault of the program."""
    metric = BY_NAME[f"siscon_{name}"]
    told = list(samples)
    if any(len(labels) != len(metric.labels) for labels, _ in told):
        raise ValueError(f"{metric.name} has the labels {metric.labels}")
    return Family(metric, told)


def alone(name: str, value: float) -> Family:
    """A metric with one value and no label."""
    return family(name, [((), value)])
