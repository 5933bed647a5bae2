"""White Gaussian noise."""

import math

import numpy as np
from numpy.typing import NDArray


def noise(shape: tuple[int, ...], noise_power: float, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Circular complex white Gaussian noise of mean power ``noise_power`` a sample.

    Raises:
        ValueError: a power that is negative or not finite.
    """
    if not 0 <= noise_power < math.inf:
        raise ValueError(f"noise power {noise_power} is not allowed: at least 0 and finite")
    parts = rng.standard_normal((*shape, 2), np.float32)
    parts *= np.float32(math.sqrt(noise_power / 2))
    return parts.view(np.complex64)[..., 0]


def awgn(samples: NDArray[np.complex64], noise_power: float, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Samples of any shape with noise of mean power ``noise_power`` a sample added.

    With unitary OFDM this is the noise power of a resource element too.

    Raises:
        ValueError: a power that is negative or not finite.
    """
    return np.asarray(samples, np.complex64) + noise(np.shape(samples), noise_power, rng)
