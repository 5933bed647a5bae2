from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

LIFTING_SIZES: tuple[int, ...]

def base_graph(bg: int, z: int) -> NDArray[np.int32]: ...

class Code:
    @property
    def bg(self) -> int: ...
    @property
    def z(self) -> int: ...
    @property
    def k(self) -> int: ...
    @property
    def n(self) -> int: ...
    def __init__(self, bg: int, z: int) -> None: ...
    def encode(self, bits: ArrayLike) -> NDArray[np.uint8]: ...
    def rate_match(
        self, coded: ArrayLike, e: int, q_m: int = 1, rv: int = 0, n_cb: int | None = None, n_filler: int = 0
    ) -> NDArray[np.uint8]: ...
    def rate_recover(
        self,
        llr: ArrayLike,
        q_m: int = 1,
        rv: int = 0,
        n_cb: int | None = None,
        n_filler: int = 0,
        soft: NDArray[np.int16] | None = None,
    ) -> NDArray[np.int16]: ...
    def decode(
        self,
        llr: ArrayLike,
        n_iterations: int = 6,
        crc: Literal["24A", "24B", "16"] | None = None,
        n_filler: int = 0,
        early_stop: bool = True,
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.int32]]: ...
    def quantise(self, llr: ArrayLike, n_filler: int = 0) -> NDArray[np.int8]: ...
    def batch(self, blocks: int) -> int: ...
