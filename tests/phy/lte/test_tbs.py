"""Transport block sizes: anchors from recordings and from the reference channels, and the tables' own regularity."""

from importlib.resources import files

import pytest

from picocell.phy.lte import tbs
from support.captures import capture
from support.ground_truth import phy_rows


@pytest.mark.parametrize(
    ("i_mcs", "expected"), [(0, (2, 0)), (9, (2, 9)), (10, (4, 9)), (16, (4, 15)), (17, (6, 15)), (28, (6, 26))]
)
def test_mcs(i_mcs: int, expected: tuple[int, int]) -> None:
    assert tbs.mcs(i_mcs) == expected


def test_retransmission_mcs_give_the_modulation_only() -> None:
    assert [tbs.mcs(i) for i in (29, 30, 31)] == [(2, None), (4, None), (6, None)]
    assert [tbs.mcs(i, "256qam") for i in (28, 29, 30, 31)] == [(2, None), (4, None), (6, None), (8, None)]


def test_256qam_table_reaches_its_modulation() -> None:
    assert tbs.mcs(27, "256qam")[0] == 8
    assert {tbs.mcs(i, "256qam")[0] for i in range(28)} == {2, 4, 6, 8}


@pytest.mark.parametrize(
    ("i_mcs", "n_prb", "bits"),
    # TS 36.101 A.3.3.1: R.4 (6 PRB), R.2 (50 PRB) QPSK 1/3; a category 4 terminal's largest block; a recorded eNB's.
    [(4, 6, 408), (5, 50, 4392), (28, 100, 75376), (6, 3, 256), (2, 3, 144)],
)
def test_one_layer_sizes(i_mcs: int, n_prb: int, bits: int) -> None:
    _, i_tbs = tbs.mcs(i_mcs)
    assert i_tbs is not None
    assert tbs.tbs(i_tbs, n_prb) == bits


def test_two_layer_sizes() -> None:
    assert tbs.tbs(26, 50, 2) == tbs.tbs(26, 100)
    assert tbs.tbs(26, 55, 2) == tbs.tbs(26, 110)
    assert tbs.tbs(26, 100, 2) == 149776
    for i_tbs in range(27):
        for n_prb in range(56, 111):
            assert 1.9 < tbs.tbs(i_tbs, n_prb, 2) / tbs.tbs(i_tbs, n_prb) < 2.1


def test_sizes_grow_and_need_no_filler() -> None:
    text = files("picocell.kernels").joinpath("data", "36212_5.1.3-3_qpp_interleaver.csv").read_text()
    turbo = [int(line.split(",")[1]) for line in text.splitlines() if line[0].isdigit()]
    for i_tbs in range(34):
        column = [tbs.tbs(i_tbs, n_prb) for n_prb in range(1, 111)]
        if i_tbs == 6:
            assert column[0] == 328  # the one entry of the table that is larger than its neighbour
            column = column[1:]
        assert column == sorted(column)
        for size in column:
            n_blocks = 1 if size + 24 <= 6144 else -(-(size + 24) // 6120)
            total = size + 24 + (24 * n_blocks if n_blocks > 1 else 0)
            large = min(k for k in turbo if k * n_blocks >= total)
            small = max((k for k in turbo if k < large), default=large)
            n_small = (n_blocks * large - total) // (large - small) if n_blocks > 1 else 0
            assert n_small * small + (n_blocks - n_small) * large == total


def test_common_sizes() -> None:
    assert tbs.tbs_1a_common(6, 3) == 256
    assert tbs.tbs_1a_common(2, 3) == 144
    assert tbs.tbs_1a_common(26, 3) == 2216
    assert (tbs.tbs_1c(0), tbs.tbs_1c(31)) == (40, 1736)


def test_soft_buffer() -> None:
    assert tbs.soft_buffer_bits(1) == 31296
    assert tbs.soft_buffer_bits(4) == 228384
    assert tbs.soft_buffer_bits(4, spatial_multiplexing=True) == 114192
    assert tbs.soft_buffer_bits(3, n_harq=4) == 309312
    assert tbs.soft_buffer_bits(3, n_harq=15) == tbs.soft_buffer_bits(3)


def test_sizes_of_the_recorded_attach() -> None:
    table = phy_rows(capture("lte6_phy.csv"))
    grants = {row.tti: row.fields for row in table if row.channel == "PDCCH" and row.fields["f"] in ("1", "1A")}
    blocks = [row for row in table if row.channel == "PDSCH" and int(row.fields["rnti"], 16) == 0x46]
    assert len(blocks) == 16
    for row in blocks:
        q_m, i_tbs = tbs.mcs(int(grants[row.tti]["mcs"]))
        assert i_tbs is not None
        assert q_m == int(row.fields["bits_per_symbol"])
        assert tbs.tbs(i_tbs, int(row.fields["nof_prb"])) == 8 * int(row.fields["tbs_bytes"])


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: tbs.mcs(32), "I_MCS 32"),
        (lambda: tbs.mcs(-1), "I_MCS -1"),
        (lambda: tbs.mcs(0, "16qam"), "does not exist"),
        (lambda: tbs.tbs(34, 1), "I_TBS"),
        (lambda: tbs.tbs(0, 0), "N_PRB"),
        (lambda: tbs.tbs(0, 111), "N_PRB"),
        (lambda: tbs.tbs(0, 1, 3), "3 layers"),
        (lambda: tbs.tbs_1c(32), "format 1C"),
        (lambda: tbs.tbs_1a_common(27, 3), "I_MCS"),
        (lambda: tbs.tbs_1a_common(0, 4), "N_PRB"),
        (lambda: tbs.soft_buffer_bits(6), "category"),
        (lambda: tbs.soft_buffer_bits(1, 0), "n_harq"),
    ],
)
def test_bad_values(call: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        call()  # type: ignore[operator]
