"""A radio that is recorded while it runs: what of its time and its samples is found in the files."""

import errno
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.radio.file import Recording, open_recording
from picocell.radio.interface import Radio, Received
from picocell.radio.recorded import RecordedRadio
from picocell.radio.recorder import Recorder
from picocell.radio.zmq.radio import Counters
from support.waiting import LONG_S, until

sigmf = pytest.importorskip("sigmf")
RATE, N = 1e6, 1000


class Script:
    """A radio whose receptions start where a list says."""

    sample_rate = RATE

    def __init__(self, times: list[int], n_rx: int = 1, n_tx: int = 1) -> None:
        self.n_rx, self.n_tx, self._times = n_rx, n_tx, iter(times)
        self.sent: list[tuple[int, int]] = []
        self.closed = False
        self.extra = "of the radio"

    def receive(self, n: int) -> Received:
        return Received(ramp(at := next(self._times), n, self.n_rx), at)

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        self.sent.append((time, samples.shape[1]))

    def close(self) -> None:
        self.closed = True


def ramp(start: int, n: int, rows: int = 1) -> NDArray[np.complex64]:
    """Samples that tell their index and antenna."""
    return (np.arange(start + 1, start + n + 1) + 1j * np.arange(rows)[:, None]).astype(np.complex64)


def opened(path: Path) -> tuple[Recording, list[dict[str, Any]]]:
    """A recording and its annotations, judged by the SigMF package."""
    meta = path.with_name(path.name + ".sigmf-meta")
    sigmf.sigmffile.fromfile(str(meta)).validate()
    return open_recording(path), json.loads(meta.read_text())["annotations"]


def stream(recording: Recording) -> Iterator[tuple[int, complex]]:
    """Stream index and value of the samples that are not zero."""
    for start, samples in recording.blocks(1 << 20):
        for k in np.flatnonzero(samples):
            yield start + int(k), complex(samples[k])


def test_both_directions_are_aligned_and_gaps_are_captures(tmp_path: Path) -> None:
    inner = Script([0, 1000, 5000, 6000])
    radio = RecordedRadio(inner, tmp_path / "run", rx_frequency=1e9, tx_frequency=2e9, description="test")
    assert isinstance(radio, Radio)
    assert radio.extra == "of the radio"
    for at in (0, 1000, 5000, 6000):
        assert radio.receive(N).time == at
    radio.transmit(ramp(8000, 500), 8000)
    radio.transmit(ramp(8500, 500), 8500)
    radio.transmit(ramp(9900, 100), 9900)
    radio.close()
    radio.close()
    assert inner.closed
    rx, rx_notes = opened(tmp_path / "run_rx")
    assert (rx.frequency, rx.datatype) == (1e9, "cf32_le")
    assert rx.segments == ((0, 0, 2000), (2000, 5000, 2000))
    assert all(value.real == index + 1 for index, value in stream(rx))
    assert [(note["core:sample_start"], note["core:label"]) for note in rx_notes] == [(2000, "gap")]
    assert rx_notes[0]["core:comment"] == "3000 samples are missing: the radio lost them"
    tx, tx_notes = opened(tmp_path / "run_tx")
    assert (tx.frequency, tx.segments) == (2e9, ((0, 0, 10_000),))
    assert [index for index, _ in stream(tx)] == [*range(8000, 9000), *range(9900, 10_000)]
    assert all(value.real == index + 1 for index, value in stream(tx))
    bursts = [(note["core:sample_start"], note["core:sample_count"], note["core:label"]) for note in tx_notes]
    assert bursts == [(8000, 1000, "burst"), (9900, 100, "burst")]


def test_what_is_late_is_not_in_the_recording_of_what_was_sent(tmp_path: Path) -> None:
    inner = Script([0, 1000])
    radio = RecordedRadio(inner, tmp_path / "run")
    radio.receive(N)
    radio.transmit(ramp(1500, 500), 1500)
    radio.receive(N)
    radio.transmit(ramp(1900, 300), 1900)  # up to 2000 the time has passed
    radio.transmit(ramp(100, 300), 100)  # all of it is late
    radio.close()
    assert inner.sent == [(1500, 500), (1900, 300), (100, 300)]
    assert radio.tx.unsent == 400
    tx, notes = opened(tmp_path / "run_tx")
    assert [index for index, _ in stream(tx)] == [*range(1500, 2200)]
    late = [note["core:comment"] for note in notes if note["core:label"] == "late"]
    assert late == [
        "100 samples for index 1900 were late and not sent",
        "300 samples for index 100 were late and not sent",
    ]


class Counting(Script):
    """A radio that counts what it does not send: what is late, and what is beyond its room."""

    def __init__(self, times: list[int], room: int) -> None:
        super().__init__(times)
        self.counters = Counters()
        self.end, self._room = 0, room

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        n = samples.shape[1]
        late = min(max(self.end - time, 0), n)
        over = max(n - late - self._room, 0)
        self.counters = replace(
            self.counters,
            dropped=self.counters.dropped + late + over,
            overflow=self.counters.overflow + (over > 0),
        )
        self.end = max(self.end, time + n - over)


