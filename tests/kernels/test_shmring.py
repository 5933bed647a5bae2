"""A ring of samples between two processes, against a list."""

import threading
import time
from mmap import mmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels.shmring import HEADER_BYTES, ROOM, SAMPLES, Ring


def memory(channels: int, capacity: int) -> mmap:
    """Bytes of a ring."""
    return mmap(-1, HEADER_BYTES + 8 * channels * capacity)


def ramp(start: int, n: int, channels: int = 1) -> NDArray[np.complex64]:
    line = np.arange(start, start + n)
    return np.stack([line + 1j * row for row in range(channels)]).astype(np.complex64)


def _do(ring: Ring, what: str, n: int, written: int, out: NDArray[np.complex64]) -> None:
    match what:
        case "write":
            ring.write(ramp(written, n, ring.channels))
        case "zeros":
            ring.write_zeros(n)
        case "take":
            ring.take(out)
        case _:
            ring.skip(n)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["write", "zeros", "take", "skip"]), st.integers(0, 40)), max_size=60),
    st.integers(1, 3),
    st.integers(1, 37),
)
def test_it_is_a_queue(steps: list[tuple[str, int]], channels: int, capacity: int) -> None:
    ring = Ring(memory(channels, capacity), channels, capacity)
    queue: list[complex] = []
    written = read = 0
    for what, n in steps:
        fits = n <= (capacity - len(queue) if what in ("write", "zeros") else len(queue))
        out = np.full((channels, n), np.nan, np.complex64)
        if not fits:
            with pytest.raises(ValueError, match=r"no room|not there"):
                _do(ring, what, n, written, out)
            continue
        _do(ring, what, n, written, out)
        if what in ("write", "zeros"):
            queue += [written + i if what == "write" else 0 for i in range(n)]
            written += n
        else:
            taken, queue = queue[:n], queue[n:]
            read += n
            if what == "take":
                np.testing.assert_array_equal(out[0], np.array(taken, np.complex64))
                nonzero = out[0] != 0
                for row in range(channels):
                    np.testing.assert_array_equal(out[row][nonzero], out[0][nonzero] + 1j * row)
        assert (ring.written, ring.read) == (written, read)


@given(st.lists(st.floats(width=32), min_size=2, max_size=40).filter(lambda x: len(x) % 2 == 0))
def test_what_is_not_finite_becomes_zero(values: list[float]) -> None:
    samples = np.array(values, np.float32).view(np.complex64)[None]
    ring = Ring(memory(1, 64), 1, 64)
    ring.write(samples)
    out = np.empty_like(samples)
    finite = np.isfinite(samples)
    assert ring.take(out) == np.count_nonzero(~finite)
    np.testing.assert_array_equal(out, np.where(finite, samples, 0))


def test_a_call_for_what_is_slept_for_wakes_once() -> None:
    ring = Ring(memory(1, 8), 1, 8)
    assert not ring.wakes(SAMPLES)
    ring.sleep_for(SAMPLES)
    assert not ring.wakes(ROOM)
    assert ring.wakes(SAMPLES)
    assert not ring.wakes(SAMPLES)
    ring.sleep_for(SAMPLES | ROOM)
    assert ring.wakes(ROOM)
    ring.sleep_for(0)
    assert not ring.wakes(SAMPLES | ROOM)


def test_two_threads_lose_nothing() -> None:
    ring = Ring(memory(2, 1000), 2, 1000)
    total = 100_000
    found: list[NDArray[np.complex64]] = []

    def read() -> None:
        done = 0
        while done < total:
            out = np.empty((2, min(ring.written - ring.read, 333)), np.complex64)
            if not out.size:
                time.sleep(1e-4)
            ring.take(out)
            found.append(out)
            done += out.shape[1]

    thread = threading.Thread(target=read)
    thread.start()
    done = 0
    while done < total:
        n = min(1000 - (ring.written - ring.read), 271, total - done)
        if not n:
            time.sleep(1e-4)
        ring.write(ramp(done, n, 2))
        done += n
    thread.join()
    np.testing.assert_array_equal(np.concatenate(found, axis=1), ramp(0, total, 2))


@pytest.mark.parametrize(
    ("channels", "capacity", "size", "text"),
    [(0, 8, 5000, "0 channels"), (1, 0, 5000, "of 0 samples"), (1, 8, HEADER_BYTES + 65, "are not 1 channels")],
)
def test_memory_that_does_not_fit(channels: int, capacity: int, size: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Ring(bytearray(size), channels, capacity)


def test_channels_that_do_not_fit() -> None:
    ring = Ring(memory(2, 8), 2, 8)
    with pytest.raises(ValueError, match="1 channels do not fit"):
        ring.write(ramp(0, 4))
    with pytest.raises(ValueError, match="3 channels do not fit"):
        ring.take(np.empty((3, 1), np.complex64))
