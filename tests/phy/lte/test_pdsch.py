"""PDSCH against the clauses, against recordings of other implementations, and there and back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels import sch
from picocell.phy.lte import allocation, crs, pdsch, sync, tbs
from picocell.phy.lte.cell import BANDWIDTHS, Cell, CyclicPrefix, Duplex
from picocell.phy.lte.dci import SI_RNTI, Dci1, Dci1A, is_broadcast, riv_encode
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.grant import PdschGrant, TransmissionScheme, from_dci
from support import oracle_pdsch as oracle
from support.captures import capture
from support.ground_truth import mac_rows, phy_rows

C_RNTI = 0x46
DECODER = sch.SchDecoder(8)
CELLS = st.builds(
    Cell,
    pci=st.integers(0, 503),
    n_prb=st.sampled_from(BANDWIDTHS),
    n_ports=st.sampled_from((1, 2, 4)),
    cp=st.sampled_from(CyclicPrefix),
)


@st.composite
def slot_prbs(draw: st.DrawFn, n_prb: int) -> allocation.SlotPrbs:
    """An allocation of any of the types."""
    kind = draw(st.sampled_from(["0", "1", "localised", "distributed"]))
    if kind == "1" and n_prb > 10:
        field = draw(st.integers(1, (1 << allocation.type1_bits(n_prb)[1]) - 1))
        prbs = allocation.type1(n_prb, field)
        return prbs, prbs
    if kind in ("localised", "distributed"):
        second = n_prb >= 50 and draw(st.booleans())
        n_vrb = allocation.n_dvrb(n_prb, second) if kind == "distributed" else n_prb
        start = draw(st.integers(0, n_vrb - 1))
        length = draw(st.integers(1, n_vrb - start))
        if kind == "distributed":
            return allocation.distributed(n_prb, start, length, second)
        return allocation.localised(n_prb, start, length)
    prbs = allocation.type0(n_prb, draw(st.integers(1, (1 << allocation.n_rbg(n_prb)) - 1)))
    return prbs, prbs


def grant_for(cell: Cell, prbs: allocation.SlotPrbs, i_mcs: int, cfi: int, rv: int = 0) -> PdschGrant:
    """A grant of a C-RNTI with this allocation."""
    q_m, i_tbs = tbs.mcs(i_mcs)
    assert i_tbs is not None
    scheme = TransmissionScheme.PORT0 if cell.n_ports == 1 else TransmissionScheme.TX_DIVERSITY
    return PdschGrant(C_RNTI, prbs, q_m, tbs.tbs(i_tbs, len(prbs[0])), rv, cfi, scheme)


def empty_grid(cell: Cell) -> NDArray[np.complex64]:
    """A transmit grid of zeros."""
    return np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)


def flat_channel(
    cell: Cell, rng: np.random.Generator, n_rx: int = 1, noise_var: float = 1e-4
) -> tuple[ChannelEstimate, NDArray[np.complex64]]:
    """A channel that is one number from each port to each receive antenna, and that number: (n_rx, n_ports)."""
    gain = rng.uniform(0.5, 2.0, (n_rx, cell.n_ports)) * np.exp(2j * np.pi * rng.random((n_rx, cell.n_ports)))
    gain = gain.astype(np.complex64)
    h = np.broadcast_to(gain[:, :, None, None], (*gain.shape, cell.n_symb, cell.n_sc)).copy()
    return ChannelEstimate(h=h, noise_var=noise_var, rsrp=1.0, rssi=1.0, snr_db=40.0), gain


def through(gain: NDArray[np.complex64], grid: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """What the receive antennas see."""
    return np.asarray(np.einsum("rp,plk->rlk", gain, grid), np.complex64)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(CELLS, st.integers(0, 9), st.integers(1, 3), st.data())
def test_resource_elements_follow_the_clause(cell: Cell, subframe: int, cfi: int, data: st.DataObject) -> None:
    prbs = data.draw(slot_prbs(cell.n_prb))
    extended = cell.cp is CyclicPrefix.EXTENDED
    wanted = oracle.pdsch_elements(cell.pci, cell.n_prb, cell.n_ports, extended, subframe, prbs, cfi)
    index = pdsch.re_index(cell, subframe, prbs, cfi)
    assert index.dtype == np.int32
    assert [divmod(int(i), cell.n_sc) for i in index] == wanted
    assert pdsch.n_re(cell, subframe, prbs, cfi) == len(wanted)
    assert cell.n_ports == 1 or len(wanted) % 2 == 0


def test_resource_elements_of_tdd() -> None:
    """PSS in symbol 2 of subframes 1 and 6, SSS in the last symbol of 0 and 5, nothing beyond DwPTS."""
    cell = Cell(1, duplex=Duplex.TDD, tdd_config=3, special_subframe=1)
    prbs = allocation.localised(6, 0, 6)
    by_symbol = {
        subframe: np.bincount(pdsch.re_index(cell, subframe, prbs, 1) // cell.n_sc, minlength=14).tolist()
        for subframe in (0, 1, 5, 6, 9)
    }
    assert by_symbol[9] == [0, 0, 72, 72, 60, 72, 72, 60, 72, 72, 72, 60, 72, 72]
    assert by_symbol[5] == [*by_symbol[9][:13], 0]
    assert by_symbol[0] == [*by_symbol[9][:7], 0, 0, 0, 0, 60, 72, 0]
    assert by_symbol[6] == [0, 0, 0, *by_symbol[9][3:]]
    assert by_symbol[1] == [0, 0, 0, *by_symbol[9][3:9], 0, 0, 0, 0, 0]
    with pytest.raises(ValueError, match="no downlink"):
        pdsch.re_index(cell, 2, prbs, 1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(CELLS, st.integers(0, 9), st.integers(1, 3), st.integers(0, 28), st.integers(0, 3), st.data())
def test_encode_follows_the_clauses(
    cell: Cell, subframe: int, cfi: int, i_mcs: int, rv: int, data: st.DataObject
) -> None:
    """From the code word on: scrambling, modulation, precoding and mapping, symbol for symbol."""
    cell = replace(cell, n_prb=data.draw(st.sampled_from((6, 15, 25))))
    grant = grant_for(cell, data.draw(slot_prbs(cell.n_prb)), i_mcs, cfi, rv)
    payload = np.random.default_rng(1).bytes(grant.tbs // 8)
    grid = empty_grid(cell)
    pdsch.encode(cell, subframe, grant, payload, grid)
    extended = cell.cp is CyclicPrefix.EXTENDED
    elements = oracle.pdsch_elements(cell.pci, cell.n_prb, cell.n_ports, extended, subframe, grant.prbs, cfi)
    g = len(elements) * grant.q_m
    n_l = 1 if cell.n_ports == 1 else 2
    code_word = sch.encode(payload, g, grant.q_m, n_l, rv).tolist()
    scrambled = [a ^ b for a, b in zip(code_word, oracle.scrambling(C_RNTI, subframe, cell.pci, g), strict=True)]
    wanted = np.zeros(grid.shape, np.complex128)
    precoded = oracle.precode(oracle.modulate(scrambled, grant.q_m), cell.n_ports)
    for i, (l, k) in enumerate(elements):
        wanted[:, l, k] = precoded[:, i]
    np.testing.assert_allclose(grid, wanted, atol=2e-6)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(CELLS, st.integers(0, 9), st.integers(1, 3), st.integers(0, 28), st.integers(0, 2**32 - 1), st.data())
def test_round_trip_over_a_flat_channel(
    cell: Cell, subframe: int, cfi: int, i_mcs: int, seed: int, data: st.DataObject
) -> None:
    """Without noise, a block comes back whenever its code rate leaves some redundancy."""
    grant = grant_for(cell, data.draw(slot_prbs(cell.n_prb)), i_mcs, cfi)
    g = pdsch.n_re(cell, subframe, grant.prbs, cfi) * grant.q_m
    rng = np.random.default_rng(seed)
    payload, grid = rng.bytes(grant.tbs // 8), empty_grid(cell)
    pdsch.encode(cell, subframe, grant, payload, grid)
    channel, gain = flat_channel(cell, rng, n_rx=data.draw(st.integers(1, 2)))
    result = pdsch.decode(cell, subframe, grant, through(gain, grid), channel, DECODER, keep=True)
    assert result.n_re * grant.q_m == g
    assert result.symbols is not None
    assert result.symbols.shape == (result.n_re,)
    assert result.evm is not None
    assert result.evm < 1e-3
    if (grant.tbs + 24) / g < 0.9:
        assert result.crc_ok
        assert result.payload == payload


@settings(max_examples=100, deadline=None, derandomize=True)
@given(CELLS, st.integers(0, 9), st.integers(1, 3), st.integers(0, 31), st.data())
def test_any_grant_can_be_decoded_from_noise(
    cell: Cell, subframe: int, cfi: int, i_mcs: int, data: st.DataObject
) -> None:
    """A false alarm's grant, even a retransmission of a far too large block, fails its CRC and does no harm."""
    start = data.draw(st.integers(0, cell.n_prb - 1))
    riv = riv_encode(cell.n_prb, start, data.draw(st.integers(1, cell.n_prb - start)))
    try:
        dci = Dci1A(riv=riv, mcs=i_mcs, rv=data.draw(st.integers(0, 3)), distributed=data.draw(st.integers(0, 1)))
        grant = from_dci(cell, subframe, cfi, C_RNTI, dci, previous_tbs=data.draw(st.sampled_from((16, 75376))))
    except ValueError:
        return
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((2, 1, cell.n_symb, cell.n_sc))
    channel, _ = flat_channel(cell, rng, noise_var=0.5)
    result = pdsch.decode(cell, subframe, grant, (noise[0] + 1j * noise[1]).astype(np.complex64), channel, DECODER)
    assert not result.crc_ok
    assert result.symbols is None
    assert result.evm is None


