"""Correlation between antennas: the matrices of TS 36.101 B.2.3 (downlink) and TS 36.104 B.5 (uplink).

Both annexes correlate the transmitting and the receiving end with the same two coefficients, so one matrix serves both
directions: the Kronecker product of the transmitter's and the receiver's, its rows ordered by transmit antenna first.
TS 36.101 calls the eNB's coefficient alpha and the UE's beta; in the uplink the eNB receives and has beta's value.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.channel.profiles import rows

LEVELS: Final = ("low", "medium", "high")
ANTENNAS: Final = (1, 2, 4)

_TABLE: Final = "36101_B.2.3_correlation.csv"
# what is added to the diagonal so that the matrix, rounded to four digits, has no negative eigenvalue (B.2.3.2)
_ADDED: Final = {("high", 8): 0.00010, ("high", 16): 0.00012, ("medium", 16): 0.00012}


@cache
def coefficients(level: str) -> tuple[float, float]:
    """Correlation between the outermost transmit antennas and between the outermost receive antennas.

    Raises:
        ValueError: none of :data:`LEVELS`.
    """
    for row in rows(_TABLE):
        if row["level"] == level:
            return float(row["alpha"]), float(row["beta"])
    raise ValueError(f"correlation {level!r} is not allowed: one of {', '.join(LEVELS)}")


def end_matrix(n: int, coefficient: float) -> NDArray[np.float64]:
    """Correlation of the antennas at one end (TS 36.101 Tables B.2.3.1-1 and -2).

    In a row of four the exponents of the coefficient are 1/9, 4/9 and 1: the squares of the distances.

    Raises:
        ValueError: a number of antennas for which none is published.
    """
    if n not in ANTENNAS:
        raise ValueError(f"correlation of {n} antennas is not defined: 1, 2 or 4")
    if n == 1:
        return np.ones((1, 1))
    steps = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) / (n - 1)
    return np.where(steps == 0, 1.0, coefficient ** (steps**2))


def matrix(level: str, n_tx: int, n_rx: int) -> NDArray[np.float64]:
    """Correlation of all channels: float64 ``(n_tx n_rx, n_tx n_rx)``, index ``tx n_rx + rx``.

    Raises:
        ValueError: an unknown level, or a number of antennas for which none is published.
    """
    at_tx, at_rx = coefficients(level)
    if level == "low":
        return np.eye(n_tx * n_rx)
    whole = np.kron(end_matrix(n_tx, at_tx), end_matrix(n_rx, at_rx))
    added = _ADDED.get((level, n_tx * n_rx), 0.0)
    return np.asarray((whole + added * np.eye(len(whole))) / (1 + added))


def root(level: str, n_tx: int, n_rx: int) -> NDArray[np.float64]:
    """Symmetric square root of `matrix`: what independent processes are multiplied by."""
    values, vectors = np.linalg.eigh(matrix(level, n_tx, n_rx))
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
