"""PUSCH against the clauses in plain loops, over channels, and against an independent UE's recorded transmissions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels.ofdm import Ofdm
from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.mac import pdu, rar
from picocell.mac.control_elements import Direction
from picocell.phy.lte import pusch, pusch_dmrs, ulsch
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.dci import Dci0, riv_encode
from picocell.phy.lte.tbs import tbs
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci, from_dci0, from_rar, mcs
from picocell.phy.lte.uplink_config import PuschConfig, UplinkConfig
from picocell.rrc_nas import asn1
from support import oracle_ulsch as oracle
from support.captures import capture
from support.ground_truth import mac_rows, phy_rows

DECODER = SchDecoder(8)
RNTI = 0x46
PREFIXES = st.sampled_from(list(CyclicPrefix))


def contents(grant: PuschGrant, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    ri = rng.integers(0, 2, grant.uci.n_ri)
    return {
        "payload": rng.bytes(grant.tbs // 8),
        "ack": rng.integers(0, 2, grant.uci.n_ack),
        "ri": ri,
        "cqi": rng.integers(0, 2, ulsch.report_bits(grant, bool(ri.any()))),
    }


def sent(cell: Cell, ul: UplinkConfig, subframe: int, grant: PuschGrant, what: dict[str, Any]) -> NDArray[np.complex64]:
    grid = np.zeros((1, ul.n_symb, ul.n_sc), np.complex64)
    payload, control = what["payload"], {name: bits for name, bits in what.items() if name != "payload"}
    pusch.encode(cell, ul, subframe, grant, payload, grid, **control)
    return grid


def heard(
    grid: NDArray[np.complex64], snr_db: float, seed: int, n_rx: int = 1, delay_s: float = 0.0
) -> NDArray[np.complex64]:
    """Antennas with random phases, a common delay, and white noise."""
    rng = np.random.default_rng(seed)
    gains = np.exp(2j * np.pi * rng.random(n_rx))[:, None, None]
    turn = np.exp(-2j * np.pi * 15e3 * delay_s * np.arange(grid.shape[-1]))
    shape = (n_rx, *grid.shape[1:])
    noise = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * 10 ** (-snr_db / 20) / np.sqrt(2)
    return np.asarray(grid * gains * turn + noise, np.complex64)


@pytest.mark.parametrize(
    ("cp", "grant"),
    [
        (CyclicPrefix.NORMAL, PuschGrant(RNTI, (1, 1), 3, 2, 208)),
        (CyclicPrefix.NORMAL, PuschGrant(RNTI, (0, 3), 2, 4, 328, 2, 5, PuschUci(1, 1, 4), srs_symbol=True)),
        (CyclicPrefix.NORMAL, PuschGrant(RNTI, (2, 0), 4, 6, 1000, 1, 7, PuschUci(2, 2, 30))),
        (CyclicPrefix.EXTENDED, PuschGrant(RNTI, (5, 5), 1, 6, 208, 0, 1, PuschUci(2, 1, 0))),
        (CyclicPrefix.EXTENDED, PuschGrant(RNTI, (0, 1), 5, 4, 600, 3, 2, PuschUci(4, 0, 12), srs_symbol=True)),
        (CyclicPrefix.NORMAL, PuschGrant(RNTI, (3, 3), 2, 2, 0, 1, 0, PuschUci(1, 1, 20))),
    ],
)
def test_resource_elements_are_those_of_the_clauses(cp: CyclicPrefix, grant: PuschGrant) -> None:
    cell, ul, subframe = Cell(301), UplinkConfig(cp=cp), 7
    what = contents(grant, 1)
    grid = sent(cell, ul, subframe, grant, what)[0]
    p = oracle.Pusch(
        grant.n_prb,
        grant.q_m,
        grant.tbs,
        cp is CyclicPrefix.EXTENDED,
        grant.srs_symbol,
        grant.rv,
        n_cqi_rank_1=grant.uci.n_cqi,
    )
    coded = oracle.coded_bits(p, what["payload"], *(what[name].tolist() for name in ("ack", "ri", "cqi")))
    wanted = oracle.resource_elements(p, coded, RNTI, subframe, cell.pci, grant.prb_start, ul.n_prb)
    reference = np.zeros_like(grid)
    pusch_dmrs.map(cell, ul, subframe, reference, grant.prb_start, grant.n_prb, grant.cyclic_shift)
    assert not wanted[list(pusch_dmrs.symbols(ul))].any()
    assert np.abs(grid - reference - wanted).max() < 2e-5


@settings(max_examples=80, deadline=None)
@given(
    n_prb=st.sampled_from([1, 2, 3, 4, 5, 6, 8, 10, 15, 25]),
    i_mcs=st.integers(0, 28),
    cp=PREFIXES,
    starts=st.tuples(st.integers(0, 24), st.integers(0, 24)),
    uci=st.sampled_from(
        [PuschUci(), PuschUci(n_ack=1), PuschUci(n_ack=2, n_ri=1), PuschUci(1, 2, 6), PuschUci(2, 1, 20)]
    ),
    srs=st.booleans(),
    cyclic_shift=st.integers(0, 7),
    n_rx=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 1 << 30),
)
def test_round_trip(
    n_prb: int,
    i_mcs: int,
    cp: CyclicPrefix,
    starts: tuple[int, int],
    uci: PuschUci,
    srs: bool,
    cyclic_shift: int,
    n_rx: int,
    seed: int,
) -> None:
    assume(max(starts) + n_prb <= 25)
    cell, subframe = Cell(seed % 504, 25), seed % 10
    ul = UplinkConfig(n_prb=25, cp=cp, pusch=PuschConfig(group_hopping=bool(seed & 1)))
    q_m, i_tbs = mcs(i_mcs, True)
    grant = PuschGrant(RNTI, starts, n_prb, q_m, tbs(i_tbs, n_prb), 0, cyclic_shift, uci, srs_symbol=srs)
    parts = ulsch.sizes(ul, grant)
    assume(grant.tbs + 24 <= 0.85 * (parts.data - parts.ack) * q_m and parts.ack * 10 <= parts.data)
    what = contents(grant, seed)
    grid = heard(sent(cell, ul, subframe, grant, what), 38, seed, n_rx, 0.3e-6)
    result = pusch.decode(cell, ul, subframe, grant, grid, DECODER, keep=True)
    assert result.crc_ok
    assert result.detected
    assert result.payload == what["payload"]
    assert (result.ack or ()) == tuple(what["ack"])
    assert (result.ri or ()) == tuple(what["ri"])
    assert (result.cqi or ()) == tuple(what["cqi"])
    assert result.cqi_ok == bool(uci.n_cqi)
    assert result.symbols is not None
    assert result.symbols.shape == (len(pusch_dmrs.data_symbols(ul, srs)), 12 * n_prb)
    assert result.evm is not None
    assert result.evm < 0.05
    assert result.timing_offset_s == pytest.approx(0.3e-6, abs=0.15e-6)


def test_report_alone_comes_back() -> None:
    cell, ul = Cell(9), UplinkConfig()
    dci = Dci0(riv=riv_encode(6, 1, 2), mcs=29, cqi_request=1, cyclic_shift=3)
    for uci in (PuschUci(0, 0, 4), PuschUci(1, 1, 11), PuschUci(2, 2, 30), PuschUci(0, 1, 20, n_cqi_higher_rank=14)):
        grant = from_dci0(cell, ul, 5, RNTI, dci, uci=uci)
        for seed in range(4):
            what = contents(grant, seed)
            result = pusch.decode(cell, ul, 5, grant, heard(sent(cell, ul, 5, grant, what), 6, seed), DECODER)
            assert (result.payload, result.crc_ok) == (b"", False)
            assert result.cqi == tuple(what["cqi"])
            assert result.cqi_ok
            assert (result.ack or ()) == tuple(what["ack"])
            assert (result.ri or ()) == tuple(what["ri"])


def test_retransmissions_combine() -> None:
    cell, ul, passed = Cell(9), UplinkConfig(), []
    grant = PuschGrant(RNTI, (0, 0), 6, 4, tbs(14, 6))
    what, soft = contents(grant, 3), SoftBuffer(grant.tbs)
    for number, rv in enumerate((0, 2, 3, 1)):
        again = replace(grant, rv=rv)
        grid = heard(sent(cell, ul, number, again, what), 3, number)
        result = pusch.decode(cell, ul, number, again, grid, DECODER, soft)
        passed.append(result.crc_ok)
    assert not passed[0]
    assert passed[-1]
    assert result.payload == what["payload"]


@pytest.mark.parametrize(("n_prb", "n_rx"), [(1, 1), (3, 2), (6, 1), (25, 1)])
def test_noise_is_seldom_a_pusch(n_prb: int, n_rx: int) -> None:
    cell, ul = Cell(9, 25), UplinkConfig(n_prb=25)
    grant = PuschGrant(RNTI, (0, 0), n_prb, 2, tbs(0, n_prb), uci=PuschUci(n_ack=1))
    silent = np.zeros((1, ul.n_symb, ul.n_sc), np.complex64)
    results = [pusch.decode(cell, ul, 2, grant, heard(silent, 0, seed, n_rx), DECODER) for seed in range(250)]
    assert np.mean([r.detected for r in results]) < 0.03
    assert np.mean([r.ack is not None for r in results]) < 0.01
    assert not pusch.decode(cell, ul, 2, grant, silent, DECODER).detected


@pytest.mark.parametrize(("n_prb", "snr_db"), [(1, 3), (3, -1), (6, -4), (25, -7)])
def test_weak_pusch_is_told_from_noise(n_prb: int, snr_db: float) -> None:
    cell, ul = Cell(9, 25), UplinkConfig(n_prb=25)
    grant = PuschGrant(RNTI, (0, 0), n_prb, 2, tbs(9, n_prb))
    grid = sent(cell, ul, 2, grant, contents(grant, 1))
    found = [pusch.decode(cell, ul, 2, grant, heard(grid, snr_db, seed), DECODER).detected for seed in range(40)]
    assert np.mean(found) > 0.9


def test_amplitude() -> None:
    cell, ul, grant = Cell(9), UplinkConfig(), PuschGrant(RNTI, (0, 0), 6, 4, 1000)
    what = contents(grant, 1)
    plain = sent(cell, ul, 2, grant, what)
    half = sent(cell, ul, 2, grant, what | {"amplitude": 0.5})
    assert np.allclose(half, 0.5 * plain)


class Recording:
    """The recorded attach's uplink, and what its UE and eNB knew."""

    def __init__(self) -> None:
        raw = np.fromfile(capture("lte6_ul.sigmf-data"), np.int16).astype(np.float32)
        self.samples = raw.view(np.complex64) / 32768
        self.rows = phy_rows(capture("lte6_phy.csv"))
        self.sent = {tti: pdu for tti, _, pdu in mac_rows(capture("lte6_mac.csv"), "UL")}
        downlink = mac_rows(capture("lte6_mac.csv"), "DL")
        self.response = next(rar.parse(data).responses[0] for _, rnti, data in downlink if rnti == 2)
        setup = next(data for tti, _, data in downlink if tti == 359)
        self.betas = self.beta_indices(setup)
        self.grants = {
            row.tti + 4: row.fields for row in self.rows if row.channel == "PDCCH" and row.fields["f"] == "0"
        }
        self.cell, self.ul = Cell(1), UplinkConfig(pusch=PuschConfig(hopping_offset=2))
        self.front_end = Ofdm(6, 128, False, True)

    @staticmethod
    def beta_indices(data: bytes) -> dict[str, int]:
        """Indices of the beta offsets, from RRCConnectionSetup."""
        parsed = pdu.parse(data, Direction.DOWNLINK)
        ccch = next(e.data for e in parsed.elements if isinstance(e, pdu.Sdu) and e.lcid == pdu.LCID_CCCH)
        message: Any = asn1.decode("DL-CCCH", ccch)
        dedicated = message["message"][1][1]["criticalExtensions"][1][1]["radioResourceConfigDedicated"]
        config = dedicated["physicalConfigDedicated"]["pusch-ConfigDedicated"]
        return {f"beta_{name.lower()}": config[f"betaOffset-{name}-Index"] for name in ("ACK", "RI", "CQI")}

    def grant(self, tti: int, fields: dict[str, str]) -> PuschGrant:
        """Grant of a PUSCH row: of the DCI four subframes before, for the first the random access response's."""
        if tti not in self.grants:
            return from_rar(self.cell, self.ul, tti, RNTI, self.response.grant)
        dci = self.grants[tti]
        uci = PuschUci(n_ack=int("ack" in fields), **self.betas)
        words = {"mcs": int(dci["mcs"]), "ndi": int(dci["ndi"]), "cyclic_shift": int(dci["dmrs_cs"])}
        return from_dci0(self.cell, self.ul, tti, RNTI, Dci0(riv=int(dci["riv"]), **words), uci=uci)

    def grid(self, tti: int) -> NDArray[np.complex64]:
        start = 1920 * (tti + 4)
        return np.asarray(self.front_end.demodulate(self.samples[None, start : start + 1920]))


