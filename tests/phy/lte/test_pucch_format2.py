"""PUCCH formats 2, 2a, 2b against the clause, and their decoding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.lte import pucch, pucch_format1, pucch_format2, uci
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.pucch import PucchFormat
from picocell.phy.lte.pucch_tables import ACK_BITS, ACK_SYMBOLS
from picocell.phy.lte.uplink_config import PucchConfig, UplinkConfig
from support import oracle_pucch as oracle
from support.oracle_pucch import SHARES, uplinks
from support.oracle_pucch_estimate import decode_format2

NORMAL, EXTENDED = CyclicPrefix.NORMAL, CyclicPrefix.EXTENDED


@given(uplinks(), st.integers(0, 503), st.integers(0, 9), st.integers(0, 0xFFFF), st.data())
@settings(max_examples=60, deadline=None)
def test_grid_is_that_of_the_clause(ul: UplinkConfig, pci: int, subframe: int, rnti: int, data: st.DataObject):
    n = len(pucch_format2.table(ul).m)
    if n == 0:
        return
    cell = Cell(pci, n_prb=ul.n_prb)
    n2 = data.draw(st.integers(0, n - 1))
    report = tuple(data.draw(st.lists(st.integers(0, 1), min_size=1, max_size=13)))
    n_ack = data.draw(st.integers(0, 2)) if ul.cp is NORMAL else 0
    ack = data.draw(st.sampled_from(ACK_BITS[n_ack]))
    fmt = (PucchFormat.F2, PucchFormat.F2A, PucchFormat.F2B)[n_ack]
    grid = np.zeros((1, ul.n_symb, ul.n_sc), np.complex64)
    pucch.encode(cell, ul, subframe, rnti, fmt, n2, report + ack, grid)
    np.testing.assert_allclose(grid[0], oracle.format2(cell, ul, subframe, rnti, n2, report, ack), atol=2e-6)


@pytest.mark.parametrize(("delta", "n_cs_1"), [share for share in SHARES if share[1]])
def test_shared_block_keeps_formats_apart(delta, n_cs_1):
    ul = UplinkConfig(pucch=PucchConfig(delta_shift=delta, n_rb_2=1, n_cs_1=n_cs_1))
    one, two = pucch_format1.table(ul), pucch_format2.table(ul)
    assert len(two.m) == 12 + (12 - n_cs_1 - 2)
    for slot in range(2):
        first = set(one.shift[one.m == 1, slot].tolist())
        second = two.shift[two.m == 1, slot].tolist()
        assert len(set(second)) == len(second) == 10 - n_cs_1
        assert not first & set(second)


@pytest.mark.parametrize("n_bits", [1, 4, 7, 13])
def test_words_are_those_of_the_code(n_bits):
    book = pucch_format2.words(n_bits)
    assert book.shape == (1 << n_bits - 1, 20)
    for payload in {0, len(book) - 1, len(book) // 3}:
        bits = [int(bit) for bit in f"{payload:0{n_bits}b}"]
        assert (book[payload] == 1 - 2.0 * uci.encode_20(np.array(bits, np.uint8))).all()


@pytest.mark.parametrize("cp", [NORMAL, EXTENDED])
@pytest.mark.parametrize(("n_bits", "n_ack"), [(1, 0), (4, 0), (4, 1), (6, 2), (11, 2), (13, 0)])
def test_decision_explains_more_energy_than_any_other_word(cp, n_bits, n_ack):
    rng = np.random.default_rng(n_bits + n_ack)
    ul = UplinkConfig(cp=cp)
    n_ack = n_ack if cp is NORMAL else 0
    signs = np.stack([pucch_format2.scrambling(Cell(9), 4, rnti) for rnti in (70, 71, 72)])
    received = oracle.noise((3, 2, 2, ul.n_symb_slot), 1.0, rng)
    payload, ack, time = decode_format2(ul, received, signs, n_bits, n_ack)
    book = np.concatenate([pucch_format2.words(n_bits), -pucch_format2.words(n_bits)])
    for i in range(3):
        data = pucch_format2.qpsk(book * signs[i])
        energies = []
        for symbol in ACK_SYMBOLS[: 1 << n_ack]:
            replica = pucch_format2.time_signature(ul, data, np.full(len(data), symbol))
            fit = np.einsum("wsl,srl->wsr", replica.conj(), received[i])
            energies.append((np.abs(fit) ** 2).sum(axis=(1, 2)))
        best = np.unravel_index(np.argmax(energies), np.shape(energies))
        assert (int(ack[i]), int(payload[i])) == best
        fit = np.einsum("sl,srl->sr", time[i].conj(), received[i])
        np.testing.assert_allclose((np.abs(fit) ** 2).sum(), np.max(energies), rtol=1e-4)


def test_bad_arguments_are_refused():
    cell, ul, grid = Cell(1), UplinkConfig(), np.zeros((14, 72), np.complex64)
    with pytest.raises(ValueError, match=r"n_PUCCH\^\(2\) 12 is outside 0\.\.11"):
        pucch.encode(cell, ul, 0, 1, "2", 12, (1,), grid)
    with pytest.raises(ValueError, match=r"n_PUCCH\^\(1\) 180 is outside 0\.\.179"):
        pucch.encode(cell, ul, 0, 1, "1", 180, (), grid)
    with pytest.raises(ValueError, match="format 1a: 1 are needed"):
        pucch.encode(cell, ul, 0, 1, "1a", 0, (1, 1), grid)
    with pytest.raises(ValueError, match="control bits"):
        pucch.encode(cell, ul, 0, 1, "2a", 0, (1,), grid)
    with pytest.raises(ValueError, match="HARQ-ACK bits"):
        pucch.encode(cell, ul, 0, 1, "1a", 0, (2,), grid)
    with pytest.raises(ValueError, match="subframe 10"):
        pucch.encode(cell, ul, 10, 1, "1", 0, (), grid)
    with pytest.raises(ValueError, match="does not fit"):
        pucch.encode(cell, ul, 0, 1, "1", 0, (), grid[:12])
    with pytest.raises(ValueError, match="does not fit"):
        pucch.encode(cell, ul, 0, 1, "1", 0, (), grid.astype(np.complex128))
    extended = UplinkConfig(cp=EXTENDED)
    with pytest.raises(ValueError, match="extended cyclic prefix"):
        pucch.encode(cell, extended, 0, 1, "2a", 0, (1, 1), np.zeros((12, 72), np.complex64))
