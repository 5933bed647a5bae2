from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

class Noise:
    def __init__(self, seed: int | Sequence[int] = 0) -> None: ...
    def add(self, samples: NDArray[np.complex64], power: float) -> None: ...
    def draw(self, shape: int | tuple[int, ...], power: float = 1.0) -> NDArray[np.complex64]: ...

def add_moving_fir(
    x: NDArray[np.complex64],
    taps: NDArray[np.complex64],
    slope: NDArray[np.complex64],
    start: float,
    step: float,
    out: NDArray[np.complex64],
) -> None: ...
