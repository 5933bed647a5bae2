"""Joint detection of all PUCCHs of a subframe: noise statistics, delays, separation of UEs in a resource block.

A signal here is rank one in each slot: a gain an antenna, times factors of symbols (orthogonal sequence or code word),
times a phase slope over twelve subcarriers (cyclic shift less delay). What is tested is the energy that such a signal
explains, its gains unknown in each slot and antenna, against the noise left over when all signals found are taken out.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from math import exp, lgamma, log, log1p, pi, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import pucch as kernel
from picocell.phy.lte import pucch_format2
from picocell.phy.lte.cell import N_SC_RB, CyclicPrefix
from picocell.phy.lte.pucch_tables import data_symbols, dmrs_symbols
from picocell.phy.lte.uci import PUCCH_CODED_BITS

DELAY_UNIT_S: Final = 1 / (15_000 * N_SC_RB)
"""A delay of one cyclic shift: 5.56 us."""

MAX_DELAY: Final = 0.4
"""Delays searched in cyclic shifts, either way: 2.2 us."""

_DELAYS: Final = np.linspace(-MAX_DELAY, MAX_DELAY, 5)
_STEP: Final = float(_DELAYS[1] - _DELAYS[0])
_TURN_STEP: Final = 0.1
_MAX_TURN: Final = 0.2
"""Radians a symbol of carrier offset that are followed: 445 Hz."""

_CANDIDATE_RATE: Final = 0.01
"""False alarm rate from which on a signal is taken out to see what is below it; weaker ones are left."""

_MISMATCH: Final = 0.02
"""Share of a signal's worst leakage to another resource that taking it out may leave: multipath, Doppler."""

_OTHER_COVER: Final = 0.01
"""Leakage to another orthogonal sequence of the same cyclic shift: carrier offset of 400 Hz."""

_DOUBT: Final = 2.0
"""Multiple of what a stronger signal alone would show here from which on there is something else."""

_MAX_ROUNDS: Final = 12
_LOADING: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Candidates:
    """Signals that may have been sent, n of them: those on n_PUCCH^(1) first, then those on n_PUCCH^(2).

    Attributes:
        block: intp ``(n,)``, which pair of resource blocks.
        shift: intp ``(n, 2)``, cyclic shift in both slots.
        cover: intp ``(n, 2)``, orthogonal sequence in both slots, -1 on n_PUCCH^(2).
        n_symbols: float32 ``(n, 2)``, symbols sent in both slots.
        codes: complex64 ``(n_1, 2, 2, n_symb_slot)`` of those on n_PUCCH^(1): slot, part, symbol.
        n_data: intp ``(n_1,)``, values that d(0) may have, the first of ``ACK_SYMBOLS``: 1, 2 or 4.
        signs: float32 ``(n_2, 20)`` of those on n_PUCCH^(2): scrambling.
        n_bits: intp ``(n_2,)``, payload of the block code.
        n_ack: intp ``(n_2,)``, bits in d(10).
    """

    block: NDArray[np.intp]
    shift: NDArray[np.intp]
    cover: NDArray[np.intp]
    n_symbols: NDArray[np.float32]
    codes: NDArray[np.complex64]
    n_data: NDArray[np.intp]
    signs: NDArray[np.float32]
    n_bits: NDArray[np.intp]
    n_ack: NDArray[np.intp]

    @property
    def n_hypotheses(self) -> NDArray[np.intp]:
        """Messages that each signal may carry ``(n,)``."""
        return np.concatenate([self.n_data, 1 << (self.n_bits + self.n_ack)])


class Signal(NamedTuple):
    """What was found for one candidate.

    Attributes:
        metric: energy explained over noise power.
        threshold: metric from which on the candidate counts as sent.
        noise: noise power a resource element and antenna.
        energy: energy explained.
        delay: cyclic shifts.
        turn: radians a symbol.
        ack: index into ``ACK_SYMBOLS``.
        payload: of the block code as a number, 0 on n_PUCCH^(1).
    """

    metric: float
    threshold: float
    noise: float
    energy: float
    delay: float
    turn: float
    ack: int
    payload: int


