"""DCI formats: published sizes, the clause's fields written out again, round trips, and resource indication values."""

import dataclasses
from math import ceil, log2
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.phy.lte import dci
from picocell.phy.lte.cell import BANDWIDTHS, Cell, Duplex
from picocell.phy.lte.dci import DciFormat
from picocell.phy.lte.dci_sizes import n_vrb_gap_1, rbg_size, vrb_step
from support.captures import capture
from support.ground_truth import phy_rows

C_RNTI = 0x46
AMBIGUOUS = {12, 14, 16, 20, 24, 26, 32, 40, 44, 56}


def cell(n_prb: int, n_ports: int = 1, tdd_config: int | None = None) -> Cell:
    duplex = Duplex.FDD if tdd_config is None else Duplex.TDD
    return Cell(pci=1, n_prb=n_prb, n_ports=n_ports, duplex=duplex, tdd_config=tdd_config or 0)


cells = st.builds(cell, st.sampled_from(BANDWIDTHS), st.sampled_from([2, 4]), st.one_of(st.none(), st.integers(0, 6)))
rntis = st.sampled_from([C_RNTI, 0xFFF3, dci.SI_RNTI, dci.P_RNTI, 0x0001, 0x003C])


# Sizes


@pytest.mark.parametrize(
    ("fmt", "n_ports", "sizes"),
    [
        ("0", 1, [21, 22, 25, 27, 27, 28]),
        ("1", 1, [19, 23, 27, 31, 33, 39]),
        ("1A", 1, [21, 22, 25, 27, 27, 28]),
        ("1C", 1, [8, 10, 12, 13, 14, 15]),
        ("2", 2, [31, 34, 39, 43, 45, 51]),
        ("2", 4, [34, 37, 42, 46, 48, 54]),
        ("2A", 2, [28, 31, 36, 41, 42, 48]),
        ("2A", 4, [30, 33, 38, 42, 45, 50]),
        ("3", 1, [21, 22, 25, 27, 27, 28]),
        ("3A", 1, [21, 22, 25, 27, 27, 28]),
    ],
)
def test_sizes_for_fdd(fmt: str, n_ports: int, sizes: list[int]) -> None:
    """The column of 50 PRB with 2 ports is in public documentation; the rest was counted by hand from the clause."""
    assert [dci.size(cell(n_prb, n_ports), fmt) for n_prb in BANDWIDTHS] == sizes


@pytest.mark.parametrize(
    ("n_prb", "n_ports", "tdd_config", "fmt", "size"),
    [(25, 2, 0, "0", 27), (25, 2, 1, "0", 27), (25, 2, 2, "1", 30), (50, 2, 1, "1", 34), (25, 4, 1, "2A", 41)],
)
def test_sizes_for_tdd(n_prb: int, n_ports: int, tdd_config: int, fmt: str, size: int) -> None:
    """Values that open base stations carry as constants."""
    assert dci.size(cell(n_prb, n_ports, tdd_config), fmt) == size


@settings(max_examples=200, deadline=None)
@given(where=cells, fmt=st.sampled_from(DciFormat))
def test_sizes_follow_the_padding_rules(where: Cell, fmt: DciFormat) -> None:
    size = dci.size(where, fmt)
    compact = dci.size(where, DciFormat.FORMAT_1A)
    if fmt in (DciFormat.FORMAT_0, DciFormat.FORMAT_3, DciFormat.FORMAT_3A):
        assert size == compact
    if fmt is DciFormat.FORMAT_1:
        assert size != compact
    if fmt is not DciFormat.FORMAT_1C:
        assert size not in AMBIGUOUS


def test_common_search_space_carries_only_some_formats() -> None:
    assert dci.size(cell(25), "1A", common=True) == 25
    with pytest.raises(ValueError, match="common search space"):
        dci.size(cell(25), DciFormat.FORMAT_1, common=True)


@pytest.mark.parametrize("fmt", ["2", "2A"])
def test_spatial_multiplexing_needs_two_ports(fmt: str) -> None:
    with pytest.raises(ValueError, match="antenna ports"):
        dci.size(cell(25, 1), fmt)


def test_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="7Z"):
        dci.size(cell(25), "7Z")


