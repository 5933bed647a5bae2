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
from picocell.phy.lte.uplink_config import UplinkConfig

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


def _leakage(candidates: Candidates) -> NDArray[np.float32]:
    """Largest share ``(2, n, n)`` by slot of the second candidate's energy that is seen as the first's."""
    shift, cover = candidates.shift.T, candidates.cover.T
    distance = shift[:, :, None] - shift[:, None, :]  # -11 to 11: negative ones count from the end
    share: NDArray[np.float32] = _worst_leakage()[distance]
    # formats 2 have no orthogonal sequence: they are seen through any
    covered = cover >= 0
    other = (cover[:, :, None] != cover[:, None, :]) & covered[:, :, None] & covered[:, None, :]
    share[other] *= np.float32(_OTHER_COVER)
    seen = candidates.block[:, None] == candidates.block
    np.fill_diagonal(seen, False)
    share *= seen
    return share


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


def _overlap(candidates: Candidates, found: Pass) -> NDArray[np.complex64]:
    """Inner products ``(2, n, n)`` by slot of the candidates' signals, which are of magnitude 1."""
    left, right = found.time.transpose(1, 0, 2), found.frequency.transpose(1, 0, 2)
    gram = (left.conj() @ left.swapaxes(1, 2)) * (right.conj() @ right.swapaxes(1, 2))
    return np.asarray(gram * (candidates.block[:, None] == candidates.block), np.complex64)


def _signals(
    candidates: Candidates,
    found: Pass,
    overlap: NDArray[np.complex64],
    chosen: NDArray[np.intp],
    received: NDArray[np.complex64],
) -> NDArray[np.complex64]:
    """Signals ``(n_chosen, 2, n_rx, n_symb, 12)`` of the chosen candidates that together fit the blocks best."""
    time, frequency = found.time[chosen], found.frequency[chosen]
    despread = (received[candidates.block[chosen]] @ frequency.conj()[:, :, None, :, None])[..., 0]
    target = (time.conj()[:, :, None] * despread).sum(axis=-1).transpose(1, 0, 2)
    loading = np.eye(len(chosen), dtype=np.float32) * np.float32(_LOADING * N_SC_RB * time.shape[2])
    gain = np.linalg.solve(overlap[:, chosen[:, None], chosen] + loading, target).transpose(1, 0, 2)
    wave = time[:, :, None, :, None] * frequency[:, :, None, None, :]
    return np.asarray(gain[..., None, None] * wave, np.complex64)


def detect(
    ul: UplinkConfig,
    candidates: Candidates,
    received: NDArray[np.complex64],
    n_terms: NDArray[np.intp],
    false_alarm: float,
) -> list[Signal]:
    """Decide all candidates of a subframe.

    In rounds, each candidate is estimated with all others taken out that were found before. Those that no stronger
    one's leakage explains are then found in addition, until there are no more.

    Args:
        ul: the uplink.
        candidates: n signals that may have been sent.
        received: complex64 ``(n_blocks, 2, n_rx, n_symb_slot, 12)``: the pairs of resource blocks without base sequence
            and cell-specific shift; symbols that no candidate uses are zero.
        n_terms: intp ``(n_blocks,)``, resource elements times antennas in use in each pair.
        false_alarm: probability that a candidate is found in noise.
    """
    n, branches = len(candidates.block), 2 * received.shape[2]
    search, sought = _search(ul.cp), _for_kernel(candidates)
    leakage, size = _leakage(candidates), (N_SC_RB * candidates.n_symbols).T
    n_hypotheses = candidates.n_hypotheses.tolist()
    accepted = np.zeros(n, np.bool_)
    views, residual = received[candidates.block], received
    # of two equal ones the first
    order = np.float32(1) + np.float32(1e-5) * np.arange(n, 0, -1, dtype=np.float32)
    for _ in range(_MAX_ROUNDS):
        found = Pass(*search.estimate(sought, views))
        energy = found.energy.sum(axis=1)
        n_found = np.bincount(candidates.block[accepted], minlength=len(received))[candidates.block]
        terms = np.maximum(n_terms[candidates.block] - branches * (1 + n_found - accepted), branches)
        noise = np.maximum(found.total - energy, np.float32(1e-7) * found.total + np.float32(1e-30)) / terms
        metric = energy / noise
        leaks = np.einsum("sij,js->ij", leakage, found.energy)
        floor = _MISMATCH * np.where(accepted, leaks, 0).max(axis=1, initial=0)
        weak = [threshold(_CANDIDATE_RATE, branches, t, h) for t, h in zip(terms.tolist(), n_hypotheses, strict=True)]
        new = ~accepted & (metric > weak) & (energy > floor)
        if not new.any():
            break
        overlap = _overlap(candidates, found)
        share = (overlap.real**2 + overlap.imag**2) / (size[:, :, None] * size[:, None])
        rank = energy * order
        rivals = (rank > rank[:, None]) & ~accepted
        new &= energy > _DOUBT * np.where(rivals, np.einsum("sij,js->ij", share, found.energy), 0).max(axis=1)
        if not new.any():
            break
        accepted |= new
        chosen = np.flatnonzero(accepted)
        signals = _signals(candidates, found, overlap, chosen, received)
        member = (candidates.block[chosen] == np.arange(len(received))[:, None]).astype(np.complex64)
        residual = received - (member @ signals.reshape(len(chosen), -1)).reshape(received.shape)
        views = residual[candidates.block]
        views[chosen] += signals
    limit = [threshold(false_alarm, branches, t, h) for t, h in zip(terms.tolist(), n_hypotheses, strict=True)]
    limits = np.maximum(np.array(limit), floor / noise)
    columns = (metric, limits, noise, energy, found.delay, found.turn, found.ack, found.payload)
    return [Signal(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
