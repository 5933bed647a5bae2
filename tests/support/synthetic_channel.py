"""Channels built straight on the resource grid: each tap a sum of plane waves, evaluated at every resource element."""

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte import crs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.estimation import symbol_times
from picocell.radio.channel.fading import profile

N_WAVES = 16


def channel(
    rng: np.random.Generator,
    cell: Cell,
    name: str,
    doppler_hz: float = 0.0,
    n_rx: int = 1,
    delay_s: float = 0.0,
    cfo_hz: float = 0.0,
) -> NDArray[np.complex64]:
    """Frequency response of every resource element, complex64 (n_rx, n_ports, n_symb, n_sc), of mean power one.

    ``AWGN`` is a single tap of constant size and random phase; other names are those of TS 36.101 B.2.
    """
    half = cell.n_sc // 2
    frequency = 15e3 * np.concatenate([np.arange(-half, 0), np.arange(1, half + 1)])
    times = np.array(symbol_times(cell))
    if name == "AWGN":
        delays = np.zeros(1)
        phase = rng.random((n_rx, cell.n_ports, 1, 1))
        taps = np.exp(2j * np.pi * phase) * np.ones(len(times))
    else:
        shape = (n_rx, cell.n_ports, len(profile(name).powers), N_WAVES, 1)
        shift = doppler_hz * np.cos(2 * np.pi * rng.random(shape))
        waves = np.exp(2j * np.pi * (shift * times + rng.random(shape)))
        delays = np.array(profile(name).delays_s)
        taps = waves.sum(axis=-2) / np.sqrt(N_WAVES) * np.sqrt(profile(name).powers)[:, None]
    response = np.exp(-2j * np.pi * np.outer(delays + delay_s, frequency))
    h = np.einsum("rpts,tk->rpsk", taps, response) * np.exp(2j * np.pi * cfo_hz * times)[:, None]
    return np.asarray(h, np.complex64)


def noise(rng: np.random.Generator, shape: tuple[int, ...], power: float) -> NDArray[np.complex64]:
    """Circular white noise."""
    parts = rng.normal(size=(*shape, 2)) * np.sqrt(power / 2)
    return np.asarray(parts @ [1, 1j], np.complex64)


def received(
    rng: np.random.Generator, sent: NDArray[np.complex64], h: NDArray[np.complex64], noise_power: float
) -> NDArray[np.complex64]:
    """What arrives of a transmit grid, complex64 (n_rx, n_symb, n_sc)."""
    clean = np.einsum("rpsk,psk->rsk", h, sent)
    return np.asarray(clean + noise(rng, clean.shape, noise_power), np.complex64)


def pilots(cell: Cell, subframe: int) -> NDArray[np.complex64]:
    """Transmit grid with reference signals alone."""
    grid = np.zeros((cell.n_ports, cell.n_symb, cell.n_sc), np.complex64)
    crs.map(cell, subframe, grid)
    return grid
