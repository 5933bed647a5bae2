"""The control region's kernel against the clauses' formulae on a grid of random places."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.kernels.control import ControlRegions
from support.oracle_precoding import equalise

N_SYMB, N_SC = 14, 72
CFIS = (1, 3)
NOISE = 0.05


def normal(rng: np.random.Generator, *shape: int) -> NDArray[np.complex64]:
    return np.asarray(rng.normal(size=(*shape, 2)) @ [1, 1j] / np.sqrt(2), np.complex64)


@dataclass
class Case:
    """Random tables and a random reception."""

    n_ports: int
    n_rx: int
    seed: int

    def __post_init__(self) -> None:
        rng = self.rng = np.random.default_rng(self.seed)
        places = rng.permutation(N_SYMB * N_SC).astype(np.int32)
        self.pcfich, self.phich = places[:16], places[16:52].reshape(3, 12)
        self.pdcch = [places[60 : 60 + 36 * n] for n in (3, 9)]
        self.codewords = rng.integers(0, 2, (2, 32)).astype(np.uint8)
        self.bits = rng.integers(0, 2, 32 + 9 * 72).astype(np.uint8)
        self.y = normal(rng, self.n_rx, N_SYMB, N_SC)
        # no element is so faint that single precision tells
        self.h = normal(rng, self.n_rx, self.n_ports, N_SYMB, N_SC) * np.float32(0.3) + np.float32(1)
        self.y[:] += self.h.sum(axis=1)

    def arguments(self) -> dict[str, Any]:
        packed = np.zeros(11, np.uint64)
        packed.view(np.uint8)[: 9 * 9] = np.packbits(self.bits[32:], bitorder="little")
        return {
            "n_ports": self.n_ports,
            "n_symb": N_SYMB,
            "n_sc": N_SC,
            "cfis": CFIS,
            "pcfich": self.pcfich,
            "codewords": self.codewords,
            "pcfich_scrambling": int(np.packbits(self.bits[:32], bitorder="little").view(np.uint32)[0]),
            "pdcch": self.pdcch,
            "scrambling": packed,
            "phich": self.phich,
            "n_sf": 4,
            "silent_power": 1.2,
            "silent_noise": 0.2,
        }

    def equalised(
        self, index: NDArray[np.int32], ports: slice = slice(None)
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        y = self.y.reshape(self.n_rx, -1)[:, index].astype(complex)
        h = self.h.reshape(self.n_rx, self.n_ports, -1)[:, ports, index].astype(complex)
        parts = [equalise(y[:, i : i + 4], h[:, :, i : i + 4], NOISE) for i in range(0, len(index), 4)]
        return np.concatenate([x for x, _ in parts]), np.concatenate([var for _, var in parts])

    def soft(self, index: NDArray[np.int32], bits: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Exact log-likelihood ratios of QPSK (TS 36.211 7.1.2) in sixteenths, scrambling taken out."""
        x, var = self.equalised(index)
        both = np.stack([x.real, x.imag], axis=1) * (16 * 2 * np.sqrt(2) / var)[:, None]
        soft: NDArray[np.float64] = np.clip(both.ravel(), -8191, 8191) * (1 - 2.0 * bits[: 2 * len(index)])
        return soft


cases = st.builds(Case, st.sampled_from([1, 2, 4]), st.integers(1, 2), st.integers(0, 10**6))


@settings(max_examples=15, deadline=None)
@given(case=cases)
def test_cfi_and_soft_bits(case: Case) -> None:
    cfi, quality, llr, energy, noise, silent = ControlRegions(**case.arguments()).decode(case.y, case.h, NOISE)
    soft = case.soft(case.pcfich, case.bits[:32])
    agreement = (1 - 2.0 * case.codewords) @ soft
    if abs(agreement[0] - agreement[1]) > 100:
        assert cfi == CFIS[np.argmax(agreement)]
    assert quality == pytest.approx(0.5 + 0.5 * agreement[CFIS.index(cfi)] / np.abs(soft).sum(), abs=2e-3)
    index = case.pdcch[CFIS.index(cfi)]
    expected = case.soft(index, case.bits[32:])
    assert llr.dtype == np.int16
    np.testing.assert_allclose(llr, expected, atol=1.0, rtol=3e-3)
    x, var = case.equalised(index)
    weight = (1 / var).reshape(-1, 36)
    np.testing.assert_allclose(energy, ((abs(x) ** 2).reshape(-1, 36) * weight).sum(1) / weight.sum(1), rtol=3e-3)
    np.testing.assert_allclose(noise, 36 / weight.sum(1), rtol=3e-3)
    np.testing.assert_array_equal(silent, energy < np.float32(1.2) + np.float32(0.2) * noise)