class Pass(NamedTuple):
    """Best parameters of each candidate, given what the others take away."""

    energy: NDArray[np.float32]  # (n, 2) by slot
    total: NDArray[np.float32]  # (n,) energy there was
    time: NDArray[np.complex64]  # (n, 2, n_symb_slot), with carrier offset
    frequency: NDArray[np.complex64]  # (n, 2, 12)
    delay: NDArray[np.float64]
    turn: NDArray[np.float64]
    ack: NDArray[np.intp]
    payload: NDArray[np.intp]


def false_alarm_rate(metric: float, branches: int, noise_terms: int) -> float:
    """Bound on the probability that noise explains `metric` times its estimated power, at the best of all delays.

    The energy of one hypothesis over delays is a sum of squares of Gaussian processes, whose expected number of
    crossings S. O. Rice's formula gives; both it and the chance of being above at the first delay are averaged over the
    estimate of the noise power.

    Args:
        metric: energy over estimated noise power.
        branches: complex gains of the signal, two (slots) times the antennas.
        noise_terms: complex values that the noise power is estimated from.
    """
    m, t = noise_terms, metric / noise_terms

    def moment(power: float) -> float:
        # mean of (metric s)^power exp(-metric s) for noise power estimates s
        return exp(lgamma(m + power) - lgamma(m) + power * log(t) - (m + power) * log1p(t))

    start = sum(moment(k) / exp(lgamma(k + 1)) for k in range(branches))
    curvature = pi * pi / 3 * (1 - 1 / N_SC_RB**2)
    crossings = 2 * MAX_DELAY * sqrt(curvature / pi) * moment(branches - 0.5) / exp(lgamma(branches))
    return start + crossings


@lru_cache(maxsize=4096)
def threshold(false_alarm: float, branches: int, noise_terms: int, n_hypotheses: int) -> float:
    """Metric that noise passes with probability `false_alarm` at most, whichever of the hypotheses it looks like.

    Raises:
        ValueError: a probability that is not between 0 and 1.
    """
    if not 0 < false_alarm < 1:
        raise ValueError(f"false_alarm {false_alarm} is not allowed: a probability between 0 and 1 is needed")
    low, high = float(branches), 1e6
    for _ in range(60):
        middle = sqrt(low * high)
        if n_hypotheses * false_alarm_rate(middle, branches, noise_terms) > false_alarm:
            low = middle
        else:
            high = middle
    return high


@cache
def _slopes() -> NDArray[np.complex64]:
    """Conjugate phase slopes ``(12, 12, 5)`` by cyclic shift, subcarrier and delay, over the number of subcarriers."""
    turns = (np.arange(N_SC_RB)[:, None] - _DELAYS)[:, None, :] * np.arange(N_SC_RB)[:, None] / N_SC_RB
    return np.asarray(np.exp(-2j * np.pi * turns) / N_SC_RB, np.complex64)


@cache
def _worst_leakage() -> NDArray[np.float32]:
    """Largest power ``(12,)`` that a signal has on a resource some cyclic shifts away, whatever both delays."""
    spread = np.linspace(-2 * MAX_DELAY, 2 * MAX_DELAY, 65)
    distance = np.arange(N_SC_RB)[:, None] + spread
    slope = np.exp(2j * np.pi * distance[..., None] * np.arange(N_SC_RB) / N_SC_RB).mean(axis=-1)
    return np.asarray(np.max(np.abs(slope) ** 2, axis=1), np.float32)


@cache
def _turns(cp: CyclicPrefix) -> NDArray[np.complex64]:
    """Conjugate rotations ``(n_symb_slot, 3)`` of a slot's symbols about its middle: none, and a step either way."""
    n = 7 if cp is CyclicPrefix.NORMAL else 6
    place = np.arange(n)[:, None] - (n - 1) / 2
    return np.asarray(np.exp(-1j * place * np.array([0, -_TURN_STEP, _TURN_STEP])), np.complex64)


