"""Sender and receiver of a whole PUSCH in one call each, against the same steps one after the other."""

import numpy as np
import pytest

from picocell.kernels import gold, modem, ulsch
from picocell.phy.lte import pusch, pusch_dmrs, scfdma, ul_estimation
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.phy.lte.uplink_config import UplinkConfig
from support.oracle_placeholders import resolve_placeholders

CELL = Cell(pci=77, n_prb=50)
CASES = [
    (UplinkConfig(50), (3, 3), 1, 2, 1, False),
    (UplinkConfig(50), (3, 20), 3, 4, 2, False),
    (UplinkConfig(50), (0, 0), 50, 6, 1, True),
    (UplinkConfig(50, CyclicPrefix.EXTENDED), (5, 5), 4, 4, 2, False),
    (UplinkConfig(50, CyclicPrefix.EXTENDED), (5, 9), 10, 2, 1, True),
]


def _grant(starts: tuple[int, int], n_prb: int, q_m: int, srs: bool) -> PuschGrant:
    return PuschGrant(61, starts, n_prb, q_m, 40, srs_symbol=srs)


@pytest.mark.parametrize(("ul", "starts", "n_prb", "q_m", "n_rx", "srs"), CASES)
@pytest.mark.parametrize("placeholders", [False, True])
def test_send(ul: UplinkConfig, starts, n_prb: int, q_m: int, n_rx: int, srs: bool, placeholders: bool) -> None:
    rng = np.random.default_rng(n_prb + n_rx)
    m, which = 12 * n_prb, pusch_dmrs.data_symbols(ul, srs)
    n = m * len(which)
    coded = rng.integers(0, 2, n * q_m, np.uint8)
    if placeholders:  # as one HARQ-ACK bit has them: the bit, y, and x for the rest
        coded.reshape(n, q_m)[: n // 4, 1], coded.reshape(n, q_m)[: n // 4, 2:] = 3, 2
    source = rng.permutation(n).astype(np.int32)
    words, r = gold.packed(999, n * q_m), pusch_dmrs.sequence(CELL, ul, 3, n_prb, 2)
    grid = np.asarray(rng.normal(size=(ul.n_symb, ul.n_sc)), np.complex64)
    expected = grid.copy()
    bits = ulsch.gather_bits(coded, source, q_m)
    symbols = modem.modulate(resolve_placeholders(bits, words), q_m, words).reshape(-1, m)
    for row, l in zip(scfdma.transform_precode(symbols), which, strict=True):
        start = 12 * starts[l >= ul.n_symb_slot]
        expected[l, start : start + m] = np.float32(0.7) * row
    pusch_dmrs.map(CELL, ul, 3, expected, starts, n_prb, 2, amplitude=0.7)
    ulsch.PuschSender(m).send(
        coded, source, q_m, words, r, (12 * starts[0], 12 * starts[1]), which, pusch_dmrs.symbols(ul), grid,
        placeholders=placeholders, amplitude=0.7,
    )  # fmt: skip
    np.testing.assert_allclose(grid, expected, atol=2e-6)


def _received(ul: UplinkConfig, grant: PuschGrant, n_rx: int, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """A PUSCH after a delay, a frequency offset and noise."""
    grid = np.zeros((ul.n_symb, ul.n_sc), np.complex64)
    pusch.encode(CELL, ul, 3, grant, rng.bytes(5), grid)
    turn = np.exp(-2j * np.pi * 15e3 * 0.7e-6 * np.arange(ul.n_sc) + 0.05j * np.arange(ul.n_symb)[:, None])
    gain = rng.normal(size=(n_rx, 2)) @ np.array([1, 1j])
    noise = rng.normal(size=(n_rx, *grid.shape, 2)) @ np.array([1, 1j]) * np.sqrt(0.5 * 10 ** (-snr_db / 10))
    return np.asarray(gain[:, None, None] * grid * turn + noise, np.complex64)


@pytest.mark.parametrize(("ul", "starts", "n_prb", "q_m", "n_rx", "srs"), CASES)
@pytest.mark.parametrize("snr_db", [-60.0, -5.0, 8.0, 30.0])
def test_receive(ul: UplinkConfig, starts, n_prb: int, q_m: int, n_rx: int, srs: bool, snr_db: float) -> None:
    rng = np.random.default_rng(n_prb + 7)
    grant = _grant(starts, n_prb, q_m, srs)
    grid = _received(ul, grant, n_rx, snr_db, rng)
    words = gold.packed(5, pusch.n_re(ul, grant) * q_m)
    ours = pusch._front(CELL, ul, 3, grant, grid, words, 150.0)
    steps = pusch._front_of_several(CELL, ul, 3, grant, grid, words, (), 150.0)
    assert ours is not None
    assert ours.levels == pytest.approx(steps.levels, rel=1e-3, abs=1e-9)
    np.testing.assert_allclose(ours.variance, steps.variance, rtol=2e-3)
    np.testing.assert_allclose(ours.symbols, steps.symbols, rtol=2e-3, atol=2e-3 * np.abs(steps.symbols).max())
    if snr_db > 0:
        wanted = steps.llr.astype(int)
        assert np.abs(ours.llr - wanted).max() <= 2 + 0.01 * np.abs(wanted).max()


def test_silence_and_what_is_not_finite() -> None:
    ul, grant = UplinkConfig(50), _grant((0, 0), 2, 2, False)
    words = gold.packed(5, pusch.n_re(ul, grant) * 2)
    for value in (0, np.inf, np.nan):
        grid = np.full((1, 14, 600), value, np.complex64)
        assert pusch._front(CELL, ul, 3, grant, grid, words, 0.0) is None


def test_what_does_not_fit_is_refused() -> None:
    ul = UplinkConfig(50)
    receiver, r, words = ul_estimation.receiver(ul, 2), pusch_dmrs.sequence(CELL, ul, 3, 2), gold.packed(5, 288 * 2)
    which, grid = pusch_dmrs.data_symbols(ul), np.ones((1, 14, 600), np.complex64)
    for wrong, arguments in (
        ("symbols", (grid[:, :12].copy(), r, (0, 0), which, 2, words)),
        ("do not fit", (grid, r, (0, 577), which, 2, words)),
        ("do not fit", (grid, r, (-1, 0), which, 2, words)),
        ("reference", (grid, r[:, :12].copy(), (0, 0), which, 2, words)),
        ("q_m 3", (grid, r, (0, 0), which, 3, words)),
        ("words", (grid, r, (0, 0), which, 2, words[:3])),
        ("words", (grid, r, (0, 0), (), 2, words)),
        ("symbols", (grid, r, (0, 0), (14,), 2, words)),
    ):
        with pytest.raises(ValueError, match=wrong):
            receiver.receive(*arguments)
    with pytest.raises(ValueError, match="subcarriers"):
        ulsch.PuschSender(84)
    sender, coded, source = ulsch.PuschSender(24), np.zeros(576, np.uint8), np.arange(288, dtype=np.int32)
    one = np.zeros((14, 600), np.complex64)
    for wrong, arguments in (
        ("groups", (coded, source + 1, 2, words, r, (0, 0), which, (3, 10), one)),
        ("do not fit", (coded, source, 2, words, r, (0, 580), which, (3, 10), one)),
        ("symbol 14", (coded, source, 2, words, r, (0, 0), which, (3, 14), one)),
        ("q_m 3", (coded, source, 3, words, r, (0, 0), which, (3, 10), one)),
        ("words", (coded, source, 2, words[:3], r, (0, 0), which, (3, 10), one)),
        ("words", (coded, source[:24], 2, words, r, (0, 0), which, (3, 10), one)),
        ("reference", (coded, source, 2, words, r[:1], (0, 0), which, (3, 10), one)),
        ("symbols", (coded, source, 2, words, r, (0, 0), which, (3, 10), one[:13])),
    ):
        with pytest.raises(ValueError, match=wrong):
            sender.send(*arguments)
