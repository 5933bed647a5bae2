"""Grants of DCI formats 2 and 2A, and the way from the message's bits to the transport blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels.sch import SchDecoder
from picocell.phy.lte import dci, spatial
from picocell.phy.lte.cell import Cell, Duplex
from picocell.phy.lte.codebook import closed_loop_entries, codebook
from picocell.phy.lte.dci import Dci2, Dci2A, DciFormat
from picocell.phy.lte.dci_sizes import fields as dci_fields
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.grant import PdschGrant, TransmissionScheme
from picocell.phy.lte.pmi import Report
from picocell.phy.lte.spatial import SpatialGrant
from picocell.phy.lte.spatial_grant import Precoding, precoding, precoding_field, spatial_from_dci
from picocell.phy.lte.tbs import tbs

RNTI, ALL = 0x77, (1 << 17) - 1
TWO, FOUR = Cell(1, 50, n_ports=2), Cell(1, 50, n_ports=4)


def message(fmt: type[Dci2] | type[Dci2A], info: int = 0, **fields: int) -> Dci2 | Dci2A:
    given_fields = {"mcs1": 10, "mcs2": 20, **fields}
    return fmt(resource_block_assignment=ALL, precoding=info, **given_fields)


def grant(cell: Cell, made: Dci2 | Dci2A, report: Report | None = None) -> SpatialGrant:
    found = spatial_from_dci(cell, 1, 2, RNTI, made, report=report)
    assert isinstance(found, SpatialGrant)
    return found


def test_two_blocks_on_two_layers() -> None:
    found = grant(TWO, message(Dci2A, harq_process=5, ndi2=1, rv1=3))
    assert (found.n_layers, found.pmi, found.harq_process, found.n_layers) == (2, None, 5, 2)
    assert [(w.q_m, w.tbs, w.rv, w.ndi) for w in found.codewords] == [(4, tbs(9, 50), 3, 0), (6, tbs(18, 50), 0, 1)]
    assert found.prbs == (tuple(range(50)),) * 2


def test_the_swap_flag_changes_the_code_words_over() -> None:
    plain, swapped = grant(TWO, message(Dci2A)), grant(TWO, message(Dci2A, swap=1))
    assert plain.codewords == swapped.codewords[::-1]
    lone = message(Dci2, 1, swap=1, mcs2=0, rv2=1)
    assert [word.tbs for word in grant(TWO, lone).codewords] == [tbs(9, 50)]


def test_one_block_falls_back_to_diversity() -> None:
    for made in (message(Dci2A, mcs1=0, rv1=1), message(Dci2, mcs1=0, rv1=1)):
        found = spatial_from_dci(TWO, 1, 2, RNTI, made)
        assert isinstance(found, PdschGrant)
        assert (found.scheme, found.tbs) == (TransmissionScheme.TX_DIVERSITY, tbs(18, 50))
    with pytest.raises(ValueError, match="enables no"):
        spatial_from_dci(TWO, 1, 2, RNTI, message(Dci2A, mcs1=0, rv1=1, mcs2=0, rv2=1))


def test_block_over_two_layers_has_the_two_layer_size() -> None:
    lone = grant(FOUR, message(Dci2A, 1, mcs1=0, rv1=1))
    assert [w.tbs for w in lone.codewords] == [tbs(18, 50, 2)]
    three = grant(FOUR, message(Dci2A, 1))
    assert [w.tbs for w in three.codewords] == [tbs(9, 50), tbs(18, 50, 2)]
    assert (three.n_layers, grant(FOUR, message(Dci2A, 2)).n_layers) == (3, 4)


@pytest.mark.parametrize(
    ("cell", "fmt", "n_words", "legal"),
    [
        (TWO, Dci2A, 1, 1),
        (TWO, Dci2A, 2, 1),
        (FOUR, Dci2A, 1, 2),
        (FOUR, Dci2A, 2, 3),
        (TWO, Dci2, 1, 7),
        (TWO, Dci2, 2, 3),
        (FOUR, Dci2, 1, 35),
        (FOUR, Dci2, 2, 51),
    ],
)
def test_every_value_has_one_meaning_or_is_reserved(
    cell: Cell, fmt: type[Dci2] | type[Dci2A], n_words: int, legal: int
) -> None:
    width = dict(dci_fields(cell, fmt.FORMAT)).get("precoding", 0)
    found = set()
    for value in range(1 << width):
        made = message(fmt, value)
        if value >= legal:
            with pytest.raises(ValueError, match="reserved"):
                precoding(made, cell.n_ports, n_words)
            continue
        meaning = precoding(made, cell.n_ports, n_words)
        found.add(meaning)
        if meaning.tpmi is not None and meaning.tpmi >= 0:
            assert meaning.tpmi in closed_loop_entries(cell.n_ports, meaning.n_layers)
    assert len(found) == legal
    if fmt is Dci2:  # every precoder can be named
        for n_layers in {m.n_layers for m in found} - {0}:
            named = {m.tpmi for m in found if m.n_layers == n_layers}
            assert named == {-1, *closed_loop_entries(cell.n_ports, n_layers)}


def test_a_field_that_cannot_say_it_is_refused() -> None:
    assert precoding_field(Dci2, 2, 2, Precoding(2, 2)) == 1
    assert precoding_field(Dci2A, 4, 2, Precoding(4)) == 2
    with pytest.raises(ValueError, match="cannot say"):
        precoding_field(Dci2A, 2, 2, Precoding(3))


def test_a_report_is_confirmed() -> None:
    by_prb = tuple(1 + prb // 6 % 2 for prb in range(50))
    report = Report(2, by_prb, (7, 7), (1.0, 1.0))
    assert grant(TWO, message(Dci2, 2), report).pmi == by_prb
    for value, column in ((5, 0), (6, 1)):
        lone = grant(TWO, message(Dci2, value, mcs2=0, rv2=1), report)
        for entry, single in zip(by_prb, lone.pmi or (), strict=True):
            np.testing.assert_allclose(
                codebook(2, 1)[single, :, 0], codebook(2, 2)[entry, :, column] * np.sqrt(2), atol=1e-6
            )
    assert grant(TWO, message(Dci2, 5, mcs2=0, rv2=1), Report(1, (3,), (7,), (1.0,))).pmi == (3,)
    with pytest.raises(ValueError, match="there is none"):
        grant(TWO, message(Dci2, 2))
    with pytest.raises(ValueError, match="rank 1"):
        grant(TWO, message(Dci2, 2), Report(1, (3,), (7,), (1.0,)))


def test_a_retransmission_takes_the_size_of_its_own_block() -> None:
    made = message(Dci2A, mcs1=29, rv1=2)
    found = spatial_from_dci(TWO, 1, 2, RNTI, made, previous_tbs=(4584, 99))
    assert isinstance(found, SpatialGrant)
    assert [word.tbs for word in found.codewords] == [4584, tbs(18, 50)]
    with pytest.raises(ValueError, match="no earlier grant"):
        spatial_from_dci(TWO, 1, 2, RNTI, made)


@settings(max_examples=30, deadline=None)
@given(
    n_ports=st.sampled_from([2, 4]),
    closed=st.booleans(),
    n_prb=st.sampled_from([6, 25, 100]),
    tdd=st.booleans(),
    data=st.data(),
)
def test_bits_of_a_message_come_back(n_ports: int, closed: bool, n_prb: int, tdd: bool, data: st.DataObject) -> None:
    cell = Cell(1, n_prb, n_ports=n_ports, duplex=Duplex.TDD if tdd else Duplex.FDD, tdd_config=2)
    fmt = Dci2 if closed else Dci2A
    values = {name: data.draw(st.integers(0, (1 << width) - 1), name) for name, width in dci_fields(cell, fmt.FORMAT)}
    made = fmt(**values)
    bits = dci.pack(cell, made)
    assert bits.size == dci.size(cell, fmt.FORMAT)
    assert dci.unpack(cell, fmt.FORMAT, bits, RNTI) == made


def test_from_the_message_to_the_blocks() -> None:
    """Both ends know nothing but the DCI's bits and the receiver's report."""
    cell, rng = Cell(4, 15, n_ports=2), np.random.default_rng(1)
    report = Report(2, (2,), (9, 9), (2.0, 2.0))
    sent = Dci2(resource_block_assignment=0xFF, mcs1=8, mcs2=14, precoding=2, swap=1)
    bits = dci.pack(cell, sent)
    read = dci.unpack(cell, DciFormat.FORMAT_2, bits, RNTI)
    assert isinstance(read, Dci2)
    ends = [spatial_from_dci(cell, 3, 2, RNTI, end, report=report) for end in (sent, read)]
    assert ends[0] == ends[1]
    assert isinstance(ends[1], SpatialGrant)
    payloads = [rng.bytes(word.tbs // 8) for word in ends[1].codewords]
    grid = np.zeros((2, cell.n_symb, cell.n_sc), np.complex64)
    spatial.encode(cell, 3, ends[1], payloads, grid)
    h = np.zeros((2, 2, cell.n_symb, cell.n_sc), np.complex64)
    h[0, 0], h[1, 1] = 1, 1j
    y = np.einsum("rplk,plk->rlk", h, grid)
    found = spatial.decode(cell, 3, ends[1], y, ChannelEstimate(h, 1e-3, 1.0, 1.0, 30.0), SchDecoder())
    assert [result.payload for result in found] == payloads