@pytest.mark.parametrize(
    ("n_prb", "p", "n_vrb", "step"),
    [(6, 1, 6, 2), (15, 2, 14, 2), (25, 2, 24, 2), (50, 3, 46, 4), (75, 4, 64, 4), (100, 4, 96, 4)],
)
def test_tables_by_bandwidth(n_prb: int, p: int, n_vrb: int, step: int) -> None:
    assert (rbg_size(n_prb), n_vrb_gap_1(n_prb), vrb_step(n_prb)) == (p, n_vrb, step)


# Fields as the clause lists them


def text(*fields: tuple[int, int]) -> str:
    """Fields (value, width) one after the other."""
    return "".join(f"{value:0{width}b}" for value, width in fields)


def as_text(bits: NDArray[np.uint8]) -> str:
    return "".join(map(str, bits))


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
def test_format_0_is_the_clause_written_out(n_prb: int) -> None:
    width = ceil(log2(n_prb * (n_prb + 1) / 2))
    message = dci.Dci0(hopping=1, riv=5, mcs=17, ndi=1, tpc=2, cyclic_shift=6, cqi_request=1)
    expected = text((0, 1), (1, 1), (5, width), (17, 5), (1, 1), (2, 2), (6, 3), (1, 1))
    size = dci.size(cell(n_prb), "0")
    assert as_text(dci.pack(cell(n_prb), message)) == expected.ljust(size, "0")


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
def test_format_1a_is_the_clause_written_out(n_prb: int) -> None:
    width = ceil(log2(n_prb * (n_prb + 1) / 2))
    message = dci.Dci1A(riv=9, mcs=3, harq_process=5, ndi=1, rv=2, tpc=1)
    expected = text((1, 1), (0, 1), (9, width), (3, 5), (5, 3), (1, 1), (2, 2), (1, 2))
    assert as_text(dci.pack(cell(n_prb), message)) == expected.ljust(dci.size(cell(n_prb), "1A"), "0")
    tdd = dataclasses.replace(message, harq_process=12, dai=3)
    expected = text((1, 1), (0, 1), (9, width), (3, 5), (12, 4), (1, 1), (2, 2), (1, 2), (3, 2))
    where = cell(n_prb, tdd_config=1)
    assert as_text(dci.pack(where, tdd)) == expected.ljust(dci.size(where, "1A"), "0")


@pytest.mark.parametrize(("n_prb", "header", "groups"), [(6, 0, 6), (15, 1, 8), (25, 1, 13), (50, 1, 17), (100, 1, 25)])
def test_format_1_is_the_clause_written_out(n_prb: int, header: int, groups: int) -> None:
    message = dci.Dci1(resource_allocation_type=header, resource_block_assignment=0x2A, mcs=28, harq_process=7, rv=3)
    expected = text((header, header or 1))[1 - header :] + text((0x2A, groups), (28, 5), (7, 3), (0, 1), (3, 2), (0, 2))
    assert as_text(dci.pack(cell(n_prb), message)) == expected.ljust(dci.size(cell(n_prb), "1"), "0")


@pytest.mark.parametrize(("n_ports", "width"), [(2, 3), (4, 6)])
def test_format_2_is_the_clause_written_out(n_ports: int, width: int) -> None:
    message = dci.Dci2(
        resource_allocation_type=1,
        resource_block_assignment=0x155,
        tpc=3,
        harq_process=6,
        swap=1,
        mcs1=20,
        ndi1=1,
        rv1=2,
        mcs2=9,
        ndi2=0,
        rv2=1,
        precoding=5,
    )
    blocks = text((20, 5), (1, 1), (2, 2), (9, 5), (0, 1), (1, 2))
    expected = text((1, 1), (0x155, 17), (3, 2), (6, 3), (1, 1)) + blocks + text((5, width))
    where = cell(50, n_ports)
    assert as_text(dci.pack(where, message)) == expected.ljust(dci.size(where, "2"), "0")


