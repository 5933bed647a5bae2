"""What a receiver reports for spatial multiplexing: rank, precoders and channel quality (TS 36.213 7.2).

A precoder is chosen for the mutual information of its layers after linear MMSE detection, over a subband or the whole
band, and the rank for what all of them give together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import N_SC_RB
from picocell.phy.lte.codebook import closed_loop_entries, codebook
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.spatial import layers_of
from picocell.phy.lte.tables import rows

F64 = NDArray[np.float64]

_SUBCARRIERS: Final = (1, 5, 9)
"""Of each resource block these are looked at, in the middle symbol of each slot: the channel changes little between."""

_GAP: Final = 10**0.25
"""Codes are taken to need 2.5 dB more than mutual information says: the CQIs' published thresholds need 2 to 3 dB."""

_SINGLE_THREAD: Final = 60_000
"""Products that a matrix multiplication may take in one thread."""

_CQI: Final = "36213_7.2.3-1_cqi"


@dataclass(frozen=True, slots=True)
class Report:
    """A receiver's report.

    Attributes:
        rank: layers.
        pmi: codebook index of each PRB of the cell, or one for all of them.
        cqi: CQI 0..15 of each code word (TS 36.213 Table 7.2.3-1), over the whole band.
        rates: mutual information of each layer in bits a resource element, mean over the band.
    """

    rank: int
    pmi: tuple[int, ...]
    cqi: tuple[int, ...]
    rates: tuple[float, ...]


@cache
def _efficiencies() -> tuple[float, ...]:
    """Bits a resource element by CQI; CQI 0 has none."""
    return tuple(float(row["efficiency"] or 0) for row in rows(_CQI))


def cqi_of(rate: float) -> int:
    """Largest CQI whose efficiency a rate in bits a resource element bears (TS 36.213 Table 7.2.3-1)."""
    return max(cqi for cqi, efficiency in enumerate(_efficiencies()) if efficiency <= max(rate, 0.0))


def layer_sinr(h: NDArray[np.complex64], noise_var: float, precoders: NDArray[np.complex64]) -> F64:
    """SINR of every layer after linear MMSE detection, under each of some precoders.

    Args:
        h: complex64 (n_rx, n_ports, n) channel.
        noise_var: noise power of a resource element and receive antenna.
        precoders: complex64 (n_entries, n_ports, n_layers).

    Returns:
        float64 (n_entries, n_layers, n).
    """
    n_entries, n_ports, n_layers = precoders.shape
    gram = (h.conj()[:, :, None] * h[:, None]).sum(axis=0).reshape(n_ports * n_ports, -1)
    pairs = (precoders.conj()[:, :, None, :, None] * precoders[:, None, :, None, :]).transpose(0, 3, 4, 1, 2)
    seen = _product(pairs.reshape(-1, n_ports * n_ports), gram).reshape(n_entries, n_layers, n_layers, -1)
    seen *= np.float32(1 / max(noise_var, 1e-30))
    power = np.einsum("elln->eln", seen).real.astype(np.float64)
    if n_layers == 1:
        sinr = power
    elif n_layers == 2:
        cross = np.abs(seen[:, 0, 1].astype(np.complex128)) ** 2
        sinr = power - cross[:, None] / (1 + power[:, ::-1])
    else:
        matrices = seen.transpose(0, 3, 1, 2).astype(np.complex128)
        inverse = np.linalg.inv(matrices + np.eye(n_layers))
        sinr = 1 / np.maximum(np.einsum("enll->eln", inverse).real, 1e-30) - 1
    return np.asarray(np.maximum(sinr, 0.0), np.float64)


def _product(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Matrix product in pieces that the library does in one thread: starting more takes longer than all of it."""
    out = np.empty((a.shape[0], b.shape[1]), np.complex64)
    columns = max(_SINGLE_THREAD // a.size, 1)
    for first in range(0, b.shape[1], columns):
        part = slice(first, first + columns)
        np.matmul(a, b[:, part], out=out[:, part])
    return out


def _sample(h: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Channel at some resource elements, (n_rx, n_ports, n): symbols, in each PRBs, in each subcarriers."""
    n_rx, n_ports, n_symb, n_sc = h.shape
    by_prb = h[:, :, [n_symb // 4, 3 * n_symb // 4]].reshape(n_rx, n_ports, 2, n_sc // N_SC_RB, N_SC_RB)
    return by_prb[..., _SUBCARRIERS].reshape(n_rx, n_ports, -1)


def _best(rates: F64, n_prb: int, granularity: int) -> tuple[NDArray[np.intp], F64]:
    """Best entry of each subband, and the layers' rates with these, mean over the band.

    Args:
        rates: (n_entries, n_layers, n) bits of each element, in the order of the sample.
        n_prb: of the cell.
        granularity: PRBs of a subband.
    """
    by_prb = rates.reshape(*rates.shape[:2], -1, n_prb, len(_SUBCARRIERS)).mean(axis=(2, 4))
    sums = np.add.reduceat(by_prb, np.arange(0, n_prb, granularity), axis=2)
    best = np.argmax(sums.sum(axis=1), axis=0)
    return best, sums[best, :, np.arange(best.size)].sum(axis=0) / n_prb


def report(
    channel: ChannelEstimate,
    *,
    ranks: Sequence[int] = (),
    granularity: int = 0,
    entries: Sequence[int] | None = None,
) -> Report:
    """Choose rank, precoders and CQI for a subframe's channel.

    Args:
        channel: estimate of a cell with 2 or 4 ports.
        ranks: that may be chosen (TS 36.213 7.2: codebook subset restriction); all that the antennas bear if empty.
        granularity: PRBs that share a precoder (TS 36.213 7.2.1); 0 for the whole band.
        entries: codebook indices that may be chosen, with one rank only; all if None.

    Raises:
        ValueError: a rank, a granularity or an entry that does not exist.
    """
    n_rx, n_ports, _, n_sc = channel.h.shape
    n_prb = n_sc // N_SC_RB
    if granularity < 0:
        raise ValueError(f"granularity {granularity} is below 0")
    if entries is not None and len(ranks) != 1:
        raise ValueError("a choice of entries needs one rank")
    h = _sample(channel.h)
    found: Report | None = None
    for rank in ranks or range(1, min(n_rx, n_ports) + 1):
        allowed = np.array(closed_loop_entries(n_ports, rank) if entries is None else entries, np.intp)
        if not allowed.size or not set(allowed.tolist()) <= set(closed_loop_entries(n_ports, rank)):
            raise ValueError(f"entries {allowed.tolist()} are none, or not of the codebook of rank {rank}")
        sinr = layer_sinr(h, channel.noise_var, codebook(n_ports, rank)[allowed])
        best, rates = _best(np.log2(1 + sinr / _GAP), n_prb, granularity or n_prb)
        capped = np.minimum(rates, _efficiencies()[-1])
        if found is None or capped.sum() > sum(min(rate, _efficiencies()[-1]) for rate in found.rates):
            chosen = allowed[best]
            pmi = np.repeat(chosen, granularity)[:n_prb] if granularity else chosen
            found = Report(rank, tuple(pmi.tolist()), _cqi(rank, rates), tuple(rates.tolist()))
    if found is None:
        raise ValueError("there is no rank to choose")
    return found


def _cqi(rank: int, rates: F64) -> tuple[int, ...]:
    """CQI of each code word: of its layers the mean."""
    first, found = 0, []
    for count in layers_of(min(rank, 2), rank):
        found.append(cqi_of(float(np.mean(rates[first : first + count]))))
        first += count
    return tuple(found)
