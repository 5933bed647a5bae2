"""Carrier offset from cyclic prefixes."""

import numpy as np
import pytest

from picocell.kernels.ofdm import Ofdm, mix
from picocell.phy.lte.cell import CyclicPrefix
from picocell.ue.prefix_offset import PrefixOffset


@pytest.mark.parametrize("offset_hz", [-4000.0, -300.0, 0.0, 2000.0, 6000.0])
def test_offsets_that_reference_signals_do_not_tell_apart(offset_hz: float) -> None:
    rng = np.random.default_rng(1)
    ofdm = Ofdm(6, 128)
    watch = PrefixOffset(128, CyclicPrefix.NORMAL, 1.92e6)
    for _ in range(30):
        assert watch.offset_hz() is None
        shape = (1, 14, 72)
        grid = (rng.choice([-1, 1], shape) + 1j * rng.choice([-1, 1], shape)).astype(np.complex64) / np.sqrt(2)
        samples = ofdm.modulate(grid)
        noise = rng.normal(0, 0.3, (1, 1920)) + 1j * rng.normal(0, 0.3, (1, 1920))
        watch.add(mix(samples[0], offset_hz / 1.92e6, 0.0)[None] + noise.astype(np.complex64))
    assert watch.offset_hz() == pytest.approx(offset_hz, abs=100)


def test_noise_says_nothing() -> None:
    rng = np.random.default_rng(2)
    watch = PrefixOffset(128, CyclicPrefix.NORMAL, 1.92e6)
    for _ in range(30):
        watch.add((rng.normal(size=(1, 1920)) + 1j * rng.normal(size=(1, 1920))).astype(np.complex64))
    assert watch.left == 0
    assert watch.offset_hz() is None