def test_format_1c_has_a_gap_bit_from_50_prb_on() -> None:
    assert as_text(dci.pack(cell(25), dci.Dci1C(riv=70, mcs=21))) == text((70, 7), (21, 5))
    assert as_text(dci.pack(cell(50), dci.Dci1C(gap=1, riv=60, mcs=21))) == text((1, 1), (60, 7), (21, 5))
    with pytest.raises(ValueError, match="gap"):
        dci.pack(cell(25), dci.Dci1C(gap=1, riv=60, mcs=21))


def test_pdcch_order_is_a_localised_1a_with_all_ones() -> None:
    message = dci.DciPdcchOrder(preamble_index=43, prach_mask_index=9)
    bits = dci.pack(cell(25), message)
    assert as_text(bits) == text((1, 1), (0, 1), (511, 9), (43, 6), (9, 4)) + 4 * "0"
    assert dci.unpack(cell(25), "1A", bits, C_RNTI) == message
    read_as_paging = dci.unpack(cell(25), "1A", bits, dci.P_RNTI)
    assert isinstance(read_as_paging, dci.Dci1A)
    assert read_as_paging.riv == 511


def test_place_of_the_gap_depends_on_the_rnti() -> None:
    message = dci.Dci1A(distributed=1, gap=1, riv=77, mcs=4)
    to_one_ue = text((1, 1), (1, 1), (1, 1), (77, 10), (4, 5), (0, 3), (0, 1), (0, 2), (0, 2), (0, 1))
    to_all = text((1, 1), (1, 1), (77, 11), (4, 5), (0, 3), (1, 1), (0, 2), (0, 2), (0, 1))
    assert as_text(dci.pack(cell(50), message)) == to_one_ue
    assert as_text(dci.pack(cell(50), message, C_RNTI)) == to_one_ue
    for rnti in (dci.SI_RNTI, dci.P_RNTI, dci.RA_RNTIS[-1]):
        assert as_text(dci.pack(cell(50), message, rnti)) == to_all
        assert dci.unpack(cell(50), "1A", dci.pack(cell(50), message, rnti), rnti) == message


def test_gap_is_refused_where_there_is_only_one() -> None:
    for where, distributed in ((cell(25), 1), (cell(50), 0)):
        with pytest.raises(ValueError, match="gap"):
            dci.pack(where, dci.Dci1A(distributed=distributed, gap=1, riv=0, mcs=0))


# Round trips


def widths(where: Cell, fmt: DciFormat) -> dict[str, int]:
    """Largest width of each field by the clause, independent of the layout's order."""
    tdd = where.duplex is Duplex.TDD
    riv = ceil(log2(where.n_prb * (where.n_prb + 1) / 2))
    harq = {"harq_process": 4 if tdd else 3} | ({"dai": 2} if tdd else {})
    groups = {"resource_block_assignment": ceil(where.n_prb / rbg_size(where.n_prb))}
    if where.n_prb > 10:
        groups["resource_allocation_type"] = 1
    coding = {"mcs": 5, "ndi": 1, "rv": 2}
    two = {f"{name}{block}": width for name, width in coding.items() for block in (1, 2)}
    precoding = {DciFormat.FORMAT_2: {2: 3, 4: 6}, DciFormat.FORMAT_2A: {2: 0, 4: 2}}
    match fmt:
        case DciFormat.FORMAT_0:
            own = {"hopping": 1, "riv": riv, "mcs": 5, "ndi": 1, "tpc": 2, "cyclic_shift": 3, "cqi_request": 1}
            return own | ({} if not tdd else {"dai": 2} if where.tdd_config else {"ul_index": 2})
        case DciFormat.FORMAT_1:
            return groups | harq | coding | {"tpc": 2}
        case DciFormat.FORMAT_1A:
            return harq | coding | {"tpc": 2, "riv": riv}
        case DciFormat.FORMAT_1C:
            n = n_vrb_gap_1(where.n_prb) // vrb_step(where.n_prb)
            return {"riv": ceil(log2(n * (n + 1) / 2)), "mcs": 5} | ({"gap": 1} if where.n_prb >= 50 else {})
        case _:
            return groups | harq | two | {"tpc": 2, "swap": 1, "precoding": precoding[fmt][where.n_ports]}