@pytest.mark.parametrize("n_ports", [1, 2, 4])
def test_power_ratios(n_ports: int) -> None:
    """Symbols with reference signals have rho_B, others rho_A, and the receiver takes both out again."""
    cell = Cell(3, 15, n_ports=n_ports)
    grant = replace(grant_for(cell, allocation.localised(15, 2, 9), 20, 2), rho_a_db=-3.0, rho_b_db=1.0)
    payload, grid, plain = bytes(grant.tbs // 8), empty_grid(cell), empty_grid(cell)
    pdsch.encode(cell, 3, grant, payload, grid)
    pdsch.encode(cell, 3, replace(grant, rho_a_db=0.0, rho_b_db=0.0), payload, plain)
    with_crs = {0, 4, 7, 11} | ({1, 8} if n_ports == 4 else set())
    for symbol in range(14):
        ratio = 10 ** ((1.0 if symbol in with_crs else -3.0) / 20)
        np.testing.assert_allclose(grid[:, symbol], ratio * plain[:, symbol], rtol=1e-6)
    channel, gain = flat_channel(cell, np.random.default_rng(1))
    result = pdsch.decode(cell, 3, grant, through(gain, grid), channel, DECODER, keep=True)
    assert result.payload == payload
    assert result.evm is not None
    assert result.evm < 1e-5


def test_evm_measures_the_noise() -> None:
    cell, rng = Cell(3, 50), np.random.default_rng(5)
    grant = grant_for(cell, allocation.localised(50, 0, 50), 4, 1)
    grid = empty_grid(cell)
    pdsch.encode(cell, 3, grant, bytes(grant.tbs // 8), grid)
    channel, gain = flat_channel(cell, rng, noise_var=0.01 * 4)
    received = through(gain, grid)
    noise = 0.05 * np.abs(gain[0, 0]) * (rng.standard_normal(received.shape) + 1j * rng.standard_normal(received.shape))
    result = pdsch.decode(cell, 3, grant, (received + noise).astype(np.complex64), channel, DECODER, keep=True)
    assert result.evm == pytest.approx(0.05 * 2**0.5, rel=0.03)


def test_soft_combining_of_redundancy_versions() -> None:
    """Two transmissions, each above channel capacity on its own, decode together."""
    cell, rng, n0 = Cell(9, 25), np.random.default_rng(2), 10 ** (-0.4)
    prbs = allocation.localised(25, 0, 25)
    first = grant_for(cell, prbs, 16, 1)
    payload, soft = rng.bytes(first.tbs // 8), sch.SoftBuffer(first.tbs)
    outcomes = []
    for subframe, rv in ((1, 0), (9, 2)):
        grant, grid = replace(first, rv=rv), empty_grid(cell)
        pdsch.encode(cell, subframe, grant, payload, grid)
        channel, gain = flat_channel(cell, rng, noise_var=n0)
        channel.noise_var = float(n0 * np.abs(gain[0, 0]) ** 2)
        noise = rng.standard_normal(grid.shape) + 1j * rng.standard_normal(grid.shape)
        received = through(gain, grid) + np.sqrt(channel.noise_var / 2) * noise
        alone = pdsch.decode(cell, subframe, grant, received.astype(np.complex64), channel, DECODER)
        assert not alone.crc_ok
        outcomes.append(pdsch.decode(cell, subframe, grant, received.astype(np.complex64), channel, DECODER, soft))
    assert [outcome.crc_ok for outcome in outcomes] == [False, True]
    assert outcomes[1].payload == payload


def test_four_ports_with_half_a_quadruple() -> None:
    """The last pair of the last quadruple is two null symbols that are not sent (TS 36.211 6.3.3.3)."""
    cell, rng = Cell(0, 15, n_ports=4, cp=CyclicPrefix.EXTENDED), np.random.default_rng(3)
    counts = set()
    for start, length in ((4, 1), (4, 5), (5, 1), (10, 2), (4, 7)):  # blocks 4 and 10 are half in the PBCH's 72
        grant = grant_for(cell, allocation.localised(15, start, length), 0, 3)
        counts.add(pdsch.n_re(cell, 0, grant.prbs, 3) % 4)
        payload, grid = rng.bytes(grant.tbs // 8), empty_grid(cell)
        pdsch.encode(cell, 0, grant, payload, grid)
        channel, gain = flat_channel(cell, rng)
        assert pdsch.decode(cell, 0, grant, through(gain, grid), channel, DECODER).payload == payload
    assert counts == {0, 2}


@pytest.mark.parametrize("i_mcs", [0, 12, 24])
def test_silence_is_no_block(i_mcs: int) -> None:
    """All zeros satisfy any CRC, but nothing was received."""
    cell = Cell(1)
    grant = grant_for(cell, allocation.localised(6, 0, 6), i_mcs, 1)
    channel, _ = flat_channel(cell, np.random.default_rng(1))
    for estimate in (channel, replace(channel, h=np.zeros_like(channel.h), noise_var=0.0)):
        assert not pdsch.decode(cell, 1, grant, np.zeros((1, 14, 72), np.complex64), estimate, DECODER).crc_ok


def test_too_few_coded_bits() -> None:
    """One resource block and the largest block: nothing to send, and nothing to receive."""
    cell = Cell(1)
    grant = replace(grant_for(cell, allocation.localised(6, 2, 1), 0, 3), q_m=2, tbs=75376 * 8)
    with pytest.raises(ValueError, match="too few"):
        pdsch.encode(cell, 0, grant, bytes(grant.tbs // 8), empty_grid(cell))
    channel, _ = flat_channel(cell, np.random.default_rng(1))
    result = pdsch.decode(cell, 0, grant, np.zeros((1, 14, 72), np.complex64), channel, DECODER)
    assert (result.crc_ok, result.payload) == (False, b"")


def test_bad_arguments() -> None:
    cell = Cell(1)
    grant = grant_for(cell, allocation.localised(6, 0, 6), 4, 1)
    payload, grid = bytes(grant.tbs // 8), empty_grid(cell)
    channel, _ = flat_channel(cell, np.random.default_rng(1))
    with pytest.raises(ValueError, match="payload"):
        pdsch.encode(cell, 1, grant, payload[1:], grid)
    with pytest.raises(ValueError, match="grid"):
        pdsch.encode(cell, 1, grant, payload, grid[:, :12])
    with pytest.raises(ValueError, match="grid"):
        pdsch.encode(cell, 1, grant, payload, grid.astype(np.complex128))
    with pytest.raises(ValueError, match="subframe"):
        pdsch.encode(cell, 10, grant, payload, grid)
    with pytest.raises(ValueError, match="sends"):
        pdsch.encode(cell, 1, replace(grant, scheme=TransmissionScheme.TX_DIVERSITY), payload, grid)
    with pytest.raises(ValueError, match="reach outside"):
        pdsch.encode(cell, 1, replace(grant, prbs=((6,), (6,))), payload, grid)
    with pytest.raises(ValueError, match="grid"):
        pdsch.decode(cell, 1, grant, grid[0], channel, DECODER)
    with pytest.raises(ValueError, match="ports"):
        pdsch.decode(replace(cell, n_ports=2), 1, grant, grid, channel, DECODER)


def front_end(samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Resource grid (1, 14, 72) of one subframe at 1.92 Msps."""
    grid, at = np.zeros((1, 14, 72), np.complex64), 0
    for symbol in range(14):
        at += 10 if symbol % 7 == 0 else 9
        spectrum = np.fft.fft(samples[at : at + 128]) / np.sqrt(128)
        grid[0, symbol] = np.concatenate((spectrum[-36:], spectrum[1:37]))
        at += 128
    return grid


def one_tap(cell: Cell, subframe: int, grid: NDArray[np.complex64]) -> ChannelEstimate:
    """Least squares over the reference signal of port 0: one gain and one delay, which suit a cable."""
    at = crs.flat_index(cell, 0)
    raw = grid.reshape(-1)[at] * crs.sequence(cell, subframe, 0).conj()
    slope = np.angle(np.sum(raw[:, 1:] * raw[:, :-1].conj())) / 6
    k = np.arange(cell.n_sc)
    gain = np.mean(raw * np.exp(-1j * slope * (at % cell.n_sc)))
    h = np.broadcast_to(gain * np.exp(1j * slope * k), (1, 1, cell.n_symb, cell.n_sc)).astype(np.complex64)
    error = raw - h.reshape(-1)[at]
    noise = max(float(np.mean(np.abs(error) ** 2)), 1e-4 * float(abs(gain)) ** 2)
    return ChannelEstimate(h=h, noise_var=noise, rsrp=1.0, rssi=1.0, snr_db=30.0)


def recorded_dci(fields: dict[str, str], rnti: int) -> Dci1 | Dci1A:
    """DCI of a row of the log, which prints a TPC of 0 for common RNTIs; their sizes show N_PRB^1A = 3."""
    mcs, harq_process, ndi = int(fields["mcs"]), int(fields["pid"]), int(fields["ndi"])
    if fields["f"] == "1":
        return Dci1(resource_block_assignment=int(fields["rbg"], 16), mcs=mcs, harq_process=harq_process, ndi=ndi)
    return Dci1A(riv=int(fields["riv"]), mcs=mcs, harq_process=harq_process, ndi=ndi, tpc=int(is_broadcast(rnti)))


def test_every_block_of_the_recorded_attach() -> None:
    """An independent eNB's transport blocks, by the DCIs and the bytes that an independent UE logged."""
    cell, samples = Cell(1), np.fromfile(capture("lte6_dl.sigmf-data"), np.int16).astype(np.float32).view(np.complex64)
    log = phy_rows(capture("lte6_phy.csv"))
    pdus = {(tti, rnti): pdu for tti, rnti, pdu in mac_rows(capture("lte6_mac.csv"), "DL")}
    dcis = {row.tti: row.fields for row in log if row.channel == "PDCCH" and row.fields["f"] in ("1", "1A")}
    blocks = [row for row in log if row.channel == "PDSCH"]
    assert len(blocks) == len(dcis) == 19
    cfis = set()
    for block in blocks:
        tti, fields = block.tti, block.fields
        rnti = int(fields["rnti"], 16)
        grid = front_end(samples[(tti + 4) * 1920 : (tti + 5) * 1920])
        channel = one_tap(cell, tti % 10, grid)
        passed = []
        for cfi in (1, 2, 3):
            grant = from_dci(cell, tti % 10, cfi, rnti, recorded_dci(dcis[tti], rnti))
            result = pdsch.decode(cell, tti % 10, grant, grid, channel, DECODER)
            if result.crc_ok:
                passed.append((cfi, grant, result))
        assert len(passed) == 1, f"TTI {tti}"
        cfi, grant, result = passed[0]
        cfis.add(cfi)
        assert result.payload == pdus[tti, rnti]
        assert result.n_re == int(fields["nof_re"])
        assert grant.n_prb == int(fields["nof_prb"])
        assert grant.q_m == int(fields["bits_per_symbol"])
        assert grant.tbs == 8 * int(fields["tbs_bytes"])
        assert grant.rv == int(fields["rv"])
    assert cfis == {1, 2, 3}


def half_frame_start(cell: Cell, samples: NDArray[np.complex64]) -> int:
    """First sample of a subframe 0 or 5 in 10 ms at 1.92 Msps, by correlation with the PSS."""
    spectrum = np.zeros(128, np.complex64)
    pss = sync.pss(cell.n_id_2)
    spectrum[-31:], spectrum[1:32] = pss[:31], pss[31:]
    replica = np.zeros(len(samples), np.complex64)
    replica[:128] = np.fft.ifft(spectrum)
    match = np.abs(np.fft.ifft(np.fft.fft(samples) * np.fft.fft(replica).conj()))
    symbol_6 = 10 + 6 * 137  # its useful part, after the prefixes of seven symbols
    return int(np.argmax(match[:9600] + match[9600:])) - symbol_6


def test_system_information_of_a_commercial_enb() -> None:
    """SIB1, and an SI message in its fourth redundancy version, from 10 ms of a commercial eNB."""
    cell, samples = Cell(1), np.fromfile(capture("signal.1.92M.amar.dat"), np.complex64)[:19200]
    half_frame = half_frame_start(cell, samples)
    dcis = {2: Dci1A(riv=11, mcs=6, rv=3, tpc=1), 5: Dci1A(riv=11, mcs=2, rv=0, tpc=1)}
    found: dict[int, bytes] = {}
    for start in (half_frame, half_frame + 9600):
        frame = np.roll(samples, -start)
        for subframe, dci in dcis.items():
            grid = front_end(frame[1920 * subframe :])
            grant = from_dci(cell, subframe, 3, SI_RNTI, dci)
            result = pdsch.decode(cell, subframe, grant, grid, one_tap(cell, subframe, grid), DECODER)
            if result.crc_ok:
                found[subframe] = result.payload
    assert found.keys() == {2, 5}
    assert found[5].hex() == "6040040300011a2d4018028180420c800000"
    assert len(found[2]) == 32
