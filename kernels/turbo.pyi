from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIZES: tuple[int, ...]

def encode(bits: ArrayLike) -> NDArray[np.uint8]: ...
def rate_match(d: ArrayLike, e: int, rv: int = 0, n_cb: int | None = None, n_filler: int = 0) -> NDArray[np.uint8]: ...
def encode_match(
    bits: ArrayLike, e: int, rv: int = 0, n_cb: int | None = None, n_filler: int = 0
) -> NDArray[np.uint8]: ...
def rate_recover(
    llr: ArrayLike,
    k: int,
    rv: int = 0,
    n_cb: int | None = None,
    n_filler: int = 0,
    soft: NDArray[np.int16] | None = None,
) -> NDArray[np.int16]: ...

class TurboDecoder:
    max_iterations: int
    def __init__(self, max_iterations: int = 6) -> None: ...
    def decode(
        self, llr: ArrayLike, crc: Literal["24A", "24B"] | None = None, n_filler: int = 0
    ) -> tuple[NDArray[np.uint8], int, bool]: ...
    def decode_many(
        self, llr: ArrayLike, crc: Literal["24A", "24B"] | None = None, n_filler: int = 0
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.bool_]]: ...
