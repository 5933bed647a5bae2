"""PDCCH against the clause, blind search through noise, and on recordings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import dci, pcfich, pdcch, regs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, Duplex, PhichDuration, PhichResource
from picocell.phy.lte.dci import DciFormat
from picocell.phy.lte.pdcch import Control, FoundDci, PdcchMessage
from support import oracle_control as oracle
from support.captures import capture
from support.ground_truth import PhyRow, phy_rows
from support.oracle_control import lte6_subframe, recorded_subframe, region, through_channel

CELLS = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS),
    n_ports=st.sampled_from([1, 2, 4]),
    cp=st.sampled_from(CyclicPrefix),
    phich_duration=st.sampled_from(PhichDuration),
    phich_resource=st.sampled_from(PhichResource),
)
RNTIS = st.integers(0x3D, 0xFFF3)


def empty(cell: Cell) -> np.ndarray:
    return np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)


def random_bits(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 2, n, dtype=np.uint8)


def fill(rng: np.random.Generator, n_cce: int, sizes: tuple[int, ...]) -> list[PdcchMessage]:
    """Messages of random levels from CCE 0 on, with gaps."""
    messages, at = [], 0
    while at < n_cce:
        level = int(rng.choice([1, 2, 4, 8]))
        at += -at % level
        if at + level > n_cce:
            break
        if rng.random() < 0.7:
            bits = random_bits(rng, int(rng.choice(sizes)))
            messages.append(PdcchMessage(bits, int(rng.integers(1, 0x10000)), at, level, float(rng.choice([-3, 0, 3]))))
        at += level
    return messages


def received(
    cell: Cell, subframe: int, cfi: int, messages: list[PdcchMessage], noise_var: float, seed: int = 0, n_rx: int = 1
) -> Control:
    grid = empty(cell)
    pdcch.encode(cell, subframe, cfi, messages, grid)
    rx, channel = through_channel(grid, np.random.default_rng(seed), n_rx, noise_var, fading=False)
    return pdcch.extract(cell, subframe, cfi, rx, channel)


@given(CELLS, st.data(), st.integers(0, 9), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_encoder_against_the_clause(cell: Cell, data: st.DataObject, subframe: int, seed: int) -> None:
    cfi = data.draw(st.sampled_from(regs.legal_cfis(cell)))
    messages = fill(np.random.default_rng(seed), regs.n_cce(cell, cfi), (8, 22, 27, 44))
    grid = empty(cell)
    pdcch.encode(cell, subframe, cfi, messages, grid)
    plain = [(m.bits.tolist(), m.rnti, m.first_cce, m.aggregation_level, 10 ** (m.power_db / 20)) for m in messages]
    assert np.allclose(grid, oracle.pdcch(region(cell, cfi), subframe, plain), atol=1e-5)


@given(CELLS, st.data(), st.integers(0, 9), st.sampled_from([1, 2]), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_everything_sent_is_found(cell: Cell, data: st.DataObject, subframe: int, n_rx: int, seed: int) -> None:
    cfi = data.draw(st.sampled_from(regs.legal_cfis(cell)))
    messages = fill(np.random.default_rng(seed), regs.n_cce(cell, cfi), (22, 27))
    control = received(cell, subframe, cfi, messages, 0.001, seed, n_rx)
    found = {
        (f.rnti, f.bits.tobytes(), f.first_cce, f.aggregation_level)
        for f in pdcch.search_all(cell, control, (22, 27), min_confidence=0.98)
    }
    assert found == {(m.rnti, m.bits.tobytes(), m.first_cce, m.aggregation_level) for m in messages}


@given(st.integers(1, 90), st.integers(1, 0xFFFF), st.integers(0, 9), st.booleans())
@settings(max_examples=200, deadline=None)
def test_search_space_against_the_clause(n_cce: int, rnti: int, subframe: int, common: bool) -> None:
    expected = list(dict.fromkeys(oracle.search_space(n_cce, rnti, subframe, common)))
    assert list(pdcch.candidates(n_cce, rnti, subframe, common)) == expected
    assert all(first % level == 0 and first + level <= n_cce for first, level in expected)


@given(RNTIS, st.integers(0, 9), st.sampled_from([1, 2, 4]), st.data())
@settings(max_examples=60, deadline=None, derandomize=True)  # a CRC passes by chance one time in 65536
def test_search_by_rnti(rnti: int, subframe: int, n_ports: int, data: st.DataObject) -> None:
    """An assignment and, where its search space has room, a grant for one UE; its neighbour's RNTI finds nothing."""
    cell = Cell(pci=rnti % 504, n_prb=50, n_ports=n_ports)
    rng = np.random.default_rng(rnti)
    places = list(pdcch.candidates(regs.n_cce(cell, 3), rnti, subframe, False))
    first, level = data.draw(st.sampled_from(places))
    clear = [(f, l) for f, l in places if f + l <= first or f >= first + level]
    messages, expected = [], {}
    for fmt, place in zip((DciFormat.FORMAT_1, DciFormat.FORMAT_0), [(first, level), *clear[:1]], strict=False):
        bits = random_bits(rng, dci.size(cell, fmt))
        bits[0] = 0 if fmt is DciFormat.FORMAT_0 else bits[0]
        messages.append(PdcchMessage(bits, rnti, *place))
        expected[fmt] = (bits.tobytes(), *place)
    control = received(cell, subframe, 3, messages, 0.01)
    found = pdcch.search_rnti(cell, subframe, control, rnti)
    assert {f.format: (f.bits.tobytes(), f.first_cce, f.aggregation_level) for f in found} == expected
    assert all(f.rnti == rnti and f.quality > 0.99 and f.confidence > 0.9 for f in found)
    assert pdcch.search_rnti(cell, subframe, control, rnti - 1 if rnti > 0x3D else rnti + 1) == []