def test_what_a_radio_had_no_room_for_was_not_sent(tmp_path: Path) -> None:
    radio = RecordedRadio(Counting([0], room=800), tmp_path / "run")
    radio.receive(N)
    radio.transmit(ramp(2000, 1000), 2000)
    radio.transmit(ramp(2500, 1000), 2500)  # the first 300 are late, and all others find room
    radio.transmit(ramp(3400, 1000), 3400)  # both
    radio.close()
    tx, notes = opened(tmp_path / "run_tx")
    assert [index for index, _ in stream(tx)] == [*range(2000, 4300)]
    assert all(value.real == index + 1 for index, value in stream(tx))
    said = [note["core:comment"] for note in notes if note["core:label"] != "burst"]
    assert said == [
        "200 samples for index 2800 were not sent: the radio had no room for them",
        "300 samples for index 2500 were late and not sent",
        "100 samples for index 3400 were late and not sent",
        "100 samples for index 4300 were not sent: the radio had no room for them",
    ]


def test_several_antennas_and_a_start_that_is_not_zero(tmp_path: Path) -> None:
    radio = RecordedRadio(Script([7000, 8000], n_rx=2, n_tx=2), tmp_path / "run.sigmf-meta")
    radio.receive(N)
    radio.transmit(ramp(8500, 500, 2), 8500)
    radio.receive(N)
    radio.close()
    for antenna in (0, 1):
        rx, _ = opened(tmp_path / f"run_rx{antenna}")
        assert rx.read(0, 1)[0] == 7001 + 1j * antenna
        tx, _ = opened(tmp_path / f"run_tx{antenna}")
        assert [index for index, _ in stream(tx)] == [
            *range(1500, 2000)
        ]  # counted from the start, as what was received
        captures = json.loads((tmp_path / f"run_tx{antenna}.sigmf-meta").read_text())["captures"]
        assert captures[0]["core:global_index"] == 7000


def test_a_time_that_jumps_back_is_told_and_lost_nothing(tmp_path: Path) -> None:
    radio = RecordedRadio(Script([5000, 1000, 2000]), tmp_path / "run")
    for _ in range(3):
        radio.receive(N)
    radio.close()
    rx, notes = opened(tmp_path / "run_rx")
    np.testing.assert_array_equal(rx.read(), np.concatenate([ramp(at, N)[0] for at in (5000, 1000, 2000)]))
    assert [(note["core:label"], note["core:sample_start"]) for note in notes] == [("jump", 999)]
    assert "jumped back by 5000 samples" in notes[0]["core:comment"]


def test_a_slow_disk_holds_nobody_and_its_losses_are_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    write = Recorder.write
    monkeypatch.setattr(Recorder, "write", lambda self, x, **how: (go.wait(LONG_S), write(self, x, **how))[1])
    radio = RecordedRadio(Script([N * k for k in range(100_000)]), tmp_path / "run", buffer_s=0.1)
    while radio.receive(N).time < 290 * N:  # 100 of which there is room for
        pass
    assert radio.rx is not None
    assert radio.rx.dropped == 191 * N
    go.set()
    dropped = -1
    while dropped != radio.rx.dropped:  # until there is room again
        time.sleep(0.01)
        dropped = radio.rx.dropped
        radio.receive(N)
    radio.close()
    rx, notes = opened(tmp_path / "run_rx")
    assert all(value.real == index + 1 for index, value in stream(rx))
    assert rx.segments[0] == (0, 0, 100 * N)
    gaps = [note for note in notes if note["core:label"] == "gap"]
    assert gaps
    assert "dropped by the recorder" in gaps[0]["core:comment"]
    end = rx.segments[-1].stream_start + rx.segments[-1].length
    assert sum(segment.length for segment in rx.segments) == end - radio.rx.dropped


def test_a_full_disk_ends_the_recording_and_not_the_radio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = Recorder.write

    def full(self: Recorder, x: NDArray[np.complex64], **how: Any) -> None:
        if self.n_samples >= 3 * N:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, x, **how)

    monkeypatch.setattr(Recorder, "write", full)
    radio = RecordedRadio(Script([N * k for k in range(100_000)]), tmp_path / "run")

    def is_told() -> bool:
        radio.receive(N)
        return "No space left on device" in caplog.text

    until(is_told)
    for _ in range(10):
        radio.receive(N)
    radio.close()
    assert caplog.text.count("No space left on device") == 1
    rx, _ = opened(tmp_path / "run_rx")
    assert rx.n_samples >= 3 * N
    assert all(value.real == index + 1 for index, value in stream(rx))


def test_only_what_is_sent(tmp_path: Path) -> None:
    radio = RecordedRadio(Script([0]), tmp_path / "mine", receive=False)
    radio.receive(N)
    radio.transmit(ramp(2000, 100), 2000)
    radio.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.sigmf-data", "mine.sigmf-meta"]
    assert [index for index, _ in stream(opened(tmp_path / "mine")[0])] == [*range(2000, 2100)]


def test_the_folder_is_made_and_a_bad_name_is_refused(tmp_path: Path) -> None:
    RecordedRadio(Script([]), tmp_path / "new" / "run").close()
    assert (tmp_path / "new" / "run_rx.sigmf-meta").is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        RecordedRadio(Script([]), tmp_path / "file" / "run")
    with pytest.raises(ValueError, match="ci8"):
        RecordedRadio(Script([]), tmp_path / "run", datatype="ci8")
