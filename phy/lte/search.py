"""Cell search: from samples to identity, cyclic prefix, frame timing and carrier offset (TS 36.211 6.11).

1. Every 5 ms stretch is correlated with the three primary signals at a comb of carrier offsets. The correlation is
   normalised by the power in its own window and summed over the stretches: a statistic that knows no input level.
2. Its peaks above a constant-false-alarm threshold are candidates. For each the primary signal gives a carrier offset
   and a channel estimate, with which the 168 secondary signals in both orders are matched where each cyclic prefix
   would put them.
3. A candidate whose secondary statistic passes its own threshold is a cell; the cyclic prefixes then refine its offset.

In noise alone the secondary statistic of one stretch, |<w s, y>|^2 / (|w|^2 |y|^2), is Beta(1, D - 1) distributed in D
dimensions whatever the channel estimate w is, because y comes from another symbol. A sum of I of them has a lighter
tail than a Gamma variable of shape I and rate D - 1, which sets the threshold for the stated false-alarm probability.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv

from picocell.phy.lte import crs, frame, sync
from picocell.phy.lte.cell import Cell, CyclicPrefix, Duplex
from picocell.phy.lte.search_primary import (
    FRAME,
    HALF_FRAME,
    SAMPLE_RATE,
    Candidate,
    N,
    derotated,
    elements,
    primary_peaks,
    windows,
)
from picocell.phy.lte.search_secondary import match_secondary, secondary_signals, sss_distance, useful_start

_SUBFRAME: Final = HALF_FRAME // 5
_N_HYPOTHESES: Final = 168 * 2 * len(CyclicPrefix)
_DUPLICATE_RADIUS: Final = 64
_SHADOW: Final = 0.25
_SHADOW_RADIUS: Final = 2 * N


@dataclass(frozen=True, slots=True)
class FoundCell:
    """A cell that the search found.

    Attributes:
        pci: physical-layer cell identity.
        cp: downlink cyclic prefix.
        frame_start: sample at which a radio frame starts, in -9600..9600 and fractional; frames repeat every 19200.
        cfo_hz: carrier offset of the signal in hertz: positive if it lies above the receiver's frequency.
        metric: mean normalised secondary correlation, 0..1; 1 is a noiseless cell.
        snr_db: signal to noise ratio per resource element of the synchronisation signals.
        rsrp_db: power per resource element of the synchronisation signals, in dB relative to 1 (unitary OFDM).
        duplex: frame structure.
    """

    pci: int
    cp: CyclicPrefix
    frame_start: float
    cfo_hz: float
    metric: float
    snr_db: float
    rsrp_db: float
    duplex: Duplex = Duplex.FDD


class CellSearch:
    """Searches recordings at 1.92 Msps for cells.

    Args:
        false_alarm: probability that a search of noise alone names a cell.
        max_candidates: peaks of the primary correlation that are looked at.
        duplex: frame structure to search for.

    Raises:
        ValueError: a probability outside 0..0.1 or no candidates.
    """

    def __init__(self, false_alarm: float = 1e-4, max_candidates: int = 32, duplex: Duplex = Duplex.FDD) -> None:
        if not 0 < false_alarm <= 0.1:
            raise ValueError(f"false_alarm {false_alarm} is outside 0..0.1")
        if max_candidates < 1:
            raise ValueError(f"max_candidates {max_candidates} is not allowed: at least 1")
        self.duplex = duplex
        self.max_candidates = max_candidates
        self._p_secondary = false_alarm / (max_candidates * _N_HYPOTHESES)

    def search(self, samples: NDArray[np.complex64], max_cells: int = 8) -> list[FoundCell]:
        """Find the cells in a recording, strongest first.

        40 ms are a good length. Much longer recordings blur when the sample rate is off: the peak moves by one sample
        in 26 ms at 20 ppm.

        Args:
            samples: complex ``(n,)`` or ``(n_rx, n)`` at 1.92 Msps, of any level; at least 5 ms (9600 samples).
            max_cells: most cells to return.

        Returns:
            The cells, strongest first; empty if there is none.

        Raises:
            ValueError: too few samples, another shape, or samples that are not finite.
        """
        x, level_db = _levelled(samples)
        peaks = primary_peaks(x, self.max_candidates)
        for peak in peaks:
            match_secondary(x, peak, self.duplex)
        cells = [_refined(x, peak, self.duplex, level_db) for peak in self._accepted(peaks, x.shape[0])]
        return sorted(cells, key=lambda cell: -cell.rsrp_db)[:max_cells]

    def _accepted(self, peaks: list[Candidate], n_rx: int) -> list[Candidate]:
        """The candidates that are cells: over the threshold, and no shadow of a stronger one."""
        rate = n_rx * sync.LENGTH - 1.0
        accepted: list[Candidate] = []
        for peak in sorted(peaks, key=lambda p: -(p.secondary + p.metric)):
            if any(_shadowed(peak, other) for other in peaks):
                continue
            threshold = float(gammainccinv(peak.independent, self._p_secondary)) / (peak.independent * rate)
            # a peak at a wrong carrier offset or place keeps the primary correlation and loses the secondary one
            if peak.secondary < max(threshold, 0.4 * peak.metric):
                continue
            if not any(_same_cell(peak, other) for other in accepted):
                accepted.append(peak)
        return accepted


def _levelled(samples: NDArray[np.complex64]) -> tuple[NDArray[np.complex64], float]:
    """Samples as complex64 ``(n_rx, n)`` with a largest component of 1, and the decibels that were taken off them."""
    x = np.atleast_2d(np.asarray(samples))
    if x.ndim != 2 or x.shape[0] == 0:
        raise ValueError(f"samples of shape {np.shape(samples)} do not fit: (n,) or (n_rx, n) is needed")
    if x.shape[1] < HALF_FRAME:
        raise ValueError(f"{x.shape[1]} samples are too few: cell search needs at least {HALF_FRAME} (5 ms)")
    peak = max(float(np.abs(x.real).max()), float(np.abs(x.imag).max()))
    if not np.isfinite(peak):
        raise ValueError("samples are not finite")
    scale = 1.0 / peak if peak > 0 else 1.0
    return np.ascontiguousarray(x * scale, np.complex64), -20 * float(np.log10(scale))


def _distance(a: Candidate, b: Candidate) -> int:
    """Samples between two peaks, modulo 5 ms."""
    return abs((a.position - b.position + HALF_FRAME // 2) % HALF_FRAME - HALF_FRAME // 2)


def _shadowed(peak: Candidate, other: Candidate) -> bool:
    """Whether a peak is so near to a much higher one that it can be made of that one's two signals."""
    return peak.metric < _SHADOW * other.metric and _distance(peak, other) <= _SHADOW_RADIUS


