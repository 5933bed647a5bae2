import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_K: int
MAX_K: int
MAX_E: int

def encode(bits: ArrayLike) -> NDArray[np.uint8]: ...
def rate_match(d: ArrayLike, e: int) -> NDArray[np.uint8]: ...
def rate_recover(llr: ArrayLike, k: int) -> NDArray[np.int16]: ...
def decode(llr: ArrayLike) -> NDArray[np.uint8]: ...
def decode_batch(llr: ArrayLike) -> NDArray[np.uint8]: ...
def search(
    llr: ArrayLike, starts: ArrayLike, lengths: ArrayLike, k: ArrayLike
) -> tuple[NDArray[np.uint8], NDArray[np.uint16], NDArray[np.float32]]: ...
def halves(llr: NDArray[np.int16], bits: NDArray[np.uint8]) -> tuple[int, int]:
    """How far the two halves of soft bits agree with a code word.

    Args:
        llr: int16 (e,) in the order of transmission, contiguous.
        bits: uint8 (k,) the code word's bits, CRC included, contiguous.

    Returns:
        Of each half the sum of the magnitudes whose sign agrees, less those whose sign does not.

    Raises:
        ValueError: lengths that the code does not have, or arrays that are not contiguous or of another dtype.
    """

class Candidates:
    """Where code words may lie in soft bits that come in units of equal length. Threads may share an object.

    Args:
        first: int32 (n,) first unit of each candidate; n at most 512.
        count: int32 (n,) units of each.
        k: int32 (n,) bits of each, the 16 CRC bits included.
        unit: soft bits of a unit.

    Raises:
        ValueError: arrays of different lengths, or a candidate of a length or size that the code does not have.
    """

    def __init__(self, first: ArrayLike, count: ArrayLike, k: ArrayLike, unit: int) -> None: ...
    def find(
        self, llr: NDArray[np.int16], silent: NDArray[np.uint8], mask: int, other: int = -1
    ) -> list[tuple[int, NDArray[np.uint8], int, float]]:
        """Decode the candidates that have no silent unit, in one call, and keep those that are for an RNTI.

        Args:
            llr: int16 (n_units * unit,), contiguous.
            silent: uint8 (n_units,), not 0 where nothing was sent, contiguous.
            mask: CRC mask to look for.
            other: another one that counts as well; -1 for none.

        Returns:
            ``(which, bits, crc, quality)`` of each one found: number of the candidate, uint8 (k,), and the rest as by
            `search`.

        Raises:
            ValueError: soft bits or units that do not hold the candidates.
        """