@pytest.mark.parametrize("level", [1, 2, 4, 8])
@pytest.mark.parametrize("noise_var", [1e-4, 0.02, 0.1])
@pytest.mark.parametrize("size", [8, 20, 32, 44])
def test_level_is_told_apart_from_half_and_double(level: int, noise_var: float, size: int) -> None:
    """Also where the code word repeats with the CCE (24 bits with CRC) and neighbours are busy or silent."""
    cell, rng = Cell(pci=3, n_prb=50), np.random.default_rng(level)
    for trial in range(10):
        bits = random_bits(rng, size)
        messages = [PdcchMessage(bits, 0x1234, 8, level)]
        if trial % 2 and level < 8:
            messages.append(PdcchMessage(random_bits(rng, size), 0x4321, 8 + level, level))
        control = received(cell, trial, 3, messages, noise_var * level, trial)
        hits = [f for f in pdcch.search_all(cell, control, [size]) if f.rnti == 0x1234]
        assert [(f.first_cce, f.aggregation_level) for f in hits if (f.bits == bits).all()] == [(8, level)]


@pytest.mark.parametrize(("level", "snr_db"), [(1, 4.0), (2, 0.5), (4, -2.5), (8, -5.5)])
def test_detection_at_low_snr(level: int, snr_db: float) -> None:
    """Format 1A at 10 MHz (27 bits): rates 0.6 to 0.07; at these SNRs at least nine of ten come through."""
    cell, rng, missed = Cell(pci=3, n_prb=50), np.random.default_rng(4), 0
    size = dci.size(cell, DciFormat.FORMAT_1A)
    for trial in range(100):
        bits = random_bits(rng, size)
        bits[0] = 1
        first, _ = next(c for c in pdcch.candidates(41, 0x2345, trial % 10, False) if c[1] == level)
        control = received(cell, trial % 10, 3, [PdcchMessage(bits, 0x2345, first, level)], 10 ** (-snr_db / 10), trial)
        found = pdcch.search_rnti(cell, trial % 10, control, 0x2345)
        missed += not any((f.bits == bits[: len(f.bits)]).all() for f in found if len(f.bits) == size)
    assert missed <= 10


def test_noise_quality_is_the_mean_over_noise() -> None:
    rng = np.random.default_rng(1)
    llr = np.round(100 * rng.normal(size=72 * 8 * 100)).astype(np.int16)
    for size in (8, 21, 27, 44):
        for level in (1, 2, 4, 8):
            places = [(first, level) for first in range(0, 800, level)]
            decoded = pdcch.decode_candidates(llr, places, [size])
            assert decoded.quality.mean() == pytest.approx(pdcch.noise_quality(size, level), abs=0.04)


