"""The broadcast channel against the clause in plain loops, in noise, and on recordings of other equipment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels.ofdm import Ofdm
from picocell.phy.lte import crs, pbch
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, PhichResource
from picocell.phy.lte.mib import Mib
from picocell.phy.lte.pbch import PbchDecoder, PbchResult
from picocell.phy.lte.search import CellSearch
from support import oracle_pbch, oracle_precoding
from support.captures import capture
from support.synthetic_channel import channel, noise, received

CELLS = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS),
    n_ports=st.sampled_from([1, 2, 4]),
    cp=st.sampled_from(CyclicPrefix),
)
MIBS = st.binary(min_size=3, max_size=3)


def frame(cell: Cell, sfn: int, mib: bytes) -> NDArray[np.complex64]:
    """Transmit grid of subframe 0 with reference signals and PBCH."""
    grid = np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)
    crs.map(cell, 0, grid)
    pbch.map(cell, sfn, mib, grid)
    return grid


def central(grid: NDArray[np.complex64]) -> NDArray[np.complex64]:
    first = grid.shape[-1] // 2 - pbch.N_SC // 2
    return np.ascontiguousarray(grid[..., first : first + pbch.N_SC])


def own_mib(cell: Cell, sfn: int) -> bytes:
    return Mib(cell.n_prb, cell.phich_duration, cell.phich_resource, sfn // 4).encode()


@settings(max_examples=30, deadline=None)
@given(cell=CELLS, mib=MIBS)
def test_encode_is_that_of_the_clause(cell: Cell, mib: bytes) -> None:
    wanted = oracle_pbch.symbols(cell.pci, cell.cp is CyclicPrefix.EXTENDED, cell.n_ports, mib)
    np.testing.assert_allclose(pbch.encode(cell, mib), wanted, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(cell=CELLS, mib=MIBS, sfn=st.integers(0, 1023))
def test_map_is_that_of_the_clause(cell: Cell, mib: bytes, sfn: int) -> None:
    extended = cell.cp is CyclicPrefix.EXTENDED
    grid = np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)
    pbch.map(cell, sfn, mib, grid)
    wanted = np.zeros_like(grid)
    symbols = oracle_pbch.symbols(cell.pci, extended, cell.n_ports, mib)[sfn % 4]
    places = oracle_pbch.resource_elements(cell.pci, cell.n_prb, extended)
    for port, sent in enumerate(oracle_precoding.transmit_diversity(symbols, cell.n_ports)):
        for (l, k), value in zip(places, sent, strict=True):
            wanted[port, l, k] = value
    np.testing.assert_allclose(grid, wanted, atol=1e-6)


@pytest.mark.parametrize("n_ports", [1, 2, 4])
def test_ports_that_are_known_are_the_only_ones_tried(n_ports: int) -> None:
    cell = Cell(7, 25, n_ports)
    rng = np.random.default_rng(n_ports)
    grid = central(received(rng, frame(cell, 1, own_mib(cell, 1)), channel(rng, cell, "AWGN"), 0.05))
    anybody = PbchDecoder(cell.pci, cell.cp).decode(grid)
    assert anybody is not None
    for known in (1, 2, 4):
        result = PbchDecoder(cell.pci, cell.cp, known).decode(grid)
        assert result == (anybody if known == n_ports else None)


@settings(max_examples=60, deadline=None)
@given(cell=CELLS, sfn=st.integers(0, 1023), n_rx=st.integers(1, 2), seed=st.integers(0, 1000))
def test_every_frame_decodes_by_itself(cell: Cell, sfn: int, n_rx: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    h = channel(rng, cell, "AWGN", n_rx=n_rx, delay_s=float(rng.uniform(-1e-6, 1e-6)))
    grid = central(received(rng, frame(cell, sfn, own_mib(cell, sfn)), h, 0.05))
    result = PbchDecoder(cell.pci, cell.cp).decode(grid)
    assert result is not None
    assert (result.mib, result.sfn, result.n_ports, result.n_prb) == (own_mib(cell, sfn), sfn, cell.n_ports, cell.n_prb)
    assert (result.phich_duration, result.phich_resource) == (cell.phich_duration, cell.phich_resource)
    assert result.frames == 1
    assert result.quality >= pbch.MIN_QUALITY[0]


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_level_does_not_matter(scale: float) -> None:
    cell, rng = Cell(150, 50, 2), np.random.default_rng(4)
    y = central(received(rng, frame(cell, 9, own_mib(cell, 9)), channel(rng, cell, "EPA", 5.0), 0.3))
    wanted = PbchDecoder(150, cell.cp).decode(y)
    assert wanted is not None
    result = PbchDecoder(150, cell.cp).decode(y * np.float32(scale))
    assert result is not None
    assert (result.mib, result.sfn, result.n_ports) == (wanted.mib, wanted.sfn, wanted.n_ports)


def one_burst(
    rng: np.random.Generator, n_ports: int, snr_db: float, name: str = "AWGN", delay_s: float = 0.0, cfo_hz: float = 0.0
) -> tuple[PbchResult | None, bool]:
    """Decoder's answer to one frame of a random cell, and whether it is right. SNR is that of a resource element."""
    cell, sfn = Cell(int(rng.integers(504)), 6, n_ports), int(rng.integers(1024))
    h = channel(rng, cell, name, 5.0, delay_s=delay_s, cfo_hz=cfo_hz)
    grid = received(rng, frame(cell, sfn, own_mib(cell, sfn)), h, 10 ** (-snr_db / 10))
    result = PbchDecoder(cell.pci, cell.cp).decode(grid)
    right = result is not None and (result.mib, result.sfn, result.n_ports) == (own_mib(cell, sfn), sfn, n_ports)
    return result, right


