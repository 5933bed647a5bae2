"""PDSCH in transmission modes 3 and 4: what is sent against the clauses, and what is received."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import sch
from picocell.kernels.sch import SchDecoder, SoftBuffer
from picocell.phy.lte import crs, pdsch, spatial
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.codebook import codebook
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.spatial import C64, Codeword, SpatialGrant, layers_of, map_layers, unmap_layers
from support import oracle_pdsch, oracle_spatial

RNTI, CFI = 0x4321, 2
SHAPES = [(1, 1), (1, 2), (2, 2), (2, 3), (2, 4)]


def blocks(n_prb: int) -> tuple[int, ...]:
    return tuple(range(n_prb))


def grant_of(
    cell: Cell, n_layers: int, n_words: int, *, q_m: int = 4, pmi: tuple[int, ...] | None = None, rate: float = 0.4
) -> SpatialGrant:
    """All resource blocks; block sizes of about a code rate."""
    prbs = (blocks(cell.n_prb),) * 2
    n_re = pdsch.n_re(cell, 1, prbs, CFI)
    words = tuple(Codeword(q_m, int(n_re * q_m * n * rate) // 8 * 8) for n in layers_of(n_words, n_layers))
    return SpatialGrant(RNTI, prbs, CFI, words, n_layers, pmi)


def channel_of(h: C64, noise_var: float) -> ChannelEstimate:
    return ChannelEstimate(h, noise_var, 1.0, 1.0, 0.0)


def flat_channel(rng: np.random.Generator, cell: Cell, n_rx: int) -> C64:
    """A channel without fading, well conditioned, of unit power from each port."""
    square = np.linalg.qr(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))[0]
    h = square[:n_rx, : cell.n_ports, None, None] * 2
    return np.ascontiguousarray(np.broadcast_to(h, (n_rx, cell.n_ports, cell.n_symb, cell.n_sc)), np.complex64)


def through(rng: np.random.Generator, h: C64, grid: C64, noise_var: float) -> C64:
    clean = np.einsum("rplk,plk->rlk", h, grid)
    noise = rng.normal(size=(*clean.shape, 2)) @ [1, 1j] * np.sqrt(noise_var / 2)
    return np.ascontiguousarray(clean + noise, np.complex64)


@settings(max_examples=25, deadline=None)
@given(shape=st.sampled_from(SHAPES), n=st.integers(0, 12), seed=st.integers(0, 99))
def test_layer_mapping_is_the_table_and_comes_back(shape: tuple[int, int], n: int, seed: int) -> None:
    n_words, n_layers = shape
    rng = np.random.default_rng(seed)
    words = [(rng.normal(size=(n * k, 2)) @ [1, 1j]).astype(np.complex64) for k in layers_of(n_words, n_layers)]
    layers = map_layers(words, n_layers)
    wanted = np.array(oracle_spatial.layer_map([list(d) for d in words], n_layers)).reshape(n_layers, n)
    np.testing.assert_array_equal(layers, wanted.astype(np.complex64))
    for back, d in zip(unmap_layers(layers, n_words), words, strict=True):
        np.testing.assert_array_equal(back, d)


@pytest.mark.parametrize(
    ("n_ports", "n_layers", "n_words", "pmi"),
    [(2, 2, 2, None), (2, 2, 2, (2,)), (2, 1, 1, (3,)), (4, 2, 1, None), (4, 3, 2, None), (4, 4, 2, (9,))],
)
def test_grid_is_what_the_clauses_say(n_ports: int, n_layers: int, n_words: int, pmi: tuple[int, ...] | None) -> None:
    """Coding by the kernel; scrambling, modulation, layers, precoding and mapping element by element."""
    cell = Cell(77, 6, n_ports=n_ports)
    grant, subframe = grant_of(cell, n_layers, n_words, pmi=pmi), 3
    payloads = [bytes(i % 251 for i in range(word.tbs // 8)) for word in grant.codewords]
    grid = np.zeros((n_ports, cell.n_symb, cell.n_sc), np.complex64)
    spatial.encode(cell, subframe, grant, payloads, grid)
    elements = oracle_pdsch.pdsch_elements(cell.pci, 6, n_ports, False, subframe, grant.prbs, CFI)
    symbols = []
    for q, (word, n_l, payload) in enumerate(zip(grant.codewords, grant.layers, payloads, strict=True)):
        bits = sch.encode(payload, len(elements) * word.q_m * n_l, word.q_m, n_l)
        scrambled = [b ^ c for b, c in zip(bits, scrambling(q, subframe, cell.pci, len(bits)), strict=True)]
        symbols.append(oracle_pdsch.modulate(scrambled, word.q_m))

    def precoder(i: int) -> oracle_spatial.Matrix:
        if pmi is None:
            return oracle_spatial.delay_diversity(i, n_ports, n_layers)
        return codebook(n_ports, n_layers)[pmi[0]].astype(complex)

    sent = oracle_spatial.precode(oracle_spatial.layer_map(symbols, n_layers), precoder)
    wanted = np.zeros_like(grid)
    for (l, k), values in zip(elements, sent.T, strict=True):
        wanted[:, l, k] = values
    np.testing.assert_allclose(grid, wanted, atol=2e-6)


def scrambling(q: int, subframe: int, pci: int, n: int) -> list[int]:
    """That of code word q: its number stands between RNTI and subframe (TS 36.211 6.3.1)."""
    c_init = RNTI * 2**14 + q * 2**13 + subframe * 2**9 + pci
    x1, x2 = [1] + [0] * 30, [c_init >> i & 1 for i in range(31)]
    for i in range(1600 + n):
        x1.append(x1[i + 3] ^ x1[i])
        x2.append(x2[i + 3] ^ x2[i + 2] ^ x2[i + 1] ^ x2[i])
    return [x1[i + 1600] ^ x2[i + 1600] for i in range(n)]


@pytest.mark.parametrize("n_ports", [2, 4])
def test_power_is_that_of_a_symbol_however_many_layers(n_ports: int) -> None:
    cell = Cell(1, 25, n_ports=n_ports)
    for n_layers, n_words in ((1, 1), (2, 2), (3, 2), (4, 2)):
        if n_layers > n_ports:
            continue
        for pmi in (None, (2,)) if n_layers > 1 else ((2,),):
            grant = grant_of(cell, n_layers, n_words, q_m=2, pmi=pmi)
            grid = np.zeros((n_ports, cell.n_symb, cell.n_sc), np.complex64)
            rng = np.random.default_rng(n_layers)
            spatial.encode(cell, 1, grant, [rng.bytes(word.tbs // 8) for word in grant.codewords], grid)
            index = pdsch.re_index(cell, 1, grant.prbs, CFI)
            power = np.mean(np.abs(grid.reshape(n_ports, -1)[:, index]) ** 2, axis=1)
            assert power.sum() == pytest.approx(1, abs=0.02)
            assert power == pytest.approx(1 / n_ports, abs=0.03)
            crs_elements = crs.flat_index(cell, 0)
            assert not np.any(grid.reshape(n_ports, -1)[:, crs_elements.reshape(-1)])


@pytest.mark.parametrize("detector", ["joint", "mmse"])
@pytest.mark.parametrize(
    ("n_ports", "n_layers", "n_words", "n_rx", "pmi"),
    [
        (2, 2, 2, 2, None),
        (2, 2, 2, 2, (1,)),
        (2, 1, 1, 1, (2,)),
        (4, 1, 1, 2, (12,)),
        (4, 2, 1, 2, None),
        (4, 2, 2, 2, (5,)),
        (4, 3, 2, 4, None),
        (4, 4, 2, 4, (15,)),
    ],
)
def test_what_is_sent_is_received(
    n_ports: int, n_layers: int, n_words: int, n_rx: int, pmi: tuple[int, ...] | None, detector: spatial.Detector
) -> None:
    cell, rng = Cell(5, 15, n_ports=n_ports), np.random.default_rng(2)
    for q_m, noise_var in ((2, 0.02), (4, 0.004), (6, 0.001)):
        grant = grant_of(cell, n_layers, n_words, q_m=q_m, pmi=pmi)
        payloads = [rng.bytes(word.tbs // 8) for word in grant.codewords]
        grid = np.zeros((n_ports, cell.n_symb, cell.n_sc), np.complex64)
        spatial.encode(cell, 4, grant, payloads, grid)
        h = flat_channel(rng, cell, n_rx)
        y = through(rng, h, grid, noise_var)
        found = spatial.decode(cell, 4, grant, y, channel_of(h, noise_var), SchDecoder(), detector=detector, keep=True)
        for result, payload in zip(found, payloads, strict=True):
            assert result.crc_ok
            assert result.payload == payload
            assert result.symbols is not None
            assert result.evm is not None
            assert result.evm < 0.4


def test_without_noise_every_hard_bit_is_right_on_a_known_channel() -> None:
    cell = Cell(9, 6, n_ports=2)
    h = np.zeros((2, 2, cell.n_symb, cell.n_sc), np.complex64)
    h[0, 0] = h[1, 1] = 1
    for pmi in (None, (1,), (2,)):
        grant = grant_of(cell, 2, 2, q_m=6, pmi=pmi)
        payloads = [bytes(word.tbs // 8) for word in grant.codewords]
        grid = np.zeros((2, cell.n_symb, cell.n_sc), np.complex64)
        spatial.encode(cell, 1, grant, payloads, grid)
        for detector in ("joint", "mmse"):
            llrs = spatial.detect(cell, 1, grant, grid, channel_of(h, 1e-4), detector)
            for llr, word, payload in zip(llrs, grant.codewords, payloads, strict=True):
                np.testing.assert_array_equal(llr < 0, sch.encode(payload, llr.size, word.q_m))


def test_precoders_go_by_resource_block() -> None:
    """Each PRB's elements are those of a grant that has its PMI everywhere."""
    cell, rng = Cell(3, 6, n_ports=2), np.random.default_rng(1)
    pmi = (0, 1, 2, 3, 1, 0)
    grant = grant_of(cell, 1, 1, q_m=2, pmi=pmi)
    payload = [rng.bytes(grant.codewords[0].tbs // 8)]
    shape = (2, cell.n_symb, cell.n_sc)
    mixed = np.zeros(shape, np.complex64)
    spatial.encode(cell, 1, grant, payload, mixed)
    for prb, entry in enumerate(pmi):
        alone = np.zeros(shape, np.complex64)
        spatial.encode(cell, 1, replace(grant, pmi=(entry,)), payload, alone)
        part = slice(12 * prb, 12 * prb + 12)
        np.testing.assert_array_equal(mixed[..., part], alone[..., part])
    h = flat_channel(rng, cell, 2)
    y = through(rng, h, mixed, 0.05)
    (found,) = spatial.decode(cell, 1, grant, y, channel_of(h, 0.05), SchDecoder())
    assert found.payload == payload[0]


def test_code_words_are_scrambled_apart() -> None:
    cell = Cell(3, 6, n_ports=2)
    first, second = (pdsch.scrambling(cell, 1, RNTI, 640, q) for q in (0, 1))
    agree = np.mean(np.unpackbits((first ^ second).view(np.uint8)))
    assert 0.4 < agree < 0.6
    bits = np.unpackbits(second.view(np.uint8), bitorder="little")
    assert bits[:640].tolist() == scrambling(1, 1, 3, 640)


def test_joint_detection_is_better_where_layers_are_alike() -> None:
    """Rows of the channel that hardly differ: linear detection loses what the joint one still tells apart."""
    cell, rng = Cell(3, 15, n_ports=2), np.random.default_rng(8)
    grant, noise_var = grant_of(cell, 2, 2, q_m=2, pmi=(1,), rate=0.3), 0.1
    h = np.zeros((2, 2, cell.n_symb, cell.n_sc), np.complex64)
    h[0, 0] = h[1, 0] = 1
    h[0, 1], h[1, 1] = 0.2 + 0.4j, 0.1 + 0.2j
    good = {}
    for detector in ("joint", "mmse"):
        of_detector: spatial.Detector = "joint" if detector == "joint" else "mmse"
        good[detector] = 0
        for _ in range(6):
            payloads = [rng.bytes(word.tbs // 8) for word in grant.codewords]
            grid = np.zeros((2, cell.n_symb, cell.n_sc), np.complex64)
            spatial.encode(cell, 1, grant, payloads, grid)
            y, channel = through(rng, h, grid, noise_var), channel_of(h, noise_var)
            found = spatial.decode(cell, 1, grant, y, channel, SchDecoder(), detector=of_detector)
            good[detector] += sum(result.crc_ok for result in found)
    assert good["joint"] > good["mmse"]


def test_soft_bits_of_both_code_words_combine_apart() -> None:
    """The second block is new where the first one is sent again."""
    cell, rng = Cell(3, 6, n_ports=2), np.random.default_rng(4)
    first = grant_of(cell, 2, 2, q_m=2, rate=0.6)
    sizes = [word.tbs for word in first.codewords]
    h, noise_var = flat_channel(rng, cell, 2), 1.3
    old, new, decoder = rng.bytes(sizes[0] // 8), [rng.bytes(sizes[1] // 8) for _ in range(4)], SchDecoder(8)
    soft = SoftBuffer(sizes[0])
    outcomes = []
    for rv, other in enumerate(new):
        words = (replace(first.codewords[0], rv=rv), first.codewords[1])
        grant = replace(first, codewords=words)
        grid = np.zeros((2, cell.n_symb, cell.n_sc), np.complex64)
        spatial.encode(cell, 1, grant, [old, other], grid)
        y = through(rng, h, grid, noise_var)
        found = spatial.decode(cell, 1, grant, y, channel_of(h, noise_var), decoder, [soft, None])
        outcomes.append((found[0].crc_ok, found[1].crc_ok))
    assert not outcomes[0][0]
    assert outcomes[-1][0]
    assert not any(second for _, second in outcomes)


def test_what_does_not_fit_is_refused() -> None:
    cell = Cell(3, 6, n_ports=2)
    grant = grant_of(cell, 2, 2)
    payloads = [bytes(word.tbs // 8) for word in grant.codewords]
    grid = np.zeros((2, cell.n_symb, cell.n_sc), np.complex64)
    h = np.ones((2, 2, cell.n_symb, cell.n_sc), np.complex64)
    for wrong, complaint in (
        (replace(grant, pmi=(0,)), "PMI 0 is outside 1..2"),
        (replace(grant, pmi=(1, 2)), "2 PMIs do not fit"),
    ):
        with pytest.raises(ValueError, match=complaint):
            spatial.encode(cell, 1, wrong, payloads, grid)
    with pytest.raises(ValueError, match="payloads of"):
        spatial.encode(cell, 1, grant, payloads[:1], grid)
    with pytest.raises(ValueError, match="complex64"):
        spatial.encode(cell, 1, grant, payloads, grid[:1])
    big = replace(grant, codewords=(Codeword(2, 8_000_000),) * 2)
    with pytest.raises(ValueError, match="too few"):
        spatial.encode(cell, 1, big, [bytes(1_000_000)] * 2, grid)
    with pytest.raises(ValueError, match="1 ports, the cell 2"):
        spatial.detect(cell, 1, grant, grid, channel_of(h[:, :1], 0.1))
    with pytest.raises(ValueError, match="grid has shape"):
        spatial.detect(cell, 1, grant, grid[:, :4], channel_of(h, 0.1))
    with pytest.raises(ValueError, match="3 soft buffers"):
        spatial.decode(cell, 1, grant, grid, channel_of(h, 0.1), SchDecoder(), [None] * 3)
    with pytest.raises(ValueError, match="transmit diversity"):
        replace(grant, codewords=grant.codewords[:1], n_layers=1)
    with pytest.raises(ValueError, match="2 code words on 1 layers"):
        replace(grant, n_layers=1, pmi=(1,))
    with pytest.raises(ValueError, match="evenly"):
        map_layers([np.ones(3, np.complex64), np.ones(4, np.complex64)], 2)
    with pytest.raises(ValueError, match="q_m 3"):
        Codeword(3, 80)


def test_a_block_without_room_is_not_received() -> None:
    cell = Cell(3, 6, n_ports=2)
    grant = replace(grant_of(cell, 2, 2), codewords=(Codeword(2, 8_000_000), Codeword(2, 800)))
    grid = np.zeros((2, cell.n_symb, cell.n_sc), np.complex64)
    h = np.ones((2, 2, cell.n_symb, cell.n_sc), np.complex64)
    found = spatial.decode(cell, 1, grant, grid, channel_of(h, 0.1), SchDecoder())
    assert (found[0].crc_ok, found[0].payload) == (False, b"")