def test_silence_is_not_decoded() -> None:
    cell = Cell(pci=3, n_prb=50)
    control = received(cell, 0, 3, [PdcchMessage(np.ones(27, np.uint8), 99, 4, 2)], 1e-3)
    assert np.flatnonzero(~control.silent).tolist() == [4, 5]
    assert control.energy[4] == pytest.approx(1, abs=0.1)
    decoded = pdcch.search(control, pdcch.candidates(control.n_cce, 1, 0, True), [27])
    assert len(decoded.rnti) == 0
    assert pdcch.search_rnti(cell, 0, received(cell, 0, 3, [], 1e-3), 0xFFFF) == []


def test_weak_message_in_noise_is_not_taken_for_silence() -> None:
    cell = Cell(pci=3, n_prb=50)
    message = PdcchMessage(np.ones(27, np.uint8), 99, 8, 8, power_db=-6)
    for seed in range(20):
        assert not received(cell, 0, 3, [message], 0.5, seed).silent[8:16].any()


def test_ue_antenna_selection() -> None:
    cell = Cell(pci=3, n_prb=25)
    bits = np.zeros(dci.size(cell, DciFormat.FORMAT_0), np.uint8)
    first, level = pdcch.candidates(20, 0x80, 5, False)[0]
    control = received(cell, 5, 3, [PdcchMessage(bits, 0x80, first, level, ue_antenna_port=1)], 0.01)
    assert pdcch.search_rnti(cell, 5, control, 0x80) == []
    (found,) = pdcch.search_rnti(cell, 5, control, 0x80, antenna_selection=True)
    assert (found.rnti, found.antenna_port, found.format) == (0x80, 1, DciFormat.FORMAT_0)


def test_formats_keep_to_their_search_spaces() -> None:
    """A format 1 counts in the UE-specific space only, an SI assignment in the common one only."""
    cell = Cell(pci=3, n_prb=100)
    specific = pdcch.candidates(84, 0x777, 1, False)
    common = pdcch.candidates(84, 0x777, 1, True)
    outside = next(place for place in common if place not in specific)
    bits = random_bits(np.random.default_rng(0), dci.size(cell, DciFormat.FORMAT_1))
    assert pdcch.search_rnti(cell, 1, received(cell, 1, 3, [PdcchMessage(bits, 0x777, *outside)], 0.01), 0x777) == []
    bits = np.ones(dci.size(cell, DciFormat.FORMAT_1A), np.uint8)
    for rnti, place, count in ((0xFFFF, common[1], 1), (0xFFFF, (48, 8), 0), (0x777, common[1], 1)):
        control = received(cell, 1, 3, [PdcchMessage(bits, rnti, *place)], 0.01)
        assert len(pdcch.search_rnti(cell, 1, control, rnti)) == count
        assert pdcch.may_start_at(84, rnti, 1, *place) == bool(count)


def test_tdd_groups_make_room() -> None:
    cell = Cell(pci=3, n_prb=25, duplex=Duplex.TDD, tdd_config=1)
    message = PdcchMessage(np.ones(25, np.uint8), 77, 0, 4)
    for subframe in (0, 1):
        mi = regs.phich_mi(cell, subframe)
        grid = empty(cell)
        pdcch.encode(cell, subframe, 2, [message], grid, mi)
        rx, channel = through_channel(grid, np.random.default_rng(0), noise_var=0.01)
        control = pdcch.extract(cell, subframe, 2, rx, channel, mi)
        assert control.n_cce == {0: 13, 1: 12}[mi]
        assert pdcch.search_all(cell, control, [25])[0].rnti == 77


RNTI_BEFORE_ATTACH = {165: 0xFFFF, 329: 0xFFFF, 346: 2}
"""RNTIs of the recorded attach before the UE has its own."""


SENT_AT_LEVEL_4 = {359, 384, 393, 394, 402, 403, 404}
"""TTIs in which all four CCEs carry the message, and the log has the level at which the UE found it first."""


def recorded_messages() -> list[tuple[PhyRow, Cell, int, Control]]:
    """Each DCI that the independent UE read, the RNTI it used, and the control region of that subframe."""
    cases = []
    for row in phy_rows(capture("lte6_phy.csv")):
        if row.channel == "PDCCH":
            cell, grid, channel = lte6_subframe(row.tti)
            cfi, quality = pcfich.decode(cell, row.tti % 10, grid, channel)
            assert quality > 0.99
            control = pdcch.extract(cell, row.tti % 10, cfi, grid, channel)
            cases.append((row, cell, RNTI_BEFORE_ATTACH.get(row.tti, 0x46), control))
    assert len(cases) == 34
    return cases


