"""PHICH against the clause, through channels and noise, and on a recording."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import phich, regs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, PhichDuration, PhichResource
from picocell.phy.lte.phich import Phich
from support import oracle_control as oracle
from support.captures import capture
from support.ground_truth import phy_rows
from support.oracle_control import lte6_subframe, region, through_channel

CELLS = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS),
    n_ports=st.sampled_from([1, 2, 4]),
    cp=st.sampled_from(CyclicPrefix),
    phich_duration=st.sampled_from(PhichDuration),
    phich_resource=st.sampled_from(PhichResource),
)


def empty(cell: Cell) -> np.ndarray:
    return np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)


def no_collisions(cell: Cell, mi: int, two_symbols: bool) -> bool:
    """Whether all mapping units have resource elements of their own; the narrowest cells cannot hold the most."""
    index = regs.phich_re_index(cell, mi, two_symbols=two_symbols)
    return len(np.unique(index)) == index.size


@st.composite
def sent(draw: st.DrawFn) -> tuple[Cell, int, bool, list[Phich]]:
    cell, mi, two_symbols = draw(CELLS), draw(st.sampled_from([1, 2])), draw(st.booleans())
    if not no_collisions(cell, mi, two_symbols):
        mi = 1
    groups = st.integers(0, regs.n_phich_groups(cell, mi) - 1)
    places = st.tuples(groups, st.integers(0, phich.n_sequences(cell) - 1))
    chosen = draw(st.lists(places, unique=True, min_size=1, max_size=12))
    powers = st.sampled_from([-3.0, 0.0, 3.0])
    return cell, mi, two_symbols, [Phich(g, s, draw(st.booleans()), draw(powers)) for g, s in chosen]


@given(sent(), st.integers(0, 9))
@settings(max_examples=80, deadline=None)
def test_encoder_against_the_clause(case: tuple[Cell, int, bool, list[Phich]], subframe: int) -> None:
    cell, mi, two_symbols, messages = case
    grid = empty(cell)
    phich.encode(cell, subframe, messages, grid, mi, two_symbols=two_symbols)
    plain = [(m.group, m.sequence, int(m.ack), 10 ** (m.power_db / 20)) for m in messages]
    assert np.allclose(grid, oracle.phich(region(cell, 3, mi, two_symbols), subframe, plain), atol=1e-5)


@given(sent(), st.integers(0, 9), st.sampled_from([1, 2]), st.integers(0, 1000))
@settings(max_examples=80, deadline=None)
def test_round_trip(case: tuple[Cell, int, bool, list[Phich]], subframe: int, n_rx: int, seed: int) -> None:
    cell, mi, two_symbols, messages = case
    grid = empty(cell)
    phich.encode(cell, subframe, messages, grid, mi, two_symbols=two_symbols)
    received, channel = through_channel(grid, np.random.default_rng(seed), n_rx, noise_var=0.001)
    resources = [(m.group, m.sequence) for m in messages]
    results = phich.decode(cell, subframe, received, channel, resources, mi, two_symbols=two_symbols)
    for message, result in zip(messages, results, strict=True):
        assert result.ack == message.ack
        assert result.detected
        assert abs(result.metric) == pytest.approx(10 ** (message.power_db / 20), abs=0.12)
        assert result.metric > 0 if message.ack else result.metric < 0


@pytest.mark.parametrize("n_ports", [1, 2, 4])
@pytest.mark.parametrize("cp", CyclicPrefix)
def test_sequences_that_are_not_sent_stay_quiet(n_ports: int, cp: CyclicPrefix) -> None:
    cell = Cell(pci=77, n_prb=50, n_ports=n_ports, cp=cp)
    everything = [(g, s) for g in range(regs.n_phich_groups(cell)) for s in range(phich.n_sequences(cell))]
    messages = [Phich(g, s, (g + s) % 3 == 0) for g, s in everything if (g * 7 + s) % 2]
    grid = empty(cell)
    phich.encode(cell, 4, messages, grid)
    received, channel = through_channel(grid, np.random.default_rng(1), noise_var=0.0)
    silent = [place for place in everything if (place[0] * 7 + place[1]) % 2 == 0]
    assert max(abs(r.metric) for r in phich.decode(cell, 4, received, channel, silent)) < 1e-3


def test_reliability_is_the_snr_after_despreading() -> None:
    """Twelve symbols are summed and half of the noise is in quadrature: at -6 dB a symbol the mean is 24 * 0.25 + 1."""
    cell, rng = Cell(pci=5, n_prb=25, phich_resource=PhichResource.ONE), np.random.default_rng(8)
    snr, quiet = [], []
    for subframe in 40 * list(range(10)):
        grid = empty(cell)
        phich.encode(cell, subframe, [Phich(1, 3, True)], grid)
        received, channel = through_channel(grid, rng, noise_var=4.0, fading=False)
        on, off = phich.decode(cell, subframe, received, channel, [(1, 3), (2, 5)])
        snr.append(10 ** (on.snr_db / 10))
        quiet.append(off.detected)
    assert np.mean(snr) == pytest.approx(7, rel=0.1)
    assert np.mean(quiet) == pytest.approx(0.0455, abs=0.03)


def test_resource_of_a_pusch() -> None:
    """TS 36.213 9.1.2 with N_g = 1 in 25 PRB: four groups of eight sequences."""
    cell = Cell(0, n_prb=25)
    assert phich.resource(cell, 0, 0) == (0, 0)
    assert phich.resource(cell, 7, 0) == (3, 1)
    assert phich.resource(cell, 7, 2) == (1, 3)
    assert phich.resource(cell, 24, 5, i_phich=1) == (1 + 4, (6 + 5) % 8)
    extended = Cell(0, n_prb=25, cp=CyclicPrefix.EXTENDED)
    assert phich.resource(extended, 24, 5) == ((24 + 5) % 8, (3 + 5) % 4)


def test_recorded_acknowledgements() -> None:
    """Every PHICH that an independent UE read is an ACK here too, and stands out of the noise."""
    rows = [row for row in phy_rows(capture("lte6_phy.csv")) if row.channel == "PHICH"]
    assert len(rows) == 16
    for row in rows:
        cell, grid, channel = lte6_subframe(row.tti)
        place = phich.resource(cell, *(int(row.fields[name]) for name in ("I_lowest", "n_dmrs", "I_phich")))
        (result,) = phich.decode(cell, row.tti % 10, grid, channel, [place])
        assert result.ack == (row.fields["hi"] == "1"), row
        assert result.detected, row


def test_nothing_sent() -> None:
    cell = Cell(0)
    grid = empty(cell)
    phich.encode(cell, 0, [], grid)
    assert not grid.any()
    received, channel = through_channel(grid, np.random.default_rng(0))
    assert phich.decode(cell, 0, received, channel, []) == []


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([Phich(1, 0, True)], "group 1"),
        ([Phich(0, 8, True)], "sequence 8"),
        ([Phich(0, 1, True), Phich(0, 1, False)], "given twice"),
    ],
)
def test_bad_messages(messages: list[Phich], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        phich.encode(Cell(0), 0, messages, empty(Cell(0)))


@pytest.mark.parametrize(("prb", "n_dmrs", "i_phich"), [(-1, 0, 0), (0, 8, 0), (0, 0, 2)])
def test_bad_resource(prb: int, n_dmrs: int, i_phich: int) -> None:
    with pytest.raises(ValueError, match=r"outside|negative|allowed"):
        phich.resource(Cell(0), prb, n_dmrs, i_phich)
