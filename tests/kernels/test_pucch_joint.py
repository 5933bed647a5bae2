"""The joint detection of PUCCHs against its oracle, round by round."""

import numpy as np
import pytest

from picocell.phy.lte import pucch
from picocell.phy.lte.cell import N_SC_RB, Cell, CyclicPrefix
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.pucch_detect import detect, prepare
from picocell.phy.lte.pucch_tables import carriers, prb_pair
from picocell.phy.lte.uplink_config import PucchConfig, SrsCellConfig, UplinkConfig
from support.oracle_pucch_joint import detect_jointly

CELL = Cell(pci=301, n_prb=25)


def _received(ul: UplinkConfig, subframe: int, n_rx: int, rng: np.random.Generator, present: float):
    """Noise and the transmissions of some of many UEs in two resource blocks, with delays, phases and powers."""
    shape = (n_rx, ul.n_symb, ul.n_sc)
    grid = np.sqrt(0.05) * (rng.normal(size=(*shape, 2)) @ np.array([1, 1j]))
    requests = []
    extended = ul.cp is CyclicPrefix.EXTENDED
    for i in range(8):
        requests.append(PucchRequest(70 + i, n_pucch_sr=40 + i, n_pucch_ack=2 * i, n_ack=1 + i % 2))
        with_ack = 1 if i % 3 == 0 and not extended else 0
        requests.append(PucchRequest(90 + i, n2_pucch=i, n_cqi=4, n_ack=with_ack))
    for request in requests:
        if rng.random() > present:
            continue
        one = np.zeros(shape[1:], np.complex64)
        if request.n_cqi:
            form, bits = ("2a", (1, 0, 1, 1, 1)) if request.n_ack else ("2", (1, 0, 0, 1))
            pucch.encode(CELL, ul, subframe, request.rnti, form, request.n2_pucch, bits, one)
        else:
            form, place = ("1a", "1b")[request.n_ack - 1], (request.n_pucch_sr, request.n_pucch_ack)[rng.integers(2)]
            pucch.encode(CELL, ul, subframe, request.rnti, form, place, tuple(rng.integers(0, 2, request.n_ack)), one)
        turn = np.exp(-2j * np.pi * 15e3 * rng.uniform(-1e-6, 1e-6) * np.arange(ul.n_sc))
        gain = rng.normal(size=(n_rx, 2)) @ np.array([1, 1j])
        grid = grid + gain[:, None, None] * one * turn
    return np.ascontiguousarray(grid, np.complex64), requests


CASES = {
    "normal": UplinkConfig(25, pucch=PucchConfig(delta_shift=1, n_rb_2=1)),
    "mixed": UplinkConfig(25, pucch=PucchConfig(delta_shift=2, n_rb_2=1, n_cs_1=4)),
    "extended": UplinkConfig(25, CyclicPrefix.EXTENDED, pucch=PucchConfig(delta_shift=2, n_rb_2=1)),
    "shortened": UplinkConfig(
        25, pucch=PucchConfig(delta_shift=2, n_rb_2=1), srs=SrsCellConfig(0, 0, ack_nack_simultaneous=True)
    ),
}


@pytest.mark.parametrize("ul", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize(("n_rx", "present"), [(1, 0.4), (2, 1.0), (2, 0.0)])
def test_detect_is_that_of_the_oracle(ul: UplinkConfig, n_rx: int, present: float) -> None:
    rng = np.random.default_rng(5)
    for subframe in (1, 6):
        grid, requests = _received(ul, subframe, n_rx, rng, present)
        plan = pucch._plan(ul, requests)
        candidates, m = pucch._candidates(CELL, ul, subframe, requests, plan)
        n_used = np.full(len(m), ul.n_symb)
        if pucch.shortened_format(CELL, ul, subframe):
            n_used[np.bincount(candidates.block[len(plan.n1) :], minlength=len(m)) == 0] -= 1
        carrier = carriers(CELL, ul, subframe)
        joint = prepare(candidates, prb_pair(ul, m), n_used, ul.n_symb, n_rx, 1e-3)
        found = detect(ul.cp, joint, grid, carrier)
        view = grid.reshape(n_rx, 2, ul.n_symb_slot, ul.n_prb, N_SC_RB)
        received = view[:, np.arange(2), :, prb_pair(ul, m)] * carrier.conj()[:, None]
        received[n_used < ul.n_symb, 1, :, -1] = 0
        wanted = detect_jointly(ul, candidates, received, n_used * (N_SC_RB * n_rx), 1e-3)
        for ours, theirs in zip(found, wanted, strict=True):
            assert ours[:6] == pytest.approx(theirs[:6], rel=5e-3, abs=1e-3)
            if theirs.metric > theirs.threshold:
                assert ours[6:] == theirs[6:]


def test_what_does_not_fit_is_refused() -> None:
    ul = CASES["normal"]
    requests = [PucchRequest(70, n_pucch_sr=3)]
    candidates, m = pucch._candidates(CELL, ul, 0, requests, pucch._plan(ul, requests))
    joint = prepare(candidates, prb_pair(ul, m), np.full(len(m), 14), 14, 1, 1e-3)
    carrier = carriers(CELL, ul, 0)
    with pytest.raises(ValueError, match="antennas"):
        detect(ul.cp, joint, np.zeros((2, 14, 300), np.complex64), carrier)
    with pytest.raises(ValueError, match="subcarriers"):
        detect(ul.cp, joint, np.zeros((1, 14, 12), np.complex64), carrier)
    with pytest.raises(ValueError, match="symbols"):
        detect(ul.cp, joint, np.zeros((1, 12, 300), np.complex64), carrier)
    with pytest.raises(ValueError, match="carriers"):
        detect(ul.cp, joint, np.zeros((1, 14, 300), np.complex64), carrier[:1])
    with pytest.raises(ValueError, match="n_rx 17"):
        prepare(candidates, prb_pair(ul, m), np.full(len(m), 14), 14, 17, 1e-3)