def _same_cell(a: Candidate, b: Candidate) -> bool:
    """Whether two candidates are one cell, or one a side lobe of the other."""
    return a.n_id_2 == b.n_id_2 and (a.n_id_1 == b.n_id_1 or _distance(a, b) <= _DUPLICATE_RADIUS)


def _refined(x: NDArray[np.complex64], peak: Candidate, duplex: Duplex, level_db: float) -> FoundCell:
    """The report on an accepted candidate: its frame start, its carrier offset from the prefixes, its power."""
    cell = Cell(3 * peak.n_id_1 + peak.n_id_2, cp=peak.cp, duplex=duplex)
    pss_subframe = 0 if frame.has_pss(cell, 0) else 1
    start = (
        peak.position - useful_start(peak.cp, frame.pss_symbol(cell)) - (pss_subframe + peak.first_subframe) * _SUBFRAME
    )
    cfo = _cfo_from_prefixes(x, start, peak.cp, peak.cfo)
    cfo += _cfo_left(x, start, cell, cfo)
    rsrp, noise = _powers(x, peak, cfo, sss_distance(peak.cp, duplex))
    return FoundCell(
        pci=cell.pci,
        cp=peak.cp,
        frame_start=(start + peak.fraction + HALF_FRAME) % FRAME - HALF_FRAME,
        cfo_hz=cfo,
        metric=peak.secondary,
        snr_db=10 * float(np.log10(rsrp / noise)),
        rsrp_db=10 * float(np.log10(rsrp)) + level_db,
        duplex=duplex,
    )


