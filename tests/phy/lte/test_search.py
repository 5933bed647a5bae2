"""Cell search: sensitivity and false alarms in noise, several cells, odd recordings, real ones.

The full campaign (200 + 500 trials, and other levels) is tests/campaigns/search_campaign.py.
"""

import numpy as np
import pytest

from picocell.phy.lte.cell import Cell, CyclicPrefix, Duplex
from picocell.phy.lte.search import CellSearch, FoundCell
from picocell.phy.lte.search_primary import FRAME
from support.captures import capture
from support.oracle_sync import downlink, noise, received

SEARCH = CellSearch()
CP = (CyclicPrefix.NORMAL, CyclicPrefix.EXTENDED)


def timing_error(found: FoundCell, offset: float) -> float:
    return (found.frame_start - offset + FRAME / 2) % FRAME - FRAME / 2


def test_finds_cells_at_minus_6_db() -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for trial in range(60):
        cell = Cell(int(rng.integers(504)), cp=CP[trial % 2])
        offset, cfo = float(rng.uniform(0, FRAME)), float(rng.uniform(-10e3, 10e3))
        found = SEARCH.search(received(cell, offset, cfo, -6.0, rng))
        hits += (
            bool(found)
            and (found[0].pci, found[0].cp) == (cell.pci, cell.cp)
            and abs(timing_error(found[0], offset)) <= 4
        )
    assert hits >= 38


def test_finds_nothing_in_noise() -> None:
    rng = np.random.default_rng(8)
    assert not any(SEARCH.search(noise(rng, (76_800,)).astype(np.complex64)) for _ in range(150))


@pytest.mark.parametrize("cfo", [-10_000.0, -7_500.0, -1_499.0, 0.0, 333.0, 7_500.0, 10_000.0])
@pytest.mark.parametrize("n_id_2", range(3))
def test_precision_at_moderate_snr(cfo: float, n_id_2: int) -> None:
    rng = np.random.default_rng(int(cfo) + 20_000 + n_id_2)
    found = SEARCH.search(received(Cell(300 + n_id_2), 1234.3, cfo, 6.0, rng))
    assert [f.pci for f in found] == [300 + n_id_2]
    assert abs(found[0].cfo_hz - cfo) < 100
    assert abs(timing_error(found[0], 1234.3)) < 0.3
    assert found[0].snr_db == pytest.approx(6.0, abs=0.7)
    assert found[0].rsrp_db == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize("offset", [0.0, 5.0, 700.0, 960.0, 8900.0, 9599.0, 9700.0, 19_000.0])
@pytest.mark.parametrize("cp", CP)
def test_one_half_frame_is_enough_at_high_snr(offset: float, cp: CyclicPrefix) -> None:
    rng = np.random.default_rng(int(offset))
    found = SEARCH.search(received(Cell(77, cp=cp), offset, 2000.0, 20.0, rng, n=9600 + 300))
    assert [(f.pci, f.cp) for f in found] == [(77, cp)]
    assert abs(timing_error(found[0], offset)) < 0.5


@pytest.mark.parametrize("level", [1e-30, 1e-9, 1.0, 1e12, 1e30])
def test_level_does_not_matter(level: float) -> None:
    x = received(Cell(9), 100.0, 0.0, 0.0, np.random.default_rng(3))
    reference, scaled = SEARCH.search(x)[0], SEARCH.search((x * level).astype(np.complex64))[0]
    assert scaled.pci == 9
    assert scaled.rsrp_db - reference.rsrp_db == pytest.approx(20 * np.log10(level), abs=0.01)
    assert scaled.metric == pytest.approx(reference.metric, rel=1e-3)


def test_several_cells_strongest_first() -> None:
    rng = np.random.default_rng(5)
    wanted = ((0, 0.0, 0.0), (31, 4000.0, -3.0), (101, 12_345.0, -5.0))
    x = noise(rng, (76_800,), 0.05)
    for pci, offset, level in wanted:
        clean = received(Cell(pci), offset, 500.0, 300.0, rng)
        x = x + 10 ** (level / 20) * clean
    assert [f.pci for f in SEARCH.search(x.astype(np.complex64))] == [pci for pci, _, _ in wanted]


def test_most_cells() -> None:
    rng = np.random.default_rng(5)
    x = received(Cell(0), 0.0, 0.0, 300.0, rng) + received(Cell(31), 4000.0, 0.0, 20.0, rng)
    assert len(SEARCH.search(x, max_cells=1)) == 1