@settings(max_examples=15, deadline=None)
@given(case=cases)
def test_phich(case: Case) -> None:
    units = np.array([2, 0, 1, 0], np.int32)
    replicas = np.exp(0.5j * np.pi * (case.rng.integers(0, 4, (4, 12)) + 0.5)).astype(np.complex64)
    metric, snr = ControlRegions(**case.arguments()).phich(case.y, case.h, NOISE, units, replicas)
    for i, unit in enumerate(units):
        amplitude, weight = np.zeros(3), np.zeros(3)
        for repeat in range(3):
            index = case.phich[unit, 4 * repeat : 4 * repeat + 4]
            # TS 36.211 6.9.2: with four ports quadruplets go over ports 0 and 2 or over 1 and 3
            ports = slice((unit + repeat) % 2, 4, 2) if case.n_ports == 4 else slice(None)
            x, var = case.equalised(index, ports)
            amplitude[repeat] = (x * replicas[i, 4 * repeat : 4 * repeat + 4].conj()).real.sum() / 4
            weight[repeat] = 4 / var.sum()
        expected = -(amplitude * weight).sum() / weight.sum()
        assert metric[i] == pytest.approx(expected, rel=2e-3, abs=1e-3)
        # the noise of a sum of n_sf symbols, of which one part counts
        assert snr[i] == pytest.approx(expected**2 * weight.sum() * 8, rel=1e-2, abs=0.1)


def test_silence_has_no_soft_weight() -> None:
    case = Case(1, 1, 1)
    cfi, quality, llr, *_ = ControlRegions(**case.arguments()).decode(np.zeros_like(case.y), case.h, NOISE)
    assert (cfi, quality) == (CFIS[0], 0.5)
    assert not llr.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_ports": 3}, "n_ports 3"),
        ({"n_sf": 3}, "n_sf 3"),
        ({"cfis": ()}, "0 CFIs"),
        ({"pcfich": np.zeros(15, np.int32)}, "pcfich has 15"),
        ({"pcfich": np.full(16, N_SYMB * N_SC)}, "pcfich has an entry outside"),
        ({"phich": [[-1] * 12]}, "phich has an entry outside"),
        ({"codewords": np.zeros((2, 31))}, "codewords of shape"),
        ({"scrambling": np.zeros(10, np.uint64)}, "too short for 9 CCEs"),
    ],
)
def test_tables_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ControlRegions(**(Case(1, 1, 1).arguments() | change))


def test_receptions_that_do_not_fit() -> None:
    case = Case(2, 1, 1)
    kernel = ControlRegions(**case.arguments())
    with pytest.raises(ValueError, match="grid of shape"):
        kernel.decode(case.y[:, 1:].copy(), case.h, NOISE)
    with pytest.raises(ValueError, match="channel of shape"):
        kernel.decode(case.y, case.h[:, :1].copy(), NOISE)
    with pytest.raises(ValueError, match="noise_var nan"):
        kernel.decode(case.y, case.h, float("nan"))
    replica = np.ones((1, 12), np.complex64)
    with pytest.raises(ValueError, match=r"unit 3 is outside 0\.\.2"):
        kernel.phich(case.y, case.h, NOISE, np.array([3], np.int32), replica)
    with pytest.raises(ValueError, match="replicas of shape"):
        kernel.phich(case.y, case.h, NOISE, np.array([0, 1], np.int32), replica)
