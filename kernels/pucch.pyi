"""Estimation of PUCCH candidates: delay, message and carrier offset of each (TS 36.211 5.4)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_RX: int

Found = tuple[
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.complex64],
    NDArray[np.complex64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.intp],
    NDArray[np.intp],
]

class Candidates:
    """Signals that may have been sent, n of them: n_1 on n_PUCCH^(1) first, then those on n_PUCCH^(2). Read-only.

    Args:
        shift: int32 (n, 2), cyclic shift in both slots 0..11.
        n_symbols: float32 (n, 2), symbols sent in both slots.
        codes: complex64 (n_1, 2, 2, n_symb) by slot, part (reference, data), symbol.
        n_values: int32 (n,), values that d(0), or d(10), may have: the first of 1, -1, -j, j.
        signs: float32 (n - n_1, 20), scrambling of those on n_PUCCH^(2) as +-1.
        first: int32 (n - n_1,), their first row of the code book.
        n_words: int32 (n - n_1,), rows of the code book: the words of the payloads that begin with 0.
        book: float32 (rows, 20), code words as +-1.

    Raises:
        ValueError: shapes that do not fit each other, or values outside their range.
    """

    def __init__(
        self,
        shift: ArrayLike,
        n_symbols: ArrayLike,
        codes: NDArray[np.complex64],
        n_values: NDArray[np.integer],
        signs: ArrayLike,
        first: ArrayLike,
        n_words: ArrayLike,
        book: NDArray[np.float32],
    ) -> None: ...
    def __len__(self) -> int: ...

class Joint:
    """Where candidates are, and when they count as found. Read-only.

    Args:
        candidates: the n signals.
        n_rx: receive antennas.
        prbs: int32 (n_blocks, 2), resource block of a pair by slot.
        shortened: bool (n_blocks,), the last symbol of the subframe is not used.
        n_terms: int32 (n_blocks,), resource elements times antennas in use.
        block: int32 (n,), the pair of each candidate.
        cover: int32 (n, 2), orthogonal sequence in both slots, -1 for formats 2.
        limit_of: int32 (n,), row of `weak` and `limits` of each candidate.
        weak: float64 (rows, n_limits), metric from which on a signal is taken out, by the number of others found
            beside it.
        limits: float64 (rows, n_limits), metric from which on it counts as sent.
        worst_leakage: float32 (12,), largest power of a signal on a resource so many cyclic shifts away.
        other_cover: share of that on another orthogonal sequence.
        mismatch: share of the leakage that taking a signal out may leave.
        doubt: multiple of what a stronger signal shows from which on there is something else.
        loading: diagonal loading of the gains' equations, relative.
        max_rounds: of finding signals.

    Raises:
        ValueError: shapes that do not fit each other, or values outside their range.
    """

    n_rx: int
    def __init__(
        self,
        candidates: Candidates,
        n_rx: int,
        prbs: ArrayLike,
        shortened: ArrayLike,
        n_terms: ArrayLike,
        block: ArrayLike,
        cover: ArrayLike,
        limit_of: ArrayLike,
        weak: ArrayLike,
        limits: ArrayLike,
        *,
        worst_leakage: ArrayLike,
        other_cover: float,
        mismatch: float,
        doubt: float,
        loading: float,
        max_rounds: int,
    ) -> None: ...

class Search:
    """What is searched, with one cyclic prefix. Threads may share an object.

    Args:
        slopes: complex64 (12, 12, 5), conjugate phase slopes over 12, by cyclic shift, subcarrier and delay.
        turns: complex64 (n_symb, 3), conjugate rotations of the symbols: none, a step down, a step up.
        pilots: reference symbols of formats 2, one or two.
        data: the five data symbols of formats 2.
        delay_step: cyclic shifts from delay to delay; the middle one is 0.
        max_delay: limit of the delay.
        turn_step: radians a symbol that `turns` holds.
        max_turn: limit of the carrier offset.

    Raises:
        ValueError: other shapes, symbols outside the slot, or steps that are not positive.
    """

    def __init__(
        self,
        slopes: NDArray[np.complex64],
        turns: NDArray[np.complex64],
        pilots: Sequence[int],
        data: Sequence[int],
        *,
        delay_step: float,
        max_delay: float,
        turn_step: float,
        max_turn: float,
    ) -> None: ...
    def estimate(self, candidates: Candidates, views: NDArray[np.complex64]) -> Found:
        """Best delay, message and carrier offset of each candidate from its own view.

        Args:
            candidates: n signals.
            views: complex64 (n, 2, n_rx, n_symb, 12), n_rx at most MAX_RX.

        Returns:
            Energy explained (n, 2) by slot; energy of the view (n,); factors of the symbols (n, 2, n_symb), with the
            carrier offset; factors of the subcarriers (n, 2, 12); delay in cyclic shifts (n,); radians a symbol (n,);
            index of d(0) or d(10) (n,); payload as a number (n,), 0 on n_PUCCH^(1).

        Raises:
            ValueError: views that do not fit.
        """

    def detect(
        self, joint: Joint, grid: NDArray[np.complex64], carriers: NDArray[np.complex64]
    ) -> list[tuple[float, float, float, float, float, float, int, int]]:
        """Decide all candidates jointly: estimate each, take out those found, and again.

        Args:
            joint: the candidates.
            grid: C-contiguous complex64 (n_rx, 2 n_symb, n_sc).
            carriers: C-contiguous complex64 (2, n_symb, 12), what all signals are multiplied by.

        Returns:
            For each candidate metric, threshold, noise power, energy, delay, turn, HARQ-ACK and payload.

        Raises:
            ValueError: shapes that do not fit.
        """