CLASSES: dict[DciFormat, type[Any]] = {
    DciFormat.FORMAT_0: dci.Dci0,
    DciFormat.FORMAT_1: dci.Dci1,
    DciFormat.FORMAT_1A: dci.Dci1A,
    DciFormat.FORMAT_1C: dci.Dci1C,
    DciFormat.FORMAT_2: dci.Dci2,
    DciFormat.FORMAT_2A: dci.Dci2A,
    DciFormat.FORMAT_3: dci.Dci3,
    DciFormat.FORMAT_3A: dci.Dci3A,
}


@st.composite
def messages(draw: st.DrawFn) -> tuple[Cell, dci.Dci, int]:
    """A cell, a message that it can send, and the RNTI."""
    where, rnti = draw(cells), draw(rntis)
    fmt = draw(st.sampled_from(DciFormat))
    if fmt in (DciFormat.FORMAT_3, DciFormat.FORMAT_3A):
        width = 2 if fmt is DciFormat.FORMAT_3 else 1
        n = dci.size(where, fmt) // width
        commands = draw(st.lists(st.integers(0, 2**width - 1), min_size=n, max_size=n))
        return where, CLASSES[fmt](tpc=tuple(commands)), rnti
    values = {name: draw(st.integers(0, 2**width - 1)) for name, width in widths(where, fmt).items()}
    if fmt is DciFormat.FORMAT_1A:
        values["distributed"] = draw(st.integers(0, 1))
        if values["distributed"] and where.n_prb >= 50:
            values["gap"] = draw(st.integers(0, 1))
            if dci.is_broadcast(rnti):
                values["ndi"] = 0
            else:
                values["riv"] //= 2
        # The one value of the field that makes a localised 1A an order.
        assume(values["distributed"] or values["riv"] != 2 ** widths(where, fmt)["riv"] - 1)
    return where, CLASSES[fmt](**values), rnti


@settings(max_examples=600, deadline=None)
@given(sent=messages())
def test_every_message_survives_the_round_trip(sent: tuple[Cell, dci.Dci, int]) -> None:
    where, message, rnti = sent
    bits = dci.pack(where, message, rnti)
    assert bits.dtype == np.uint8
    assert bits.shape == (dci.size(where, message.FORMAT),)
    assert dci.unpack(where, message.FORMAT, bits, rnti) == message
    if message.FORMAT in (DciFormat.FORMAT_0, DciFormat.FORMAT_1A):
        assert dci.unpack_0_1a(where, bits, rnti) == message


@settings(max_examples=100, deadline=None)
@given(where=cells, preamble=st.integers(0, 63), mask=st.integers(0, 15))
def test_every_order_survives_the_round_trip(where: Cell, preamble: int, mask: int) -> None:
    message = dci.DciPdcchOrder(preamble_index=preamble, prach_mask_index=mask)
    assert dci.unpack(where, "1A", dci.pack(where, message), C_RNTI) == message


@settings(max_examples=300, deadline=None)
@given(where=cells, fmt=st.sampled_from(DciFormat), rnti=rntis, seed=st.integers(0, 2**32 - 1))
def test_received_bits_are_refused_or_come_back_the_same(where: Cell, fmt: DciFormat, rnti: int, seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 2, dci.size(where, fmt), dtype=np.uint8)
    try:
        message = dci.unpack(where, fmt, bits, rnti)
    except ValueError as reason:
        assert "padding" in str(reason) or "flag" in str(reason)  # noqa: PT017 - either way is right
    else:
        assert np.array_equal(dci.pack(where, message, rnti), bits)


# Refusals


def test_bits_of_the_other_flag_are_refused() -> None:
    grant = dci.pack(cell(25), dci.Dci0(riv=0, mcs=0))
    with pytest.raises(ValueError, match="flag"):
        dci.unpack(cell(25), "1A", grant, C_RNTI)
    with pytest.raises(ValueError, match="flag"):
        dci.unpack(cell(25), "0", 1 - grant, C_RNTI)


def test_padding_that_is_not_zero_is_refused() -> None:
    for message in (dci.Dci0(riv=0, mcs=0), dci.Dci1A(riv=0, mcs=0), dci.DciPdcchOrder(preamble_index=0)):
        bits = dci.pack(cell(25), message)
        bits[-1] = 1
        with pytest.raises(ValueError, match="padding"):
            dci.unpack(cell(25), message.FORMAT, bits, C_RNTI)


