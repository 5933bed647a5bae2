"""UL-SCH with control information against the clauses in plain loops, and round trips over sizes."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels import modem
from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.phy.lte import uci, ulsch
from picocell.phy.lte.cell import CyclicPrefix
from picocell.phy.lte.tbs import tbs
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci, beta_offset, n_data_symbols
from picocell.phy.lte.uplink_config import UplinkConfig
from support import oracle_ulsch as oracle
from support.oracle_placeholders import resolve_placeholders
from support.oracle_turbo import segment

DECODER = SchDecoder(6)
N_PRB = st.sampled_from([1, 2, 3, 4, 5, 6])
CONTROL = st.builds(
    PuschUci,
    n_ack=st.sampled_from([0, 1, 2, 4, 11]),
    n_ri=st.integers(0, 2),
    n_cqi=st.sampled_from([0, 4, 11, 12, 30]),
    n_cqi_higher_rank=st.sampled_from([None, 6, 20]),
    beta_ack=st.integers(0, 14),
    beta_ri=st.integers(0, 12),
    beta_cqi=st.integers(2, 15),
)
GRANTS = st.builds(
    PuschGrant,
    rnti=st.just(0x46),
    prb_start=st.just((0, 0)),
    n_prb=N_PRB,
    q_m=st.sampled_from([2, 4, 6]),
    tbs=st.sampled_from([16, 120, 328, 1000]),
    rv=st.integers(0, 3),
    uci=CONTROL,
    srs_symbol=st.booleans(),
    initial_n_prb=st.sampled_from([None, 1, 4, 6]),
    initial_n_symb=st.sampled_from([None, 9, 12]),
)
PREFIXES = st.sampled_from(list(CyclicPrefix))


def written(ul: UplinkConfig, grant: PuschGrant) -> oracle.Pusch:
    return oracle.Pusch(
        grant.n_prb,
        grant.q_m,
        grant.tbs,
        ul.cp is CyclicPrefix.EXTENDED,
        grant.srs_symbol,
        grant.rv,
        grant.initial_n_prb,
        grant.initial_n_symb,
        Fraction(beta_offset("harq_ack", grant.uci.beta_ack)),
        Fraction(beta_offset("ri", grant.uci.beta_ri)),
        Fraction(beta_offset("cqi", grant.uci.beta_cqi)),
        n_cqi_rank_1=grant.uci.n_cqi,
    )


def contents(grant: PuschGrant, seed: int) -> tuple[bytes, list[int], list[int], list[int]]:
    rng = np.random.default_rng(seed)
    ri = rng.integers(0, 2, grant.uci.n_ri).tolist()
    n_cqi = ulsch.report_bits(grant, any(ri))
    return (
        rng.bytes(grant.tbs // 8),
        rng.integers(0, 2, grant.uci.n_ack).tolist(),
        ri,
        rng.integers(0, 2, n_cqi).tolist(),
    )


def plain(coded: NDArray[np.uint8]) -> list[oracle.Coded]:
    return [{uci.PLACEHOLDER_X: "x", uci.PLACEHOLDER_Y: "y"}.get(int(b), int(b)) for b in coded]


def received(coded: NDArray[np.uint8], q_m: int, n_symb: int, noise: float = 1e-3) -> ulsch.Received:
    scrambling = np.zeros(coded.size // 64 + 1, np.uint64)
    symbols = modem.modulate(resolve_placeholders(coded, scrambling), q_m)
    llr = modem.demodulate(symbols, noise, q_m)
    return ulsch.Received(llr, symbols, np.full(n_symb, noise, np.float32), scrambling)


def roomy(ul: UplinkConfig, grant: PuschGrant) -> None:
    """Leave out what no scheduler grants: hardly any room for the data."""
    for higher in (False, True):
        parts = ulsch.sizes(ul, grant, higher)
        assume((parts.data - parts.ack) * grant.q_m >= 1.3 * (grant.tbs + 24) if grant.tbs else parts.cqi > 20)


@settings(max_examples=150, deadline=None)
@given(GRANTS, PREFIXES, st.integers(0, 1 << 30))
def test_coded_bits_are_those_of_the_clauses(grant: PuschGrant, cp: CyclicPrefix, seed: int) -> None:
    ul = UplinkConfig(cp=cp)
    payload, ack, ri, cqi = contents(grant, seed)
    parts = ulsch.sizes(ul, grant, any(ri))
    p = written(ul, grant)
    q_ack, q_ri, q_cqi, g = oracle.shares(p, len(ack), len(ri), len(cqi))
    assert (parts.ack, parts.ri, parts.cqi, parts.data * grant.q_m) == (q_ack, q_ri, q_cqi, g)
    assume(ulsch.has_room(grant, parts) and g > 0)
    assert plain(ulsch.encode(ul, grant, payload, ack, ri, cqi)) == oracle.coded_bits(p, payload, ack, ri, cqi)


@settings(max_examples=60, deadline=None)
@given(GRANTS, PREFIXES, st.integers(0, 1 << 30))
def test_control_alone_is_that_of_the_clauses(grant: PuschGrant, cp: CyclicPrefix, seed: int) -> None:
    ul, grant = UplinkConfig(cp=cp), replace(grant, tbs=0)
    assume(grant.uci.n_cqi)
    _, ack, ri, cqi = contents(grant, seed)
    coded = ulsch.encode(ul, grant, b"", ack, ri, cqi)
    assert plain(coded) == oracle.coded_bits(written(ul, grant), b"", ack, ri, cqi)


@settings(max_examples=150, deadline=None)
@given(GRANTS, PREFIXES, st.booleans(), st.integers(0, 1 << 30))
def test_round_trip(grant: PuschGrant, cp: CyclicPrefix, with_data: bool, seed: int) -> None:
    ul = UplinkConfig(cp=cp)
    grant = replace(grant, rv=0, tbs=grant.tbs if with_data else 0)
    assume(with_data or grant.uci.n_cqi)
    roomy(ul, grant)
    parts = ulsch.sizes(ul, grant)
    assume(parts.ack < 0.2 * (parts.cqi + parts.data))
    # A word of few coded bits, or half overwritten, cannot be told from others.
    assume(not grant.uci.n_ack or parts.ack * grant.q_m >= 32)
    assume(not grant.uci.n_ri or parts.ri >= 2)
    payload, ack, ri, cqi = contents(grant, seed)
    q_cqi = ulsch.sizes(ul, grant, any(ri)).cqi * grant.q_m
    assume(not cqi or q_cqi > (32 if len(cqi) <= 11 else 4 * len(cqi)))
    found = ulsch.decode(
        ul,
        grant,
        received(ulsch.encode(ul, grant, payload, ack, ri, cqi), grant.q_m, n_data_symbols(ul, grant.srs_symbol)),
        DECODER,
    )
    assert (found.payload, found.crc_ok) == ((payload, True) if with_data else (b"", False))
    assert (found.ack.bits.tolist() if found.ack else []) == ack
    assert found.ack is None or found.ack.detected
    assert (found.ri.bits.tolist() if found.ri else []) == ri
    assert (found.cqi.bits.tolist() if found.cqi else []) == cqi
    assert found.cqi is None or found.cqi.ok


@pytest.mark.parametrize(
    ("cp", "n_symb", "pilots"), [(CyclicPrefix.NORMAL, 14, (3, 10)), (CyclicPrefix.EXTENDED, 12, (2, 8))]
)
def test_acknowledgement_lies_beside_the_reference_signals_and_rank_beside_that(
    cp: CyclicPrefix, n_symb: int, pilots: tuple[int, int]
) -> None:
    data = [l for l in range(n_symb) if l not in pilots]
    beside = [data.index(l + step) for l in pilots for step in (-1, 1)]
    assert sorted(ulsch.ACK_COLUMNS[cp]) == sorted(beside)
    next_to_that = [data.index(l + step) for l in pilots for step in (-2, 2)]
    assert sorted(ulsch.RI_COLUMNS[cp]) == sorted(next_to_that)


@pytest.mark.parametrize("size", [16, 40, 1000, 6120, 6128, 12000, 43816, 75376])
def test_code_block_sizes_add_up(size: int) -> None:
    assert ulsch.code_block_bits(size) == sum(len(block) for block in segment([0] * (size + 24)))


def test_retransmissions_combine_around_punctured_symbols() -> None:
    ul = UplinkConfig()
    grant = PuschGrant(0x46, (0, 0), 6, 4, tbs(14, 6), uci=PuschUci(n_ack=2))
    payload = np.random.default_rng(5).bytes(grant.tbs // 8)
    soft, rng = SoftBuffer(grant.tbs), np.random.default_rng(6)
    passed = []
    for rv in (0, 2, 3, 1):
        sent = replace(grant, rv=rv)
        symbols = received(ulsch.encode(ul, sent, payload, [1, 0]), 4, 12).symbols
        noisy = (symbols + 0.5 * (rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size))).astype(
            np.complex64
        )
        llr = modem.demodulate(noisy, 0.5, 4)
        values = ulsch.Received(llr, noisy, np.full(12, 0.5, np.float32), np.zeros(999, np.uint64))
        found = ulsch.decode(ul, sent, values, DECODER, soft)
        assert found.ack is not None
        assert found.ack.bits.tolist() == [1, 0]
        passed.append(found.crc_ok)
    assert not passed[0]
    assert passed[-1]


def test_data_in_the_place_of_an_acknowledgement_is_seldom_taken_for_one() -> None:
    ul = UplinkConfig()
    rng, taken = np.random.default_rng(7), []
    for n_ack in (1, 2):
        expected = PuschGrant(0x46, (0, 0), 6, 4, tbs(12, 6), uci=PuschUci(n_ack=n_ack))
        for _ in range(300):
            coded = ulsch.encode(ul, replace(expected, uci=PuschUci()), rng.bytes(expected.tbs // 8))
            found = ulsch.decode(ul, expected, received(coded, 4, 12), DECODER)
            assert found.ack is not None
            taken.append(bool(found.ack.detected))
    assert np.mean(taken) < 2 * uci.FALSE_ALARM


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ulsch.sizes(UplinkConfig(), PuschGrant(1, (0, 0), 1, 2, 0)), "CQI report"),
        (lambda: ulsch.encode(UplinkConfig(), PuschGrant(1, (0, 0), 1, 2, 16), b""), "the grant says"),
        (
            lambda: ulsch.sizes(UplinkConfig(), PuschGrant(1, (0, 0), 1, 2, 16, uci=PuschUci(1, beta_ack=15))),
            "reserved",
        ),
        (
            lambda: ulsch.encode(
                UplinkConfig(), PuschGrant(1, (0, 0), 1, 2, 16, uci=PuschUci(n_cqi=60)), bytes(2), cqi=[0] * 60
            ),
            "too few",
        ),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()
