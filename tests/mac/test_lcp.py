"""Logical channel prioritisation (TS 36.321 5.4.3.1)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac.logical_channel_prioritisation import LogicalChannelPrioritisation
from picocell.mac.pdu import Sdu, packed_size
from support.ue_mac_script import ByteChannel


def _fill(
    lcp: LogicalChannelPrioritisation, channels: dict[int, ByteChannel], budget: int, now: int
) -> tuple[list[Sdu], dict[int, int]]:
    demand = {lcid: channel.buffer_status(now).n_bytes for lcid, channel in channels.items()}
    sdus = lcp.fill(channels, demand, budget, now)
    served = {lcid: sum(len(sdu.data) for sdu in sdus if sdu.lcid == lcid) for lcid in channels}
    return sdus, served


def test_infinite_rates_are_served_strictly_by_priority() -> None:
    lcp = LogicalChannelPrioritisation()
    lcp.configure(1, 1, None, 50)
    lcp.configure(3, 13, None, 50)
    channels = {1: ByteChannel(500), 3: ByteChannel(500)}
    sdus, served = _fill(lcp, channels, 300, 0)
    assert served == {1: 299, 3: 0}
    assert packed_size(sdus) == 300
    _, served = _fill(lcp, channels, 400, 1)
    assert served[1] == 205
    assert served[3] > 180


def test_the_prioritised_rate_of_a_low_channel_comes_before_the_rest_of_a_high_one() -> None:
    lcp = LogicalChannelPrioritisation()
    lcp.configure(3, 5, 16000, 100)
    lcp.configure(4, 6, 8000, 100)
    channels = {3: ByteChannel(10**6), 4: ByteChannel(10**6)}
    _fill(lcp, channels, 10, 0)
    total = {3: 0, 4: 0}
    for now in range(1, 2001):
        _, served = _fill(lcp, channels, 50, now)
        total = {lcid: total[lcid] + served[lcid] for lcid in total}
    assert abs(total[4] / 2000 - 8) < 2
    assert total[3] / 2000 > 30


def test_a_bucket_holds_no_more_than_its_size() -> None:
    lcp = LogicalChannelPrioritisation()
    lcp.configure(3, 5, 0, 100)
    lcp.configure(4, 6, 8000, 100)
    channels = {3: ByteChannel(10**6), 4: ByteChannel(10**6)}
    _fill(lcp, channels, 10, 0)
    _, served = _fill(lcp, channels, 5000, 60000)
    assert 780 <= served[4] <= 810


def test_a_channel_without_rate_gets_what_is_left() -> None:
    lcp = LogicalChannelPrioritisation()
    lcp.configure(3, 5, 0, 50)
    channels = {3: ByteChannel(100)}
    _, served = _fill(lcp, channels, 60, 5)
    assert served == {3: 59}


def test_reset_empties_the_buckets() -> None:
    lcp = LogicalChannelPrioritisation()
    lcp.configure(3, 5, None, 100)
    lcp.configure(4, 6, 8000, 100)
    channels = {3: ByteChannel(10**6), 4: ByteChannel(10**6)}
    _fill(lcp, channels, 10, 0)
    lcp.reset()
    _, served = _fill(lcp, channels, 500, 60000)
    assert served[4] == 0


CHANNELS = st.lists(
    st.tuples(st.integers(1, 16), st.one_of(st.none(), st.integers(0, 256000)), st.integers(0, 4000)),
    min_size=1,
    max_size=6,
)


@given(CHANNELS, st.lists(st.integers(2, 3000), min_size=1, max_size=8), st.integers(1, 100))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_the_grant_is_never_exceeded_nor_wasted(
    setup: list[tuple[int, int | None, int]], budgets: list[int], step: int
) -> None:
    lcp, channels = LogicalChannelPrioritisation(), {}
    for lcid, (priority, rate, waiting) in enumerate(setup, 1):
        lcp.configure(lcid, priority, rate, 100)
        channels[lcid] = ByteChannel(waiting)
    for k, budget in enumerate(budgets):
        before = {lcid: channel.waiting for lcid, channel in channels.items()}
        sdus, served = _fill(lcp, channels, budget, k * step)
        assert not sdus or packed_size(sdus) <= budget
        for lcid in channels:
            assert (served[lcid] > 0) == (before[lcid] > channels[lcid].waiting)
        if any(channel.waiting for channel in channels.values()) and budget > 4:
            used = packed_size(sdus) if sdus else 0
            assert budget - used <= 5  # what a further SDU's header would take
        if all(rate is None for _, rate, _ in setup):
            starved = [setup[lcid - 1][0] for lcid in channels if channels[lcid].waiting > 2]
            got = [setup[lcid - 1][0] for lcid in channels if served[lcid] > 2]
            assert not starved or not got or max(got) <= min(starved)