@cache
def _search(cp: CyclicPrefix) -> kernel.Search:
    """What the kernel searches."""
    return kernel.Search(
        _slopes(),
        _turns(cp),
        dmrs_symbols(cp, on_n1=False),
        data_symbols(cp, on_n1=False),
        delay_step=_STEP,
        max_delay=MAX_DELAY,
        turn_step=_TURN_STEP,
        max_turn=_MAX_TURN,
    )


@lru_cache(maxsize=16)
def _book(n_bits: tuple[int, ...]) -> NDArray[np.float32]:
    """Code words of all these payload sizes, one after the other."""
    return np.concatenate([np.zeros((0, PUCCH_CODED_BITS), np.float32), *map(pucch_format2.words, n_bits)])


def _for_kernel(candidates: Candidates) -> kernel.Candidates:
    """Candidates as the kernel takes them."""
    n_bits = candidates.n_bits.tolist()
    sizes = sorted(set(n_bits))
    first, end = {}, 0
    for size in sizes:
        first[size] = end
        end += 1 << size - 1
    return kernel.Candidates(
        candidates.shift,
        candidates.n_symbols,
        candidates.codes,
        np.concatenate([candidates.n_data, 1 << candidates.n_ack]),
        candidates.signs,
        [first[size] for size in n_bits],
        [1 << size - 1 for size in n_bits],
        _book(tuple(sizes)),
    )


@lru_cache(maxsize=1024)
def _limits(false_alarm: float, branches: int, n_terms: int, n_hypotheses: int, n: int) -> NDArray[np.float64]:
    """Thresholds ``(2, n)``, for taking a signal out and for believing it, by the number of others found beside it."""
    terms = [max(n_terms - branches * (1 + k), branches) for k in range(n)]
    rates = (_CANDIDATE_RATE, false_alarm)
    return np.array([[threshold(rate, branches, t, n_hypotheses) for t in terms] for rate in rates])


def prepare(
    candidates: Candidates, prbs: NDArray[np.intp], n_used: NDArray[np.intp], n_symb: int, n_rx: int, false_alarm: float
) -> kernel.Joint:
    """What :func:`detect` needs of a subframe's candidates.

    Args:
        candidates: n signals that may have been sent.
        prbs: intp ``(n_blocks, 2)``, resource blocks of each pair.
        n_used: intp ``(n_blocks,)``, symbols in use in each pair: all of the subframe, or all but the last.
        n_symb: symbols of a subframe.
        n_rx: receive antennas.
        false_alarm: probability that a candidate is found in noise.
    """
    n_terms = n_used * (N_SC_RB * n_rx)
    keys = list(zip(n_terms[candidates.block].tolist(), candidates.n_hypotheses.tolist(), strict=True))
    distinct = list(dict.fromkeys(keys))
    most = int(np.bincount(candidates.block, minlength=1).max(initial=1))
    rows = [_limits(false_alarm, 2 * n_rx, terms, hypotheses, most) for terms, hypotheses in distinct]
    table = np.array(rows, np.float64).reshape(-1, 2, most)
    return kernel.Joint(
        _for_kernel(candidates),
        n_rx,
        prbs,
        n_used < n_symb,
        n_terms,
        candidates.block,
        candidates.cover,
        [distinct.index(key) for key in keys],
        table[:, 0],
        table[:, 1],
        worst_leakage=_worst_leakage(),
        other_cover=_OTHER_COVER,
        mismatch=_MISMATCH,
        doubt=_DOUBT,
        loading=_LOADING,
        max_rounds=_MAX_ROUNDS,
    )


def detect(
    cp: CyclicPrefix, joint: kernel.Joint, grid: NDArray[np.complex64], carriers: NDArray[np.complex64]
) -> list[Signal]:
    """Decide all candidates of a subframe.

    In rounds, each candidate is estimated with all others taken out that were found before. Those that no stronger
    one's leakage explains are then found in addition, until there are no more.

    Args:
        cp: cyclic prefix of the uplink.
        joint: the candidates, of :func:`prepare`.
        grid: received complex64 ``(n_rx, n_symb, n_sc)``, C-contiguous.
        carriers: base sequence and cell-specific shift, of :func:`picocell.phy.lte.pucch_tables.carriers`.
    """
    return [Signal(*row) for row in _search(cp).detect(joint, grid, carriers)]