def test_every_pusch_of_the_recorded_attach() -> None:
    """Bytes, and the resource elements to the last one with the acknowledgement in its place."""
    recording = Recording()
    cell, ul = recording.cell, recording.ul
    blocks = [row for row in recording.rows if row.channel == "PUSCH"]
    assert len(blocks) == 16
    for row in blocks:
        fields, subframe = row.fields, row.tti % 10
        grant, grid = recording.grant(row.tti, fields), recording.grid(row.tti)
        assert fields["rb"] == f"({grant.prb_start[0]},{grant.n_prb})"
        assert grant.tbs == 8 * int(fields["tbs_bytes"])
        assert grant.q_m == int(fields["bits_per_symbol"])
        assert grant.rv == int(fields["rv"])
        assert pusch.n_re(ul, grant) == int(fields["nof_re"])
        result = pusch.decode(cell, ul, subframe, grant, grid, DECODER)
        assert result.crc_ok, f"TTI {row.tti}"
        assert result.payload == recording.sent[row.tti]
        assert result.ack == ((int(fields["ack"]),) if "ack" in fields else None)
        assert result.detected
        assert result.dtx_metric > 0.99
        assert abs(result.timing_offset_s) < 0.1e-6
        assert abs(result.cfo_hz) < 1
        again = sent(
            cell, ul, subframe, grant, {"payload": result.payload, "ack": result.ack or (), "ri": (), "cqi": ()}
        )
        gain = np.vdot(again, grid) / np.vdot(again, again)
        assert np.abs(grid - gain * again).max() < 0.01 * abs(gain)
    assert sum("ack" in row.fields for row in blocks) == 2


