"""The queue of samples between two threads."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.radio.sample_ring import Mark, Run, SampleRing


@settings(max_examples=100, deadline=None)
@given(
    capacity=st.integers(1, 50),
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "put", "jump", "mark", "drain"]), st.integers(0, 20)), max_size=40
    ),
)
def test_what_was_taken_comes_out_in_order(capacity: int, steps: list[tuple[str, int]]) -> None:
    ring = SampleRing(2, capacity)
    time, waiting = 0, 0
    expected: list[tuple[int, complex] | Mark] = []
    got: list[tuple[int, complex] | Mark] = []
    for what, n in steps:
        if what == "put":
            x = (np.arange(time, time + n) + np.array([[0], [1j]])).astype(np.complex64)
            taken = ring.put(x, time)
            assert taken == (waiting + n <= capacity)
            if taken:
                expected += [(time + k, complex(time + k, 0)) for k in range(n)]
                waiting += n
            time += n
        elif what == "jump":
            time += n
        elif what == "mark":
            ring.mark("here", time, n)
            expected.append(Mark("here", time, n))
        else:
            got += drained(ring)
            waiting = 0
    assert got + drained(ring) == expected


def drained(ring: SampleRing) -> list[tuple[int, complex] | Mark]:
    found: list[tuple[int, complex] | Mark] = []
    for item in ring.drain():
        if isinstance(item, Mark):
            found.append(item)
            continue
        assert isinstance(item, Run)
        np.testing.assert_array_equal(item.samples[1], item.samples[0] + np.complex64(1j))
        found += [(item.time + k, complex(value)) for k, value in enumerate(item.samples[0])]
    return found


def test_two_threads() -> None:
    ring = SampleRing(1, 1000)
    total = 60_000

    def put() -> None:
        at = 0
        while at < total:
            n = min(1 + at % 317, total - at)
            if ring.put(np.arange(at, at + n, dtype=np.float32).astype(np.complex64)[None], at):
                at += n
            else:
                time.sleep(0.001)

    thread = threading.Thread(target=put)
    thread.start()
    at = 0
    while at < total:
        for item in ring.drain():
            assert isinstance(item, Run)
            assert item.time == at
            np.testing.assert_array_equal(item.samples[0].real, np.arange(at, at + item.samples.shape[1]))
            at += item.samples.shape[1]
    thread.join()


@pytest.mark.parametrize(("channels", "capacity"), [(0, 5), (1, 0)])
def test_sizes_that_cannot_be(channels: int, capacity: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SampleRing(channels, capacity)