@pytest.mark.parametrize("load", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("pci", [0, 1, 2, 150, 503])
def test_a_strong_cell_has_no_ghosts(pci: int, load: float) -> None:
    rng = np.random.default_rng(pci)
    for _ in range(4):
        x = np.roll(downlink(Cell(pci), 40, rng, load), int(rng.integers(FRAME)))
        x = x * np.exp(2j * np.pi * rng.uniform(-10e3, 10e3) / 1.92e6 * np.arange(len(x)))
        assert [f.pci for f in SEARCH.search(x.astype(np.complex64))] == [pci]


def test_a_carrier_offset_beyond_the_comb_gives_no_wrong_cell() -> None:
    rng = np.random.default_rng(12)
    for cfo in (17e3, 20e3, 25e3, 30e3):
        found = SEARCH.search(received(Cell(200), 50.0, cfo, 25.0, rng))
        assert all(f.pci == 200 for f in found)


def test_two_antennas_gain() -> None:
    rng = np.random.default_rng(21)
    hits = 0
    for trial in range(10):
        clean = received(Cell(3 * trial + 1), 4321.0, 3000.0, 300.0, rng)
        x = np.stack([clean, 1j * clean]) + noise(rng, (2, len(clean)), 10**0.9)
        found = SEARCH.search(x.astype(np.complex64))
        hits += bool(found) and found[0].pci == 3 * trial + 1
    assert hits >= 9


def test_noise_on_two_antennas() -> None:
    rng = np.random.default_rng(22)
    assert not any(SEARCH.search(noise(rng, (2, 76_800)).astype(np.complex64)) for _ in range(5))


@pytest.mark.parametrize("cp", CP)
def test_tdd(cp: CyclicPrefix) -> None:
    rng = np.random.default_rng(23)
    cell = Cell(222, cp=cp, duplex=Duplex.TDD)
    x = received(cell, 777.0, -4000.0, 3.0, rng)
    found = CellSearch(duplex=Duplex.TDD).search(x)
    assert [(f.pci, f.cp) for f in found] == [(222, cp)]
    assert abs(timing_error(found[0], 777.0)) < 1
    assert SEARCH.search(x) == []


@pytest.mark.parametrize("ppm", [-20.0, 20.0])
def test_sample_rate_error(ppm: float) -> None:
    rng = np.random.default_rng(24)
    x = received(Cell(88), 3000.0, 0.0, 300.0, rng)
    position = np.arange(len(x)) * (1 + ppm * 1e-6)
    drifting = np.interp(position, np.arange(len(x)), x.real) + 1j * np.interp(position, np.arange(len(x)), x.imag)
    found = SEARCH.search((drifting + noise(rng, x.shape, 10**0.4)).astype(np.complex64))
    assert [f.pci for f in found] == [88]
    assert abs(timing_error(found[0], 3000.0)) < 2


def test_silence_before_the_signal() -> None:
    x = received(Cell(45), 0.0, 0.0, 20.0, np.random.default_rng(25))
    x[:30_000] = 0
    assert [f.pci for f in SEARCH.search(x)] == [45]


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-20])
def test_silence_and_constants_hold_no_cell(value: float) -> None:
    assert SEARCH.search(np.full(76_800, value, np.complex64)) == []


def test_tones_and_pulses_hold_no_cell() -> None:
    n = np.arange(76_800)
    rng = np.random.default_rng(26)
    tone = np.exp(2j * np.pi * 0.123 * n) + noise(rng, n.shape, 1e-3)
    pulses = (n % 9600 == 55) * 100.0 + noise(rng, n.shape, 1e-3)
    bursts = (n % 9600 < 300) * noise(rng, n.shape)
    for x in (tone, pulses, bursts):
        assert SEARCH.search(x.astype(np.complex64)) == []


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(9599, np.complex64), "too few"),
        (np.zeros((1, 1, 9600), np.complex64), "shape"),
        (np.full(9600, np.nan, np.complex64), "finite"),
    ],
)
def test_bad_samples(samples: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SEARCH.search(samples)


@pytest.mark.parametrize("arguments", [{"false_alarm": 0.0}, {"false_alarm": 0.5}, {"max_candidates": 0}])
def test_bad_settings(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        CellSearch(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "pci", "start"), [("signal.1.92M.dat", 150, 0.0), ("signal.1.92M.amar.dat", 1, 0.0)])
def test_real_base_stations(name: str, pci: int, start: float) -> None:
    found = SEARCH.search(np.fromfile(capture(name), np.complex64))
    assert [(f.pci, f.cp) for f in found] == [(pci, CyclicPrefix.NORMAL)]
    assert abs(timing_error(found[0], start)) < 1


@pytest.mark.parametrize(("first", "n"), [(0, 9_600), (0, 19_200), (0, 76_800), (200_000, 76_800), (1_000_001, 76_800)])
def test_independent_stack(first: int, n: int) -> None:
    raw = np.fromfile(capture("lte6_dl.sigmf-data"), "<i2", 2 * n, offset=4 * first)
    found = SEARCH.search(raw.astype(np.float32).view(np.complex64))
    assert [(f.pci, f.cp) for f in found] == [(1, CyclicPrefix.NORMAL)]
    assert abs(timing_error(found[0], 4 * 1920 - first)) < 0.1
    assert abs(found[0].cfo_hz) < 1