def test_silence_of_the_recorded_attach_is_told() -> None:
    recording = Recording()
    grant = PuschGrant(RNTI, (1, 1), 4, 2, tbs(0, 4))
    rng = np.random.default_rng(4)
    for tti in (345, 370, 600, 900):
        grid = recording.grid(tti)
        noise = (rng.standard_normal(grid.shape) + 1j * rng.standard_normal(grid.shape)).astype(np.complex64)
        assert not pusch.decode(recording.cell, recording.ul, tti % 10, grant, grid + 1e-4 * noise, DECODER).detected


def call_decode(**changes: Any) -> object:
    arguments: dict[str, Any] = {
        "subframe": 0,
        "grant": PuschGrant(RNTI, (0, 0), 2, 2, 56),
        "grid": np.zeros((1, 14, 72), np.complex64),
    }
    arguments |= changes
    return pusch.decode(Cell(1), UplinkConfig(), arguments["subframe"], arguments["grant"], arguments["grid"], DECODER)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: call_decode(subframe=10), "subframe 10"),
        (lambda: call_decode(grant=PuschGrant(RNTI, (0, 5), 2, 2, 56)), "do not fit"),
        (lambda: call_decode(grid=np.zeros((14, 72), np.complex64)), "shape"),
        (lambda: call_decode(grant=PuschGrant(RNTI, (0, 0), 2, 2, 0)), "CQI report"),
        (
            lambda: pusch.encode(
                Cell(1),
                UplinkConfig(),
                0,
                PuschGrant(RNTI, (0, 0), 2, 2, 56),
                bytes(7),
                np.zeros((2, 14, 72), np.complex64),
            ),
            "grid",
        ),
        (
            lambda: pusch.encode(
                Cell(1),
                UplinkConfig(),
                0,
                PuschGrant(RNTI, (0, 0), 2, 2, 56),
                bytes(6),
                np.zeros((14, 72), np.complex64),
            ),
            "payload",
        ),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        call()
