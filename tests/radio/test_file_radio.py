"""A recording as the radio."""

import time
from pathlib import Path

import numpy as np
import pytest

from picocell.radio.errors import RadioError
from picocell.radio.file import RecordingError, open_recording
from picocell.radio.file_args import FileArgs
from picocell.radio.file_radio import FileRadio, has_ended, recorded_rate, recording_args
from picocell.radio.interface import Radio
from picocell.radio.open import open_radio
from picocell.radio.recorder import Recorder, write_recording
from picocell.radio.short_form import expand_short

X = ((np.arange(2500) % 120 + 1 - 1j) / 128).astype(np.complex64)


@pytest.fixture
def meta(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "cell", X, 1e6, 2.68e9, "cf32_le")


def test_it_plays_to_the_end(meta: Path) -> None:
    radio = open_radio(f"file:{meta}")
    assert isinstance(radio, Radio)
    assert isinstance(radio, FileRadio)
    assert (radio.sample_rate, radio.n_rx, radio.n_tx, radio.frequency) == (1e6, 1, 1, 2.68e9)
    assert recorded_rate(f"file:{meta}") == 1e6
    parts = [radio.receive(1000) for _ in range(3)]
    assert [part.time for part in parts] == [0, 1000, 2000]
    np.testing.assert_array_equal(np.concatenate([part.samples[0] for part in parts]), X)
    assert not has_ended(radio)
    assert radio.receive(1000).samples.shape == (1, 0)
    assert has_ended(radio)
    assert radio.receive(1000).time == 2500


def test_what_is_sent_is_dropped_and_counted(meta: Path) -> None:
    radio = FileRadio(f"file:{meta}", n_tx=2)
    radio.transmit(np.zeros((2, 70), np.complex64), 0)
    assert radio.sent == 70
    with pytest.raises(ValueError, match=r"shape \(1, 70\) cannot be sent: \(2, n\)"):
        radio.transmit(np.zeros((1, 70), np.complex64), 0)


def test_what_is_sent_is_recorded_beside_it(meta: Path, tmp_path: Path) -> None:
    radio = open_radio(f"file:{meta},tx={tmp_path / 'mine'}", 1e6)
    first = radio.receive(1000)
    radio.transmit(first.samples, 1500)
    while not has_ended(radio):
        radio.receive(1000)
    radio.close()
    mine = open_recording(tmp_path / "mine")
    assert mine.n_samples >= 2500
    assert np.flatnonzero(mine.read()).tolist() == list(range(1500, 2500))
    np.testing.assert_array_equal(mine.read(1500, 1000), first.samples[0])


def test_in_a_loop_the_time_goes_on(meta: Path) -> None:
    radio = FileRadio(f"file:{meta},loop=true")
    at = 0
    for _ in range(20):
        received = radio.receive(700)
        assert received.time == at
        n = received.samples.shape[1]
        np.testing.assert_array_equal(received.samples[0], X[np.arange(at, at + n) % 2500])
        at += n
    assert at > 3 * 2500
    assert not has_ended(radio)


def test_gaps_are_jumps_of_the_time_in_a_loop_too(tmp_path: Path) -> None:
    with Recorder(tmp_path / "r", 1e6, datatype="cf32_le") as recorder:
        recorder.write(X[:300])
        recorder.jump(1000)
        recorder.write(X[:200])
    radio = FileRadio(f"file:{tmp_path / 'r'},loop=yes")
    found = [(got.time, got.samples.shape[1]) for got in (radio.receive(250) for _ in range(6))]
    assert found == [(0, 250), (250, 50), (1000, 200), (1200, 250), (1450, 50), (2200, 200)]


def test_two_antennas(tmp_path: Path) -> None:
    for antenna in (0, 1):
        write_recording(tmp_path / f"r{antenna}", X * np.float32(1 - antenna / 2), 1e6, datatype="cf32_le")
    radio = open_radio(f"driver=file,path0={tmp_path / 'r0'},path1={tmp_path / 'r1'}", n_rx=2)
    np.testing.assert_array_equal(radio.receive(2500).samples, [X, X / 2])
    write_recording(tmp_path / "short", X[:100], 1e6)
    with pytest.raises(RecordingError, match="other gaps"):
        FileRadio(f"driver=file,path0={tmp_path / 'r0'},path1={tmp_path / 'short'}")
    with pytest.raises(ValueError, match="2 receive antennas need path0 to path1: 1 given"):
        open_radio(f"file:{tmp_path / 'r0'}", n_rx=2)


def test_real_pace_waits_and_does_not_hurry_after_a_break(meta: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    radio = FileRadio(f"file:{meta},pace=real,loop=true")
    for _ in range(100):
        radio.receive(1000)
    # the first samples set the clock; 100 receptions of 1000, 1000 and 500 samples at 1 Msps
    assert sum(slept) == pytest.approx(0.083, abs=0.002)
    clock[0] += 3.0
    slept.clear()
    for _ in range(3):
        radio.receive(1000)
    assert 0.001 < sum(slept) < 0.0026


def test_closed(meta: Path) -> None:
    radio = FileRadio(f"file:{meta}")
    radio.close()
    radio.close()
    for call in (lambda: radio.receive(1), lambda: radio.transmit(np.zeros((1, 1), np.complex64), 0)):
        with pytest.raises(RadioError, match="closed"):
            call()


def test_short_form() -> None:
    assert expand_short(" file:a b.sigmf-meta,loop=true") == "driver=file,path=a b.sigmf-meta,loop=true"
    assert expand_short("driver=zmq,tx_port=file:x") == "driver=zmq,tx_port=file:x"
    assert recording_args("tx_port=tcp://*:2000,rx_port=tcp://h:1") is None
    assert recorded_rate("driver=soapy") is None
    args = recording_args("file:x.dat,rate=2e6,datatype=ci8,loop=on,pace=real,tx=out")
    assert args == FileArgs(("x.dat",), 2e6, "ci8", True, "real", Path("out"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file:", "has no path: file:PATH"),
        ("file:,loop=true", "has no path"),
        ("file:x,loop=maybe", "loop='maybe' is not allowed: true or false"),
        ("file:x,pace=slow", "pace=slow is not allowed: fast or real"),
        ("file:x,gain=1", "'gain' is not known: driver=file takes path"),
        ("file:x,rate=nan", "'nan' is no number"),
        ("file:x,path0=y", "the same antenna"),
        ("driver=file,path1=y", "path is missing"),
        ("file:x,path2=y", "path1 is missing"),
        ("file:x,y", "'y' is not understood"),
    ],
)
def test_arguments_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        recording_args(text)
