"""The control region received in one go against its channels one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import crs, pcfich, pdcch, phich, regs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, PhichDuration, PhichResource
from picocell.phy.lte.control import ControlReceiver
from picocell.phy.lte.estimation import estimate

cells = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS[:4]),
    n_ports=st.sampled_from([1, 2, 4]),
    cp=st.sampled_from(CyclicPrefix),
    phich_duration=st.sampled_from(PhichDuration),
    phich_resource=st.sampled_from(PhichResource),
)


@settings(max_examples=25, deadline=None)
@given(cell=cells, subframe=st.integers(0, 9), noise_db=st.floats(-30, 0), seed=st.integers(0, 1000))
def test_same_as_channel_by_channel(cell: Cell, subframe: int, noise_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cfi = max(regs.legal_cfis(cell))
    sent = np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)
    crs.map(cell, subframe, sent)
    pcfich.encode(cell, subframe, cfi, sent)
    bits = rng.integers(0, 2, 27).astype(np.uint8)
    pdcch.encode(cell, subframe, cfi, [pdcch.PdcchMessage(bits, 0x1234, 0, 1)], sent)
    phich.encode(cell, subframe, [phich.Phich(0, 1, ack=True), phich.Phich(0, 3, ack=False)], sent)
    noise = rng.normal(size=(2, 2, cell.n_symb, cell.n_sc)) * np.sqrt(0.5 * 10 ** (noise_db / 10))
    grid = (np.array([1, 0.8j])[:, None, None] * sent.sum(axis=0) + noise[0] + 1j * noise[1]).astype(np.complex64)
    channel = estimate(cell, subframe, grid)
    receiver = ControlReceiver(cell)
    found, quality, control = receiver.decode(subframe, grid, channel)
    expected_cfi, expected_quality = pcfich.decode(cell, subframe, grid, channel)
    assert found == expected_cfi
    assert quality == pytest.approx(expected_quality, abs=1e-3)
    one = pdcch.extract(cell, subframe, found, grid, channel)
    np.testing.assert_array_equal(control.llr, one.llr)
    np.testing.assert_allclose(control.energy, one.energy, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(control.noise, one.noise, rtol=1e-4)
    assert np.count_nonzero(control.silent != one.silent) <= 1
    places = [(0, 1), (0, 3), (0, 0)]
    for ours, theirs in zip(
        receiver.hi(subframe, grid, channel, places),
        phich.decode(cell, subframe, grid, channel, places),
        strict=True,
    ):
        assert ours.metric == pytest.approx(theirs.metric, abs=1e-3)
        assert ours.snr_db == pytest.approx(theirs.snr_db, abs=0.5) or theirs.snr_db < -10
    assert receiver.hi(subframe, grid, channel, []) == []


def test_subframe_or_phich_that_does_not_exist() -> None:
    cell = Cell(1)
    grid = np.ones((1, cell.n_symb, cell.n_sc), np.complex64)
    channel = estimate(cell, 0, grid)
    with pytest.raises(ValueError, match="subframe 10"):
        ControlReceiver(cell).decode(10, grid, channel)
    with pytest.raises(ValueError, match="PHICH group 9"):
        ControlReceiver(cell).hi(0, grid, channel, [(9, 0)])