@pytest.mark.parametrize(
    ("n_ports", "delay_s", "cfo_hz"), [(1, 0.0, 0.0), (1, 1.0e-6, 80.0), (2, 0.0, 0.0), (4, 0.0, 0.0)]
)
def test_one_burst_at_minus_4_3_db_is_missed_in_a_tenth_of_the_cases_at_most(
    n_ports: int, delay_s: float, cfo_hz: float
) -> None:
    rng, n_trials = np.random.default_rng(43), 400
    answers = [one_burst(rng, n_ports, -4.3, delay_s=delay_s, cfo_hz=cfo_hz) for _ in range(n_trials)]
    missed = sum(not right for _, right in answers)
    wrong = sum(result is not None and not right for result, right in answers)
    print(f"{n_ports} ports, delay {delay_s} s, {cfo_hz} Hz: {missed} of {n_trials} missed at -4.3 dB, {wrong} wrong")
    assert missed <= 0.1 * n_trials
    assert wrong == 0


def test_four_frames_reach_deeper_than_one() -> None:
    rng, n_trials, snr_db = np.random.default_rng(9), 60, -8.0
    alone = together = 0
    for _ in range(n_trials):
        cell = Cell(int(rng.integers(504)), 6, 1)
        start = 4 * int(rng.integers(256))
        decoder = PbchDecoder(cell.pci, cell.cp)
        h = channel(rng, cell, "AWGN")
        results = []
        for sfn in range(start, start + 4):
            y = received(rng, frame(cell, sfn, own_mib(cell, sfn)), h, 10 ** (-snr_db / 10))
            results.append(decoder.decode(y))
        found = [r for r in results if r is not None]
        assert all(r.mib == own_mib(cell, start) and r.sfn // 4 == start // 4 for r in found)
        alone += results[0] is not None
        together += bool(found)
    print(f"at {snr_db} dB {alone} of {n_trials} MIBs decode from one frame, {together} from up to four")
    assert together >= alone + n_trials // 4
    assert together >= 0.9 * n_trials


def test_combining_does_not_reach_over_the_border_of_a_mib() -> None:
    """Frames before SFN mod 4 = 0 carry another MIB: a decoder that has them must not add them."""
    rng, cell = np.random.default_rng(3), Cell(77, 6, 2)
    decoder = PbchDecoder(cell.pci, cell.cp)
    h = channel(rng, cell, "AWGN")
    for sfn in [*range(1021, 1024), *range(6)]:
        result = decoder.decode(received(rng, frame(cell, sfn, own_mib(cell, sfn)), h, 0.5))
        assert result is not None
        assert (result.sfn, result.mib) == (sfn, own_mib(cell, sfn))


def test_reset_forgets_earlier_frames() -> None:
    rng, cell = np.random.default_rng(3), Cell(77)
    decoder = PbchDecoder(cell.pci, cell.cp)
    for sfn in (2, 3):
        result = decoder.decode(received(rng, frame(cell, sfn, own_mib(cell, sfn)), channel(rng, cell, "AWGN"), 0.5))
        assert result is not None
        assert result.frames == 1
        decoder.reset()


def test_noise_gives_no_mib() -> None:
    rng = np.random.default_rng(6)
    decoders = [PbchDecoder(pci, CyclicPrefix.NORMAL) for pci in (0, 250, 503)]
    for _ in range(150):
        grid = noise(rng, (1, 14, pbch.N_SC), 1.0)
        assert all(decoder.decode(grid) is None for decoder in decoders)


def test_silence_and_a_bare_cell_give_no_mib() -> None:
    cell = Cell(8)
    decoder = PbchDecoder(cell.pci, cell.cp)
    grid = np.zeros((1, 14, 72), np.complex64)
    assert decoder.decode(grid) is None
    crs.map(cell, 0, grid)
    assert decoder.decode(grid) is None


def from_samples(samples: NDArray[np.complex64], pci: int) -> PbchResult | None:
    """MIB of the first whole subframe 0 of a recording at 1.92 Msps."""
    found = next(cell for cell in CellSearch().search(samples) if cell.pci == pci)
    start = round(found.frame_start)
    start += 19200 if start < 0 else 0
    grid = Ofdm(6, 128, found.cp is CyclicPrefix.EXTENDED).demodulate(
        samples[None, start : start + 1920], cfo=found.cfo_hz / 1.92e6, window_advance=4
    )
    return PbchDecoder(pci, found.cp).decode(grid)


def test_recording_of_a_50_prb_cell_with_two_ports() -> None:
    result = from_samples(np.fromfile(capture("signal.1.92M.dat"), np.complex64), 150)
    assert result is not None
    assert result.mib == bytes.fromhex("681c00")
    assert (result.n_prb, result.n_ports, result.phich_resource) == (50, 2, PhichResource.ONE)
    assert result.sfn % 4 == 0


def test_recording_of_a_commercial_base_station() -> None:
    result = from_samples(np.fromfile(capture("signal.1.92M.amar.dat"), np.complex64), 1)
    assert result is not None
    assert (result.n_prb, result.n_ports) == (6, 1)


def test_recording_of_an_independent_stack_counts_frames() -> None:
    """Stream subframe 4 is SFN 0 subframe 0, without frequency offset; the log's MIB carries a placeholder SFN."""
    raw = np.fromfile(capture("lte6_dl.sigmf-data"), np.int16, 2 * 1920 * 244).astype(np.float32)
    samples = raw.view(np.complex64)
    rest = {line.split(",")[6] for line in capture("lte6_mac.csv").read_text().splitlines() if "NO_RNTI" in line}
    decoder, ofdm = PbchDecoder(1, CyclicPrefix.NORMAL), Ofdm(6, 128)
    seen = 0
    for sfn in range(24):
        start = (4 + 10 * sfn) * 1920
        grid = ofdm.demodulate(samples[None, start : start + 1920], window_advance=4)
        result = decoder.decode(grid)
        if not np.any(grid):
            continue
        assert result is not None
        assert (result.sfn, result.n_prb, result.n_ports) == (sfn, 6, 1)
        placeholder = int.from_bytes(bytes.fromhex(next(iter(rest))), "big") & ~(0xFF << 10)
        assert int.from_bytes(result.mib, "big") & ~(0xFF << 10) == placeholder
        seen += 1
    assert seen >= 20


def test_bad_input_is_refused() -> None:
    cell = Cell(3, 25, 2)
    grid = np.zeros((2, 14, 300), np.complex64)
    with pytest.raises(ValueError, match="3 bytes"):
        pbch.encode(cell, b"\0\0")
    with pytest.raises(ValueError, match="grid of shape"):
        pbch.map(cell, 0, bytes(3), grid[:1])
    with pytest.raises(ValueError, match="grid has shape"):
        PbchDecoder(3, cell.cp).decode(grid)
