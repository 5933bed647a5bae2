from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Buffer

MAX_TBS: int

class SchResult(NamedTuple):
    payload: bytes
    crc_ok: bool
    iterations: float
    code_blocks_ok: int
    code_blocks: int

def encode(
    payload: Buffer, g: int, q_m: int, n_l: int = 1, rv: int = 0, n_ir: int | None = None
) -> NDArray[np.uint8]: ...
def encode_packed(
    payload: Buffer, g: int, q_m: int, n_l: int = 1, rv: int = 0, n_ir: int | None = None
) -> NDArray[np.uint64]: ...

class SoftBuffer:
    tbs: int
    n_ir: int | None
    def __init__(self, tbs: int, n_ir: int | None = None) -> None: ...
    @property
    def passed(self) -> NDArray[np.bool_]: ...
    def clear(self) -> None: ...

class SchDecoder:
    max_iterations: int
    threads: int
    def __init__(self, max_iterations: int = 6, threads: int = 1) -> None: ...
    def decode(
        self,
        llr: ArrayLike,
        tbs: int,
        q_m: int,
        n_l: int = 1,
        rv: int = 0,
        soft: SoftBuffer | None = None,
        n_ir: int | None = None,
    ) -> SchResult: ...