def _cfo_from_prefixes(x: NDArray[np.complex64], start: int, cp: CyclicPrefix, near: float) -> float:
    """Carrier offset from all cyclic prefixes, of the values 15 kHz apart that nearest to ``near``."""
    n_fine = x.shape[1] - N
    lengths = np.array(2 * frame.cp_lengths(N, cp))
    within = np.concatenate([s + np.arange(1, c) for s, c in zip(frame.symbol_starts(N, cp), lengths, strict=False)])
    first = start % (_SUBFRAME) - _SUBFRAME
    at = (np.arange(first, n_fine, _SUBFRAME)[:, None] + within).ravel()
    at = at[(at >= 0) & (at < n_fine)]
    turn = np.angle(np.sum(np.conj(x[:, at]) * x[:, at + N])) / (2 * np.pi)
    spacing = frame.SUBCARRIER_SPACING
    return float(turn + np.round(near / spacing - turn)) * spacing


def _cfo_left(x: NDArray[np.complex64], start: int, cell: Cell, cfo: float) -> float:
    """Carrier offset left after ``cfo``, from the reference signals of port 0 half a subframe apart; 0 if unheard.

    They lie in the central resource blocks whatever the bandwidth is. Good to 1 kHz either way.
    """
    subframes = np.arange(-(start // _SUBFRAME) - 1, (x.shape[1] - start) // _SUBFRAME + 1)
    inside = (start + subframes * _SUBFRAME >= 0) & (start + (subframes + 1) * _SUBFRAME <= x.shape[1])
    # of TDD the configuration is not known yet; subframes 0 and 5 are downlink in all of them
    subframes = subframes[inside & ((cell.duplex is Duplex.FDD) | (subframes % 5 == 0))]
    symbols, first = crs.positions(cell, 0)
    # a few samples early, so that a path before the strongest one is whole; the turn cancels
    at = np.array([useful_start(cell.cp, symbol) - 2 for symbol in symbols])
    samples = x[:, (start + subframes * _SUBFRAME)[:, None, None] + at[:, None] + np.arange(N)]
    tone = np.array(first)[:, None] + crs.SPACING * np.arange(12) - 36
    bins = np.fft.fft(derotated(samples, cfo), axis=-1)[..., np.arange(4)[:, None], (tone + (tone >= 0)) % N]
    pilots = bins * np.array([crs.sequence(cell, n, 0) for n in range(10)])[subframes % 10].conj()
    products = pilots[:, :, :2].conj() * pilots[:, :, 2:]
    total = complex(products.sum())
    if abs(total) ** 2 < 9 * float(np.sum(np.abs(products) ** 2)):
        return 0.0
    lag = float(at[2] - at[0]) / SAMPLE_RATE
    # each window was turned back from its own first sample: the turn of `cfo` from one to the next is still in
    turn = np.angle(total * np.exp(-2j * np.pi * cfo * lag))
    return float(turn) / (2 * np.pi * lag)


def _powers(x: NDArray[np.complex64], peak: Candidate, cfo: float, distance: int) -> tuple[float, float]:
    """Signal and noise power per resource element: neighbours agree in the channel and not in the noise."""
    _, primary = windows(x, peak.position)
    stretch, secondary = windows(x, peak.position - distance)
    order = (stretch + peak.first_subframe // 5) % 2
    known = secondary_signals(peak.n_id_2)[order, peak.n_id_1]
    channel = np.concatenate(
        [elements(derotated(primary, cfo)) * sync.pss(peak.n_id_2).conj(), elements(derotated(secondary, cfo)) * known],
        axis=1,
    )
    total = float(np.mean(np.abs(channel) ** 2))
    signal = float(np.abs(np.mean(channel[..., 1:] * channel[..., :-1].conj())))
    signal = min(max(signal, 1e-6 * total), (1 - 1e-6) * total)
    return signal, total - signal