def is_the_logged(row: PhyRow, found: FoundDci) -> bool:
    level = 1 << int(row.fields["L"])
    sent = 4 if row.tti in SENT_AT_LEVEL_4 else level
    return (found.first_cce, found.aggregation_level) == (int(row.fields["cce"]), sent) and level == found.levels[0]


def test_recorded_messages() -> None:
    """Every DCI that the UE read is found at its CCE and level, with its format and fields, and nothing else is."""
    for row, cell, rnti, control in recorded_messages():
        found = pdcch.search_rnti(cell, row.tti % 10, control, rnti)
        assert len(found) == (2 if row.tti in (873, 1333) else 1), row
        (match,) = (f for f in found if f.format == row.fields["f"])
        assert is_the_logged(row, match), (row, match)
        assert match.quality > 0.98
        message = dci.unpack(cell, row.fields["f"], match.bits, match.rnti)
        assert message.mcs == int(row.fields["mcs"]), row  # type: ignore[union-attr]
        if "riv" in row.fields:
            assert message.riv == int(row.fields["riv"]), row  # type: ignore[union-attr]


def test_recorded_messages_without_knowing_the_rnti() -> None:
    """The search without an RNTI puts each of them first, or the two of one subframe, and far before the rest."""
    for row, cell, rnti, control in recorded_messages():
        count = 2 if row.tti in (873, 1333) else 1
        found = pdcch.search_all(cell, control, [dci.size(cell, fmt) for fmt in ("1A", "1", "1C")])
        assert any(f.rnti == rnti and is_the_logged(row, f) for f in found[:count]), row
        assert all(f.confidence > 0.9 for f in found[:count])
        assert all(f.confidence < 0.5 for f in found[count:])


@pytest.mark.parametrize(("subframe", "mcs", "rv"), [(2, 6, 3), (5, 2, 0)])
def test_system_information_of_a_commercial_cell(subframe: int, mcs: int, rv: int) -> None:
    cell = Cell(pci=1)
    grid, channel = recorded_subframe(capture("signal.1.92M.amar.dat"), cell, 1920 * subframe, subframe)
    cfi, _ = pcfich.decode(cell, subframe, grid, channel)
    assert cfi == 3
    control = pdcch.extract(cell, subframe, cfi, grid, channel)
    (found,) = pdcch.search_rnti(cell, subframe, control, dci.SI_RNTI)
    message = dci.unpack(cell, found.format or "", found.bits, found.rnti)
    assert isinstance(message, dci.Dci1A)
    assert (message.riv, message.mcs, message.rv) == (11, mcs, rv)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (PdcchMessage(np.zeros(21, np.uint8), 1, 1, 2), "first CCE 1"),
        (PdcchMessage(np.zeros(21, np.uint8), 1, 4, 4), "first CCE 4"),
        (PdcchMessage(np.zeros(21, np.uint8), 1, 0, 3), "level 3"),
        (PdcchMessage(np.zeros(21, np.uint8), 0x10000, 0, 1), "RNTI 65536"),
        (PdcchMessage(np.zeros(21, np.uint8), 1, 0, 1, ue_antenna_port=2), "antenna port 2"),
    ],
)
def test_bad_message(message: PdcchMessage, text: str) -> None:
    cell = Cell(pci=1)
    with pytest.raises(ValueError, match=text):
        pdcch.encode(cell, 0, 3, [message], empty(cell))


def test_overlapping_messages() -> None:
    cell = Cell(pci=1)
    messages = [PdcchMessage(np.zeros(21, np.uint8), 1, 0, 2), PdcchMessage(np.zeros(21, np.uint8), 2, 1, 1)]
    with pytest.raises(ValueError, match="overlap"):
        pdcch.encode(cell, 0, 3, messages, empty(cell))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda c: pdcch.search_rnti(Cell(1), 0, c, 0), "RNTI 0"),
        (lambda c: pdcch.search_rnti(Cell(1), 0, c, 5, ["9"]), "9"),
        (lambda c: pdcch.search_all(Cell(1), c, [21], [3]), "levels"),
        (lambda _: pdcch.candidates(6, 5, 10, False), "subframe 10"),
    ],
)
def test_bad_search(call: object, text: str) -> None:
    control = received(Cell(1), 0, 3, [], 0.1)
    with pytest.raises(ValueError, match=text):
        call(control)  # type: ignore[operator]
