"""Where a message comes from, and how fast it may."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from siscon.webhooks.buckets import MOST_SENDERS, Buckets
from siscon.webhooks.sources import group_of, is_within, source_of
from support.clock import HandClock

PROXIES = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", [b"198.51.100.1"], "203.0.113.9"),
        ("127.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", [b"192.0.2.1, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        ("127.0.0.1", [b"192.0.2.1", b"198.51.100.1:4711"], "198.51.100.1"),
        ("::ffff:127.0.0.1", [b"::ffff:198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", [b"[2001:db8::1]:4711"], "2001:db8::1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [b"unknown"], None),
        ("127.0.0.1", [b"198.51.100.1, \xff"], None),
        ("", [b"198.51.100.1"], None),
    ],
)
def test_a_forwarded_address_counts_only_as_far_as_trusted_hops_wrote_it(
    peer: str, forwarded: list[bytes], source: str | None
) -> None:
    assert source_of(peer, forwarded, PROXIES) == (ip_address(source) if source else None)


def test_nobody_is_within_any_network_and_a_neighbourhood_of_ipv6_is_one_sender() -> None:
    assert not is_within(None, [ip_network("0.0.0.0/0"), ip_network("::/0")])
    assert group_of(ip_address("2001:db8::1")) == group_of(ip_address("2001:db8::ffff"))
    assert group_of(ip_address("2001:db8:0:1::1")) != group_of(ip_address("2001:db8::1"))


def test_a_bucket_holds_ten_seconds_and_says_when_to_come_again() -> None:
    clock = HandClock()
    buckets = Buckets(2, 1000, lambda: clock.at_ms / 1000)

    assert [buckets.sender_waits_s("a") for _ in range(21)] == [0] * 20 + [1]
    assert buckets.sender_waits_s("b") == 0
    clock.forward(1)
    assert [buckets.sender_waits_s("a") for _ in range(3)] == [0, 0, 1]


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    clock = HandClock()
    buckets = Buckets(1, 1, lambda: clock.at_ms / 1000)
    clock.forward(-3600)

    assert [buckets.all_wait_s() for _ in range(11)] == [0] * 10 + [1]


def test_however_many_senders_there_are_the_memory_is_bounded() -> None:
    buckets = Buckets(1, 10**9, lambda: 0.0)
    for n in range(MOST_SENDERS + 10):
        buckets.sender_waits_s(str(n))

    assert len(buckets._senders) == MOST_SENDERS
