import numpy as np
from numpy.typing import NDArray

def siso(
    y: NDArray[np.complex64], h: NDArray[np.complex64], index: NDArray[np.int32], noise_var: float
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]: ...
def sfbc2(
    y: NDArray[np.complex64], h: NDArray[np.complex64], index: NDArray[np.int32], noise_var: float
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]: ...
def sfbc4(
    y: NDArray[np.complex64], h: NDArray[np.complex64], index: NDArray[np.int32], noise_var: float
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]: ...
