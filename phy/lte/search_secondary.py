"""Second stage of cell search: the secondary synchronisation signal beside a primary one (TS 36.211 6.11.2).

In noise alone the statistic of one stretch, |<w s, y>|^2 / (|w|^2 |y|^2), is Beta(1, D - 1) distributed in D dimensions
whatever the channel estimate w is, because y comes from another symbol.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte import frame, sync
from picocell.phy.lte.cell import Cell, CyclicPrefix, Duplex
from picocell.phy.lte.search_primary import TONES, Candidate, N, derotated, elements, windows


def match_secondary(x: NDArray[np.complex64], peak: Candidate, duplex: Duplex) -> None:
    """Complete a candidate with the secondary signal, of all identities, orders and prefixes, that fits best."""
    for cp in CyclicPrefix:
        statistic, used = _secondary_statistic(x, peak, sss_distance(cp, duplex))
        best = int(statistic.argmax())
        if used and statistic.flat[best] / used > peak.secondary:
            order, peak.n_id_1 = divmod(best, 168)
            peak.first_subframe = 5 * order
            peak.cp, peak.secondary = cp, float(statistic.flat[best] / used)
    peak.independent = _independent_stretches(x, peak, sss_distance(peak.cp, duplex))


@cache
def sss_distance(cp: CyclicPrefix, duplex: Duplex) -> int:
    """Samples from the secondary signal's window to that of the primary signal which follows it."""
    cell = Cell(0, cp=cp, duplex=duplex)
    later = 0 if frame.has_pss(cell, 0) else frame.symbol_starts(N, cp)[-1]
    return later + useful_start(cp, frame.pss_symbol(cell)) - useful_start(cp, frame.sss_symbol(cell))


def useful_start(cp: CyclicPrefix, symbol: int) -> int:
    """Sample of the subframe at which a symbol starts after its cyclic prefix."""
    return frame.symbol_starts(N, cp)[symbol] + frame.cp_lengths(N, cp)[symbol % (len(frame.cp_lengths(N, cp)))]


@cache
def secondary_signals(n_id_2: int) -> NDArray[np.float32]:
    """All secondary signals of an N_ID^(2): float32 ``(2, 168, 62)`` for subframes 0 and 5."""
    return np.stack([[sync.sss(3 * n_id_1 + n_id_2, subframe) for n_id_1 in range(168)] for subframe in (0, 5)])


@cache
def _smoother() -> NDArray[np.float32]:
    """Raised-cosine average over neighbouring subcarriers, ``(62, 62)``: passes delays to about a cyclic prefix."""
    distance = np.abs(TONES[:, None] - TONES[None, :])
    return np.where(distance <= 6, 1 + np.cos(np.pi * distance / 7), 0.0).astype(np.float32)


def _secondary_elements(
    x: NDArray[np.complex64], peak: Candidate, distance: int
) -> tuple[NDArray[np.int64], NDArray[np.complex64], NDArray[np.complex64]]:
    """Where a secondary signal would lie: stretches ``(m,)``, channel and elements ``(n_rx, m, 62)`` each."""
    pss_at, pss_windows = windows(x, peak.position)
    sss_at, sss_windows = windows(x, peak.position - distance)
    seen = elements(derotated(pss_windows, peak.cfo)) * sync.pss(peak.n_id_2).conj()
    # a secondary signal whose primary one is cut off borrows the channel of the nearest primary one
    nearest = np.abs(sss_at[:, None] - pss_at[None, :]).argmin(axis=1)
    channel = np.asarray(seen @ _smoother(), np.complex64)
    return sss_at, channel[:, nearest], elements(derotated(sss_windows, peak.cfo))


def _secondary_statistic(x: NDArray[np.complex64], peak: Candidate, distance: int) -> tuple[NDArray[np.float64], int]:
    """Secondary statistic of each hypothesis, summed over the stretches.

    Returns:
        float64 ``(2, 168)``: stretch 0 is subframe 0 or 5, and N_ID^(1); and the number of stretches summed.
    """
    at, channel, y = _secondary_elements(x, peak, distance)
    scale = np.sum(np.abs(channel) ** 2, axis=(0, 2)) * np.sum(np.abs(y) ** 2, axis=(0, 2))
    product = np.sum(channel.conj() * y, axis=0)
    matched = np.abs(product @ secondary_signals(peak.n_id_2).reshape(-1, sync.LENGTH).T) ** 2
    statistic = (matched / np.where(scale > 0, scale, np.inf)[:, None]).reshape(-1, 2, 168)
    even = at % 2 == 0
    return statistic[even].sum(axis=0) + statistic[~even].sum(axis=0)[::-1], len(at)


def _independent_stretches(x: NDArray[np.complex64], peak: Candidate, distance: int) -> float:
    """How many stretches count as independent: noise differs in all of them, what a cell leaks repeats each frame.

    The part of the elements that the secondary signal leaves unexplained is correlated between frames; n averaged
    variables whose amplitudes have the coherence c average like n / (1 + (n - 1) c^2) independent ones.
    """
    at, channel, y = _secondary_elements(x, peak, distance)
    order = (at + peak.first_subframe // 5) % 2
    wanted = channel * secondary_signals(peak.n_id_2)[order, peak.n_id_1]
    wanted, y = (np.moveaxis(a, 1, 0).reshape(len(at), -1) for a in (wanted, y))
    power = np.maximum(np.sum(np.abs(wanted) ** 2, axis=1), np.finfo(np.float32).tiny)
    rest = y - wanted * (np.sum(wanted.conj() * y, axis=1) / power)[:, None]
    rest /= np.maximum(np.linalg.norm(rest, axis=1), np.finfo(np.float32).tiny)[:, None]
    total = 0.0
    for parity in (0, 1):
        unit = rest[at % 2 == parity]
        n = len(unit)
        coherence = 0.0
        if n > 1:
            pairs = np.abs(unit @ unit.conj().T) ** 2
            coherence = max((float(pairs.sum()) - n) / (n * (n - 1)) - 1 / y.shape[1], 0.0)
        total += n / (1 + max(n - 1, 0) * coherence)
    return max(total, 1.0)
