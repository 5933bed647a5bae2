"""PUCCH estimation kernel against the same in NumPy: equal decisions, parameters equal but for rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.kernels import pucch as kernel
from picocell.phy.lte import pucch_format1, pucch_format2
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.pucch_detect import Candidates, Pass, _for_kernel, _search
from picocell.phy.lte.uplink_config import PucchConfig, UplinkConfig
from support import oracle_pucch_estimate as oracle


def candidates(
    ul: UplinkConfig, n_1: int, n_2: int, rng: np.random.Generator, *, shortened: bool = False
) -> Candidates:
    """Some resources of both kinds, with messages of all sizes."""
    one, two = pucch_format1.table(ul, shortened), pucch_format2.table(ul)
    first, second = rng.choice(len(one.m), n_1), rng.choice(len(two.m), n_2)
    codes = one.codes[first]
    n_symbols = np.concatenate([(codes != 0).sum(axis=(2, 3)), np.full((n_2, 2), ul.n_symb_slot)])
    n_ack = rng.integers(0, 3, n_2) if ul.cp is CyclicPrefix.NORMAL else np.zeros(n_2, np.intp)
    signs = [pucch_format2.scrambling(Cell(7), 3, int(rnti)) for rnti in rng.integers(61, 999, n_2)]
    return Candidates(
        block=np.zeros(n_1 + n_2, np.intp),
        shift=np.concatenate([one.shift[first], two.shift[second]]),
        cover=np.concatenate([one.cover[first], np.full((n_2, 2), -1)]),
        n_symbols=n_symbols.astype(np.float32),
        codes=codes,
        n_data=1 << rng.integers(0, 3, n_1),
        signs=np.array(signs, np.float32).reshape(-1, 20),
        n_bits=rng.choice([1, 2, 4, 7, 11, 13], n_2),
        n_ack=n_ack,
    )


def noise(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(CyclicPrefix),
    st.integers(0, 6),
    st.integers(0, 6),
    st.sampled_from([1, 2, 4, 16]),
    st.booleans(),
    st.sampled_from([0.0, 0.3, 3.0]),
    st.integers(0, 2**31),
)
def test_equals_numpy(
    cp: CyclicPrefix, n_1: int, n_2: int, n_rx: int, shortened: bool, amplitude: float, seed: int
) -> None:
    """Noise, and signals in noise: those that another look of the oracle found, so that they may look like any."""
    rng = np.random.default_rng(seed)
    ul = UplinkConfig(25, cp, pucch=PucchConfig(delta_shift=int(rng.integers(1, 4)), n_rb_2=1))
    sought = candidates(ul, n_1, n_2, rng, shortened=shortened)
    views = noise((n_1 + n_2, 2, n_rx, ul.n_symb_slot, 12), rng)
    if n_1 + n_2 and amplitude:
        like = oracle.estimate(ul, sought, noise(views.shape, rng))
        views += amplitude * like.time[:, :, None, :, None] * like.frequency[:, :, None, None, :]
    found = Pass(*_search(cp).estimate(_for_kernel(sought), views))
    if not n_1 + n_2:
        assert all(len(part) == 0 for part in found)
        return
    wanted = oracle.estimate(ul, sought, views)
    assert found.ack.tolist() == wanted.ack.tolist()
    assert found.payload.tolist() == wanted.payload.tolist()
    np.testing.assert_allclose(found.total, wanted.total, rtol=1e-5)
    scale = wanted.energy.sum(axis=1, keepdims=True)
    assert (np.abs(found.energy - wanted.energy) < 1e-3 * scale).all()
    assert np.abs(found.delay - wanted.delay).max() < 2e-3
    assert np.abs(found.turn - wanted.turn).max() < 2e-3
    assert np.abs(found.time - wanted.time).max() < 2e-2
    assert np.abs(found.frequency - wanted.frequency).max() < 2e-2


@pytest.mark.parametrize("cp", CyclicPrefix)
def test_known_signals_come_back(cp: CyclicPrefix) -> None:
    """No noise: delay, carrier offset, answer and payload of signals made here."""
    rng = np.random.default_rng(3)
    ul = UplinkConfig(25, cp, pucch=PucchConfig(delta_shift=2, n_rb_2=1))
    sought = candidates(ul, 0, 40, rng)
    n = ul.n_symb_slot
    payload = rng.integers(0, 1 << sought.n_bits)
    ack = rng.integers(0, 1 << sought.n_ack)
    delay, turn = rng.uniform(-0.35, 0.35, 40), rng.uniform(-0.1, 0.1, 40)
    words = [pucch_format2.words(int(b)) for b in sought.n_bits]
    signs = np.stack(
        [(w[p] if p < len(w) else -w[p - len(w)]) * s for w, p, s in zip(words, payload, sought.signs, strict=True)]
    )
    time = pucch_format2.time_signature(ul, pucch_format2.qpsk(signs), np.array([1, -1, -1j, 1j], np.complex64)[ack])
    time = time * np.exp(1j * turn[:, None] * (np.arange(n) - (n - 1) / 2))[:, None]
    slope = np.exp(2j * np.pi / 12 * (sought.shift - delay[:, None])[..., None] * np.arange(12))
    views = (time[:, :, None, :, None] * slope[:, :, None, None, :]).astype(np.complex64)
    found = Pass(*_search(cp).estimate(_for_kernel(sought), views))
    assert found.payload.tolist() == payload.tolist()
    assert found.ack.tolist() == ack.tolist()
    assert np.abs(found.delay - delay).max() < 0.03
    assert np.abs(found.turn - turn).max() < 0.01
    assert (found.energy.sum(axis=1) > 0.9 * found.total).all()


def test_what_is_not_finite_does_no_harm() -> None:
    ul = UplinkConfig(25, pucch=PucchConfig(n_rb_2=1))
    sought = candidates(ul, 3, 3, np.random.default_rng(1))
    for bad in (np.nan, np.inf):
        views = np.full((6, 2, 2, 7, 12), bad, np.complex64)
        found = Pass(*_search(ul.cp).estimate(_for_kernel(sought), views))
        assert (found.payload >= 0).all()
        assert (found.payload < 1 << 13).all()
        assert set(found.ack.tolist()) <= {0, 1, 2, 3}


def arguments(**changes: object) -> dict[str, object]:
    """Arguments of one candidate of each kind, some changed."""
    good: dict[str, object] = {
        "shift": np.zeros((2, 2)),
        "n_symbols": np.full((2, 2), 7),
        "codes": np.ones((1, 2, 2, 7), np.complex64),
        "n_values": np.array([2, 1]),
        "signs": np.ones((1, 20)),
        "first": [0],
        "n_words": [8],
        "book": np.ones((8, 20), np.float32),
    }
    return good | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shift": np.full((2, 2), 12)}, "cyclic shift"),
        ({"shift": np.full((2, 2), -1)}, "cyclic shift"),
        ({"shift": np.zeros((3, 2))}, "shift of shape"),
        ({"n_symbols": np.zeros(2)}, "n_symbols of shape"),
        ({"codes": np.ones((1, 2, 2, 8), np.complex64)}, "8 symbols"),
        ({"codes": np.ones((3, 2, 2, 7), np.complex64)}, "do not fit 2 candidates"),
        ({"n_values": np.array([5, 1])}, "n_values"),
        ({"n_values": np.array([1, 0])}, "n_values"),
        ({"signs": np.ones((1, 19))}, "signs of shape"),
        ({"first": [-1]}, "rows"),
        ({"first": [1]}, "beyond the 8 rows"),
        ({"n_words": [0]}, "rows"),
        ({"n_words": [2**31 - 1], "first": [2**31 - 1]}, "beyond the 8 rows"),
        ({"book": np.ones((8, 21), np.float32)}, "book of shape"),
    ],
)
def test_bad_candidates_are_refused(changes: dict[str, object], message: str) -> None:
    kernel.Candidates(**arguments())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        kernel.Candidates(**arguments(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(2, 2, 1, 6, 12), (1, 2, 1, 7, 12), (2, 2, 17, 7, 12), (2, 2, 0, 7, 12), (2, 7, 12)])
def test_bad_views_are_refused(shape: tuple[int, ...]) -> None:
    sought = kernel.Candidates(**arguments())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="views of shape"):
        _search(CyclicPrefix.NORMAL).estimate(sought, np.zeros(shape, np.complex64))


def test_bad_searches_are_refused() -> None:
    slopes, turns = np.zeros((12, 12, 5), np.complex64), np.zeros((7, 3), np.complex64)
    steps = {"delay_step": 0.2, "max_delay": 0.4, "turn_step": 0.1, "max_turn": 0.2}
    for call, message in (
        (lambda: kernel.Search(slopes[1:], turns, (1, 5), (0, 2, 3, 4, 6), **steps), "slopes of shape"),
        (lambda: kernel.Search(slopes, turns[:5], (1, 5), (0, 2, 3, 4, 6), **steps), "5 symbols"),
        (lambda: kernel.Search(slopes, turns, (1, 7), (0, 2, 3, 4, 6), **steps), "reference symbols"),
        (lambda: kernel.Search(slopes, turns, (), (0, 2, 3, 4, 6), **steps), "0 reference symbols"),
        (lambda: kernel.Search(slopes, turns, (1, 5), (0, 2, 3, -1, 6), **steps), "data symbols"),
        (lambda: kernel.Search(slopes, turns, (1, 5), (0, 2, 3, 4, 6), **steps | {"turn_step": 0.0}), "steps"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
