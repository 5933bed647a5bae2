from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

class Noise:
    def __init__(self, seed: int | Sequence[int] = 0) -> None: ...
    def add(self, samples: NDArray[np.complex64], power: float) -> None: ...
    def draw(self, shape: int | tuple[int, ...], power: float = 1.0) -> NDArray[np.complex64]: ...

def sum_of_sinusoids(
    rates: NDArray[np.float64],
    phases: NDArray[np.float64],
    amplitudes: NDArray[np.float32],
    times: NDArray[np.float64],
) -> NDArray[np.complex64]: ...
@overload
def grid_response(
    gains: NDArray[np.complex64], turns: NDArray[np.float32], sent: NDArray[np.complex64]
) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]: ...
@overload
def grid_response(
    gains: NDArray[np.complex64], turns: NDArray[np.float32], sent: None = None
) -> tuple[None, NDArray[np.complex64]]: ...

class DelayLine:
    n_taps: int
    memory: int
    def __init__(self, starts: Sequence[int], filters: Sequence[NDArray[np.floating]]) -> None: ...
    def run(
        self, buffer: NDArray[np.complex64], gains: NDArray[np.complex64], offset: int, step: int
    ) -> NDArray[np.complex64]: ...

class Interpolator:
    def __init__(self, table: NDArray[np.floating]) -> None: ...
    def run(self, samples: NDArray[np.complex64], first: float, step: float, count: int) -> NDArray[np.complex64]: ...
