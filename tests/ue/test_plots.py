"""The page of a scan: it is written for all data, some, or none; wrong shapes and a missing matplotlib are told."""

import builtins
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picocell.ue.plots import Peak, PlotUnavailableError, check_output, plot_scan


def synthetic(seed: int = 1) -> dict[str, Any]:
    """A made-up cell of 25 PRB, two receive antennas, four subframes."""
    rng = np.random.default_rng(seed)

    def noise(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))).astype(np.complex64)

    correlation = np.abs(noise(3, 19200, scale=0.04))
    correlation[1, [4011, 13611]] = 0.93, 0.9
    n_sc, n_symbols = 300, 56
    frequency = np.fft.fftfreq(512, 1 / 512)[:n_sc]
    taps = np.array([1, 0.6j, 0.35])[:, None] * np.exp(-2j * np.pi * np.array([0, 4, 9])[:, None] * frequency / 512)
    response = np.stack([taps.sum(0), np.roll(taps.sum(0), 60) * 0.7])[:, None, :].repeat(14, 1)
    channel = (response + noise(2, 14, n_sc, scale=0.03)).astype(np.complex64)
    grid = noise(n_symbols, n_sc, scale=0.02)
    grid[::7, ::6] += 1.0
    grid[7:11, 114:186] += noise(4, 72)
    grid[16:42, 40:160] += noise(26, 120) * response[0, 0, 40:160]
    levels = np.array([-3, -1, 1, 3]) / np.sqrt(10)
    qpsk = (rng.choice([-1, 1], 960) + 1j * rng.choice([-1, 1], 960)) / np.sqrt(2)
    qam16 = rng.choice(levels, 9000) + 1j * rng.choice(levels, 9000)
    constellations = {
        "PBCH": (qpsk[:240] + noise(240, scale=0.1)).astype(np.complex64),
        "PCFICH": (qpsk[:16] + noise(16, scale=0.1)).astype(np.complex64),
        "PDCCH": (qpsk + noise(960, scale=0.12)).astype(np.complex64),
        "PDSCH 16QAM": (qam16 + noise(9000, scale=0.05)).astype(np.complex64),
    }
    peaks = [Peak(1, 4011, "PCI 151"), Peak(1, 13611)]
    return {
        "correlation": correlation,
        "peaks": peaks,
        "grid": grid,
        "channel": channel,
        "constellations": constellations,
    }


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_page_of_all_panels(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "scan.png"
    plot_scan(path, title="PCI 151", subtitle="25 PRB, 2 antenna ports", **synthetic())
    assert png_size(path) == (1600, 1200)
    assert path.stat().st_size > 100_000


@pytest.mark.parametrize("kept", [[], ["correlation"], ["grid"], ["channel"], ["constellations"]])
def test_page_with_panels_missing(tmp_path: Path, kept: list[str]) -> None:
    pytest.importorskip("matplotlib")
    data = {name: value for name, value in synthetic().items() if name in kept}
    plot_scan(tmp_path / "scan.png", title="nothing found", **data)
    assert png_size(tmp_path / "scan.png") == (1600, 1200)


def test_page_of_degenerate_arrays(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot_scan(
        tmp_path / "scan.svg",
        title="zeros",
        correlation=np.zeros((3, 1)),
        grid=np.zeros((14, 72), np.complex64),
        channel=np.zeros((1, 72), np.complex64),
        constellations={f"c{i}": np.zeros(i, np.complex64) for i in range(8)},
    )
    assert b"<svg" in (tmp_path / "scan.svg").read_bytes()[:1000]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"correlation": np.zeros((2, 5))}, r"\(3, n\)"),
        ({"grid": np.zeros(5, np.complex64)}, r"\(n_symbols, n_sc\)"),
        ({"channel": np.zeros(5, np.complex64)}, r"\(n_rx, n_sc\)"),
    ],
)
def test_wrong_shapes_are_named(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plot_scan(tmp_path / "scan.png", title="", **change)


def test_missing_matplotlib_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PlotUnavailableError, match=r"picocell\[plot\]"):
        plot_scan(tmp_path / "scan.png", title="")
    with pytest.raises(PlotUnavailableError, match=r"picocell\[plot\]"):
        check_output(tmp_path / "scan.png")


def test_output_that_cannot_be_written_is_told_early(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.pdf, \.svg"):
        check_output(tmp_path / "scan.bmp")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        check_output(tmp_path / "missing" / "scan.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PermissionError, match="cannot be written"):
        check_output(tmp_path / "folder.png")
