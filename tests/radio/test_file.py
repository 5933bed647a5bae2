"""Recordings: what is read back, what is refused and with which words; resampling."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.radio.file import Playback, RecordingError, open_recording
from picocell.radio.interface import SampleSource
from picocell.radio.recorder import write_recording
from picocell.radio.resample import Resampler, ratio, resample
from support.captures import capture

RNG = np.random.default_rng(1)
SAMPLES = (0.3 * (RNG.standard_normal(5000) + 1j * RNG.standard_normal(5000))).astype(np.complex64)


def refusal(path: Path, **arguments: Any) -> str:
    """The message of the error, which must be one line and name the file."""
    with pytest.raises(RecordingError) as info:
        open_recording(path, **arguments).read()
    message = str(info.value)
    assert "\n" not in message
    assert path.name.split(".")[0] in message
    return message


def sigmf(folder: Path, components: NDArray[Any], captures: list[dict[str, Any]] | None = None, **header: Any) -> Path:
    meta = folder / "r.sigmf-meta"
    components.tofile(folder / "r.sigmf-data")
    document = {
        "global": {"core:version": "1.0.0", "core:sample_rate": 1e6, **header},
        "captures": [{"core:sample_start": 0}] if captures is None else captures,
        "annotations": [],
    }
    meta.write_text(json.dumps(document))
    return meta


# reading back


@pytest.mark.parametrize(("datatype", "step"), [("ci16_le", 1 / 32768), ("cf32_le", 0.0)])
def test_write_and_read_back(tmp_path: Path, datatype: str, step: float) -> None:
    x = np.clip(SAMPLES.view(np.float32), -0.999, 0.999).view(np.complex64)
    meta = write_recording(tmp_path / "a.b", x, 1.92e6, 2.68e9, datatype, "a test")
    for name in ("a.b", "a.b.sigmf-meta", "a.b.sigmf-data"):
        recording = open_recording(tmp_path / name)
        assert (recording.sample_rate, recording.frequency, recording.n_samples) == (1.92e6, 2.68e9, 5000)
        assert recording.segments == ((0, 0, 5000),)
        assert np.abs((recording.read() - x).view(np.float32)).max() <= step / 2
    assert recording.read(100, 7).dtype == np.complex64
    np.testing.assert_array_equal(recording.read(100, 7), recording.read()[100:107])
    assert json.loads(meta.read_text())["global"]["core:description"] == "a test"


@pytest.mark.parametrize("datatype", ["ci16_le", "cf32_le"])
def test_metadata_are_valid_sigmf(tmp_path: Path, datatype: str) -> None:
    sigmf_package = pytest.importorskip("sigmf")
    meta = write_recording(tmp_path / "r", SAMPLES, 1.92e6, 1e9, datatype, "text")
    handle = sigmf_package.sigmffile.fromfile(str(meta))
    handle.validate()
    np.testing.assert_allclose(handle.read_samples(0, 10), open_recording(meta).read(0, 10), atol=1e-6)


@pytest.mark.parametrize(
    ("datatype", "components", "expected"),
    [
        ("ci8", np.array([-128, 64, 0, -1], "i1"), [-1 + 0.5j, -1j / 128]),
        ("cu8", np.array([0, 255, 128, 127], "u1"), [(-127.5 + 127.5j) / 128, (0.5 - 0.5j) / 128]),
        ("ci16_le", np.array([-32768, 16384, 1, 0], "<i2"), [-1 + 0.5j, 1 / 32768]),
        ("ci16_be", np.array([-32768, 16384, 1, 0], ">i2"), [-1 + 0.5j, 1 / 32768]),
        ("cf32_le", np.array([1, 2, -3, 4], "<f4"), [1 + 2j, -3 + 4j]),
        ("cf32_be", np.array([1, 2, -3, 4], ">f4"), [1 + 2j, -3 + 4j]),
    ],
)
def test_data_types(tmp_path: Path, datatype: str, components: NDArray[Any], expected: list[complex]) -> None:
    from_sigmf = open_recording(sigmf(tmp_path, components, **{"core:datatype": datatype}))
    np.testing.assert_allclose(from_sigmf.read(), expected, rtol=1e-6)
    raw = tmp_path / "raw.bin"
    components.tofile(raw)
    np.testing.assert_allclose(open_recording(raw, 1e6, datatype).read(), expected, rtol=1e-6)


def test_raw_float_by_default(tmp_path: Path) -> None:
    SAMPLES.tofile(tmp_path / "x.dat")
    recording = open_recording(str(tmp_path / "x.dat"), rate=1_920_000)
    np.testing.assert_array_equal(recording.read(), SAMPLES)
    assert recording.frequency is None
    assert recording.duration == pytest.approx(5000 / 1.92e6)


def test_gaps_are_segments(tmp_path: Path) -> None:
    captures = [
        {"core:sample_start": 0, "core:global_index": 700, "core:frequency": 1e9},
        {"core:sample_start": 100, "core:global_index": 800},
        {"core:sample_start": 150, "core:global_index": 1050},
        {"core:sample_start": 180},
    ]
    recording = open_recording(sigmf(tmp_path, np.arange(400, dtype="<i2"), captures, **{"core:datatype": "ci16_le"}))
    assert recording.segments == ((0, 0, 150), (150, 350, 50))
    assert recording.frequency == 1e9
    blocks = [(at, len(x)) for at, x in recording.blocks(60)]
    assert blocks == [(0, 60), (60, 60), (120, 30), (350, 50)]


def test_playback_is_a_source_with_the_gaps(tmp_path: Path) -> None:
    captures = [{"core:sample_start": 0}, {"core:sample_start": 150, "core:global_index": 1000}]
    recording = open_recording(sigmf(tmp_path, np.arange(400, dtype="<i2"), captures, **{"core:datatype": "ci16_le"}))
    source = Playback(recording)
    assert isinstance(source, SampleSource)
    assert (source.n_rx, source.sample_rate) == (1, 1e6)
    got = [source.receive(100) for _ in range(5)]
    assert [(r.time, r.samples.shape) for r in got] == [
        (0, (1, 100)),
        (100, (1, 50)),
        (1000, (1, 50)),
        (1050, (1, 0)),
        (1050, (1, 0)),
    ]
    np.testing.assert_array_equal(np.concatenate([r.samples[0] for r in got]), recording.read())


def test_clipped_samples_are_counted(tmp_path: Path) -> None:
    x = SAMPLES.copy()
    x[[3, 99, 4000]] = [2.0, -3.0 + 0.1j, 0.1 - 8j]
    recording = open_recording(write_recording(tmp_path / "r", x * 0.4, 1e6))
    assert recording.clipped_fraction == 0
    recording.read(0, 50)
    clipped = np.abs(x.view(np.float32)).reshape(-1, 2).max(axis=1) * 0.4 >= 1
    assert recording.clipped_samples == 0
    recording.read(50)
    assert recording.clipped_samples == clipped.sum() > 0
    assert recording.clipped_fraction == recording.clipped_samples / 5000


def test_a_long_recording_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "long.dat"
    with path.open("wb") as file:
        file.truncate(8 * 2**30)
    recording = open_recording(path, 1e6)
    assert recording.n_samples == 2**30
    assert not recording.read(2**30 - 10, 10).any()


def test_independent_recordings() -> None:
    recording = open_recording(capture("lte6_dl.sigmf-data"))
    assert (recording.sample_rate, recording.frequency) == (1.92e6, 2.68e9)
    assert recording.n_samples == 1400 * 1920
    assert not recording.read(0, 4 * 1920).any()
    assert recording.read(4 * 1920, 1920).any()
    assert open_recording(capture("signal.1.92M.dat"), 1.92e6).n_samples == 9601
    assert open_recording(capture("signal.1.92M.amar.dat"), 1.92e6).n_samples == 19_200


# refusals


def test_missing(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nothing.dat", rate=1e6)
    assert "No such file" in refusal(tmp_path / "nothing.sigmf-meta")
    assert "folder" in refusal(tmp_path, rate=1e6)


def test_data_without_metadata_and_metadata_without_data(tmp_path: Path) -> None:
    meta = write_recording(tmp_path / "r", SAMPLES, 1e6)
    data = tmp_path / "r.sigmf-data"
    data.rename(tmp_path / "elsewhere")
    assert "no such file" in refusal(meta)
    (tmp_path / "elsewhere").rename(data)
    meta.unlink()
    assert "sample rate of a raw recording" in refusal(data)
    assert open_recording(data, 1e6, "ci16_le").n_samples == 5000


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\x12\x80\x05" * 27])
def test_empty_and_cut_short(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.dat").write_bytes(content)
    message = refusal(tmp_path / "x.dat", rate=1e6)
    assert ("is empty" if not content else "cut short") in message


def test_empty_and_cut_short_sigmf(tmp_path: Path) -> None:
    meta = write_recording(tmp_path / "r", SAMPLES, 1e6)
    (tmp_path / "r.sigmf-data").write_bytes(b"\1\2\3")
    assert "cut short" in refusal(meta)
    (tmp_path / "r.sigmf-data").write_bytes(b"")
    assert "is empty" in refusal(meta)


def test_shorter_than_the_metadata_say(tmp_path: Path) -> None:
    x = np.arange(400, dtype="<i2")
    captures = [{"core:sample_start": 0}, {"core:sample_start": 200, "core:global_index": 900}]
    assert "cut short" in refusal(sigmf(tmp_path, x, captures, **{"core:datatype": "ci16_le"}))
    meta = sigmf(tmp_path, x, **{"core:datatype": "ci16_le"})
    document = json.loads(meta.read_text())
    document["annotations"] = [{"core:sample_start": 100, "core:sample_count": 101}]
    meta.write_text(json.dumps(document))
    assert "annotated to 201" in refusal(meta)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (json.dumps({"a": [1, 2, 3] * 50}).encode() + b" " * 8, "text"),
        (b"time,value\r\n" + b"0.1,2.5\r\n" * 500, "text"),
        (np.arange(-4000, 4000, dtype="<i2").tobytes(), "complex float32"),
        (np.random.default_rng(3).bytes(8000), "complex float32"),
        (np.full(2000, np.nan, "<f4").tobytes(), "complex float32"),
        (np.full(2000, 1e30, "<f4").tobytes(), "complex float32"),
        (np.full(2000, 1e-40, "<f4").tobytes(), "complex float32"),
    ],
)
def test_what_is_no_recording(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "x.dat").write_bytes(content[: len(content) // 8 * 8])
    assert word in refusal(tmp_path / "x.dat", rate=1e6)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "global"),
        (b"{}", "global"),
        (b'{"global": 3}', "global"),
        (b'{"global": {}, "captures": 3}', "captures"),
        (b'{"global": {}, "captures": [3]}', "captures"),
        (b'{"global": {}}', "core:sample_rate"),
        (b'{"global": {"core:sample_rate": 1e6}}', "core:datatype"),
        (b'{"global": {"core:sample_rate": 1e6, "core:datatype": "rf64_le"}}', "datatype"),
        (b'{"global": {"core:sample_rate": 1e6, "core:datatype": 7}}', "datatype"),
        (b'{"global": {"core:sample_rate": "fast", "core:datatype": "cf32_le"}}', "sample rate"),
        (b'{"global": {"core:sample_rate": -5, "core:datatype": "cf32_le"}}', "sample rate"),
        (b'{"global": {"core:sample_rate": 1e6, "core:datatype": "cf32_le", "core:num_channels": 2}}', "channels"),
        (
            b'{"global": {"core:sample_rate": 1e6, "core:datatype": "cf32_le"},'
            b' "captures": [{"core:sample_start": -1}]}',
            "sample_start",
        ),
        (
            b'{"global": {"core:sample_rate": 1e6, "core:datatype": "cf32_le"},'
            b' "captures": [{"core:sample_start": 9}, {"core:sample_start": 3}]}',
            "out of order",
        ),
        (
            b'{"global": {"core:sample_rate": 1e6, "core:datatype": "cf32_le"},'
            b' "captures": [{"core:sample_start": 0, "core:header_bytes": 44}]}',
            "header",
        ),
    ],
)
def test_bad_metadata(tmp_path: Path, text: bytes, word: str) -> None:
    SAMPLES.tofile(tmp_path / "r.sigmf-data")
    (tmp_path / "r.sigmf-meta").write_bytes(text)
    assert word in refusal(tmp_path / "r.sigmf-meta")


def test_rate_and_type_that_contradict_the_metadata(tmp_path: Path) -> None:
    meta = write_recording(tmp_path / "r", SAMPLES, 1e6)
    assert "1000000.0 samples per second, not 2000000.0" in refusal(meta, rate=2e6)
    assert "states datatype 'ci16_le'" in refusal(meta, datatype="cf32_le")
    assert open_recording(meta, 1e6, "ci16_le").sample_rate == 1e6


@pytest.mark.parametrize("rate", [0.0, -1.0, 1.92, np.nan, np.inf])
def test_rate_that_is_not_usable(tmp_path: Path, rate: float) -> None:
    SAMPLES.tofile(tmp_path / "x.dat")
    assert "not usable" in refusal(tmp_path / "x.dat", rate=rate)


def test_raw_without_rate_or_with_another_type(tmp_path: Path) -> None:
    SAMPLES.tofile(tmp_path / "x.dat")
    assert "must be given" in refusal(tmp_path / "x.dat")
    assert "use one of" in refusal(tmp_path / "x.dat", rate=1e6, datatype="float")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_sample_that_is_not_finite_is_named(tmp_path: Path, value: float) -> None:
    x = SAMPLES.copy()
    x[[4321, 4400]] = 1j * value
    x.tofile(tmp_path / "x.dat")
    recording = open_recording(tmp_path / "x.dat", 1e6)
    assert len(recording.read(0, 4321)) == 4321
    with pytest.raises(RecordingError, match="sample 4321 is not finite"):
        recording.read(4000)


@pytest.mark.parametrize(("start", "n"), [(-1, 5), (0, 5001), (5001, 0), (0, -1)])
def test_samples_outside(tmp_path: Path, start: int, n: int) -> None:
    recording = open_recording(write_recording(tmp_path / "r", SAMPLES, 1e6))
    with pytest.raises(ValueError, match="outside"):
        recording.read(start, n)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    for x, arguments in (
        (SAMPLES[:0], {}),
        (SAMPLES.reshape(2, -1), {}),
        (SAMPLES * np.float32(np.inf), {}),
        (SAMPLES, {"datatype": "ci8"}),
    ):
        with pytest.raises(ValueError):
            write_recording(tmp_path / "r", x, 1e6, **arguments)
    with pytest.raises(ValueError, match="not usable"):
        write_recording(tmp_path / "r", SAMPLES, 0.0)
    assert not list(tmp_path.iterdir())


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=400), text=st.binary(max_size=200))
def test_no_file_makes_another_error(tmp_path_factory: pytest.TempPathFactory, content: bytes, text: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "x.dat").write_bytes(content)
    (folder / "r.sigmf-data").write_bytes(content)
    (folder / "r.sigmf-meta").write_bytes(text)
    for path in (folder / "x.dat", folder / "r.sigmf-meta"):
        for datatype in ("cf32_le", "ci8"):
            with contextlib.suppress(RecordingError):
                assert np.isfinite(open_recording(path, 1e6, datatype).read()).all()


# resampling


def band_limited(n: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.45e6, 0.45e6, n), np.exp(2j * np.pi * rng.random(n)) / np.sqrt(n)


def at_rate(signal: tuple[NDArray, NDArray], rate: float, n: int) -> NDArray[np.complex64]:
    return (np.exp(2j * np.pi * np.outer(np.arange(n) / rate, signal[0])) @ signal[1]).astype(np.complex64)


@pytest.mark.parametrize(
    ("rate_in", "rate_out"),
    [
        (1.92e6, 1.92e6),
        (30.72e6, 1.92e6),
        (23.04e6, 1.92e6),
        (2e6, 1.92e6),
        (10e6, 1.92e6),
        (1.4e6, 1.92e6),
        (1.92e6, 15.36e6),
    ],
)
def test_resample_keeps_the_band_and_the_time(rate_in: float, rate_out: float) -> None:
    signal = band_limited(12, 3)
    n = int(2e-3 * rate_in)
    out = resample(at_rate(signal, rate_in, n), rate_in, rate_out)
    assert len(out) == np.ceil(n * rate_out / rate_in)
    edge = int(100e-6 * rate_out)
    expected = at_rate(signal, rate_out, len(out))
    error = np.mean(np.abs(out - expected)[edge:-edge] ** 2)
    assert 10 * np.log10(error + 1e-20) < -60


def test_resample_rejects_what_would_alias() -> None:
    n = np.arange(40_000)
    for frequency in (1.0e6, 3e6, 14e6):
        out = resample(np.exp(2j * np.pi * frequency / 30.72e6 * n).astype(np.complex64), 30.72e6, 1.92e6)
        assert np.abs(out[100:-100]).max() < 10 ** (-60 / 20)


@settings(max_examples=30, deadline=None)
@given(
    rates=st.sampled_from([(30.72e6, 1.92e6), (2e6, 1.92e6), (1.92e6, 2e6), (1.92e6, 5.76e6), (7e6, 3e6), (1e6, 1e6)]),
    cuts=st.lists(st.integers(0, 3000), max_size=6),
)
def test_resampled_blocks_join(rates: tuple[float, float], cuts: list[int]) -> None:
    x = np.stack([SAMPLES[:3000], SAMPLES[1000:4000]])
    stream = Resampler(*rates, n_channels=2)
    pieces = [stream.process(piece) for piece in np.split(x, sorted(cuts), axis=1)]
    out = np.concatenate([*pieces, stream.flush()], axis=1)
    np.testing.assert_allclose(out, resample(x, *rates), atol=1e-6)


def test_ratio() -> None:
    assert ratio(30.72e6, 1.92e6) == ratio(16.0, 1.0)
    assert ratio(1e6, 1.92e6).as_integer_ratio() == (48, 25)
    for wrong in ((0.0, 1.0), (1.0, -1.0), (np.nan, 1.0), (np.inf, 1.0), (1.92e6, 1.92e6 * np.pi), (1.0, 1e9)):
        with pytest.raises(ValueError):
            ratio(*wrong)


def test_resampler_bad_arguments() -> None:
    with pytest.raises(ValueError, match="channels"):
        Resampler(1e6, 2e6, 0)
    with pytest.raises(ValueError, match="do not fit"):
        Resampler(1e6, 2e6, 2).process(SAMPLES)