@pytest.mark.parametrize("length", [0, 24, 26])
def test_wrong_number_of_bits_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="25"):
        dci.unpack(cell(25), "1A", np.ones(length, np.uint8), C_RNTI)
    with pytest.raises(ValueError, match="25"):
        dci.unpack_0_1a(cell(25), np.ones(length, np.uint8), C_RNTI)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (dci.Dci0(riv=512, mcs=0), "riv"),
        (dci.Dci0(riv=0, mcs=32), "mcs"),
        (dci.Dci0(riv=0, mcs=-1), "mcs"),
        (dci.Dci0(riv=0, mcs=0, dai=1), "dai"),
        (dci.Dci1A(riv=0, mcs=0, harq_process=8), "harq_process"),
        (dci.Dci2A(resource_block_assignment=0, mcs1=0, mcs2=0, precoding=1), "precoding"),
        (dci.DciPdcchOrder(preamble_index=64), "preamble_index"),
        (dci.Dci3(tpc=(0, 1)), "TPC commands"),
        (dci.Dci3A(tpc=25 * (2,)), "tpc"),
    ],
)
def test_values_that_do_not_fit_are_refused(message: dci.Dci, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        dci.pack(cell(25, 2), message)


def test_type_1_allocation_is_refused_up_to_10_prb() -> None:
    with pytest.raises(ValueError, match="resource_allocation_type"):
        dci.pack(cell(6), dci.Dci1(resource_allocation_type=1, resource_block_assignment=1, mcs=0))


# Resource indication values


@pytest.mark.parametrize("n_prb", [1, 2, 7, *BANDWIDTHS])
def test_riv_is_a_numbering_of_all_allocations(n_prb: int) -> None:
    allocations = [(start, length) for start in range(n_prb) for length in range(1, n_prb - start + 1)]
    values = [dci.riv_encode(n_prb, start, length) for start, length in allocations]
    assert sorted(values) == list(range(n_prb * (n_prb + 1) // 2))
    assert [dci.riv_decode(n_prb, riv) for riv in values] == allocations


@pytest.mark.parametrize(("n_vrb", "step"), [(24, 2), (14, 2), (46, 4), (96, 4)])
def test_riv_of_format_1c_counts_in_steps(n_vrb: int, step: int) -> None:
    n = n_vrb // step
    for riv in range(n * (n + 1) // 2):
        start, length = dci.riv_decode(n_vrb, riv, step)
        assert start % step == length % step == 0
        assert start + length <= n_vrb
        assert dci.riv_encode(n_vrb, start, length, step) == riv


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, 0), (0, 26), (24, 2), (25, 1)])
def test_impossible_allocations_are_refused(start: int, length: int) -> None:
    with pytest.raises(ValueError, match="blocks"):
        dci.riv_encode(25, start, length)


def test_impossible_rivs_are_refused() -> None:
    for riv in (-1, 325, 511):
        with pytest.raises(ValueError, match="riv"):
            dci.riv_decode(25, riv)
    with pytest.raises(ValueError, match="multiples"):
        dci.riv_encode(24, 1, 2, step=2)
    with pytest.raises(ValueError, match="riv"):
        dci.riv_decode(24, 78, step=2)


def test_rivs_of_a_recorded_network_give_its_allocations() -> None:
    """Each format 1A is followed by the PDSCH it grants, each format 0 by a PUSCH four subframes later."""
    rows = phy_rows(capture("lte6_phy.csv"))
    checked = 0
    for row in rows:
        if row.channel != "PDCCH" or "riv" not in row.fields:
            continue
        start, length = dci.riv_decode(6, int(row.fields["riv"]))
        if row.fields["f"] == "1A":
            granted = [r.fields for r in rows if r.channel == "PDSCH" and r.tti == row.tti]
            assert [int(pdsch["nof_prb"]) for pdsch in granted] == [length]
        else:
            granted = [r.fields for r in rows if r.channel == "PUSCH" and r.tti == row.tti + 4]
            # Given in the log as first and last resource block.
            assert [pusch["rb"] for pusch in granted] == [f"({start},{start + length - 1})"]
        checked += 1
    assert checked > 15
