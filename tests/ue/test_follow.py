"""Following a cell through lost samples, known and unknown."""

import json
from pathlib import Path

import numpy as np
import pytest

from picocell.radio.file import Playback, open_recording
from picocell.radio.interface import Received
from picocell.radio.memory import MemorySource
from picocell.ue import monitor_report
from picocell.ue.stream import Stream
from support.captures import capture
from support.ground_truth import mac_rows

SUBFRAME = 1920


class WithGap:
    """A source that loses samples from ``first`` to ``last`` and says so."""

    def __init__(self, samples: np.ndarray, first: int, last: int, rate: float = 1.92e6) -> None:
        self.samples, self.first, self.last = samples, first, last
        self.sample_rate, self.n_rx = rate, 1
        self.next = 0

    def receive(self, n: int) -> Received:
        if self.next == self.first:
            self.next = self.last
        end = min(self.next + n, len(self.samples) if self.next >= self.last else self.first)
        piece, time = self.samples[None, self.next : end], self.next
        self.next = end
        return Received(piece, time)


@pytest.mark.parametrize("chunk", [1, 333, 5000, 100_000])
def test_stream_reads_what_the_source_has(chunk: int) -> None:
    rng = np.random.default_rng(chunk)
    samples = (rng.standard_normal(60_000) + 1j * rng.standard_normal(60_000)).astype(np.complex64)
    stream = Stream(MemorySource(samples, 1.92e6), 1.92e6)
    position = 0
    while (piece := stream.read(position, min(chunk * 7, 9000))) is not None:
        np.testing.assert_array_equal(piece[0], samples[position : position + piece.shape[1]])
        position += chunk * 100
    assert stream.ended


def test_stream_has_a_hole_where_samples_were_lost() -> None:
    samples = np.arange(200_000, dtype=np.float32).astype(np.complex64)
    stream = Stream(WithGap(samples, 70_000, 90_000), 1.92e6)
    assert stream.read(60_000, 10_000) is not None
    assert stream.read(69_999, 2) is None
    assert stream.read(89_999, 2) is None
    after = stream.read(90_000, 1000)
    assert after is not None
    np.testing.assert_array_equal(after[0].real, samples[90_000:91_000].real)
    assert not stream.ended


def test_stream_keeps_positions_across_a_hole_at_another_rate() -> None:
    tone = np.exp(2j * np.pi * 0.01 * np.arange(400_000)).astype(np.complex64)
    stream = Stream(WithGap(tone, 100_000, 160_000, rate=3.84e6), 1.92e6)
    piece = stream.read(100_000, 5000)
    assert piece is not None
    expected = np.exp(2j * np.pi * 0.02 * np.arange(100_000, 105_000))
    assert np.abs(piece[0] - expected).max() < 1e-2


def with_gap(tmp_path: Path, first: int, last: int, annotated: bool) -> Path:
    """The recorded attach without subframes ``first`` to ``last`` of its stream."""
    raw = np.fromfile(capture("lte6_dl.sigmf-data"), np.int16).reshape(-1, 2)
    kept = np.concatenate([raw[: first * SUBFRAME], raw[last * SUBFRAME :]])
    path = tmp_path / "gap.sigmf-meta"
    kept.tofile(tmp_path / "gap.sigmf-data")
    captures = [{"core:sample_start": 0, "core:frequency": 2.68e9, "core:global_index": 0}]
    if annotated:
        captures.append({"core:sample_start": first * SUBFRAME, "core:global_index": last * SUBFRAME})
    header = {"core:datatype": "ci16_le", "core:sample_rate": 1.92e6, "core:version": "1.0.0"}
    path.write_text(json.dumps({"global": header, "captures": captures, "annotations": []}))
    return path


@pytest.mark.parametrize("annotated", [True, False])
@pytest.mark.parametrize(("first", "last"), [(470, 476), (470, 480), (470, 533)])
def test_monitor_goes_on_after_lost_samples(first: int, last: int, annotated: bool, tmp_path: Path) -> None:
    """With or without a mark in the recording, later blocks come with their right TTIs."""
    recording = open_recording(with_gap(tmp_path, first, last, annotated))
    stream = Stream(Playback(recording), 1.92e6, keep_s=1.0)
    (acquired,) = monitor_report.acquire(stream)
    found = {
        (event.tti, event.payload)
        for _, event in monitor_report.events(recording, acquired, (0x46,))
        if event is not None and event.channel == "PDSCH" and event.crc
    }
    # an unmarked gap is noticed by the reference signals, and the cell is searched again: 0.1 s at most
    resumed = last - 4 if annotated else last - 4 + 100
    blocks = [(tti, payload) for tti, _, payload in mac_rows(capture("lte6_mac.csv"), "DL")]
    assert {block for block in blocks if block[0] < first - 4} <= found
    assert {block for block in blocks if block[0] >= resumed} <= found
    assert all(block in blocks for block in found if block[1][0] not in (0x00, 0x40)), "nothing at a wrong TTI"
