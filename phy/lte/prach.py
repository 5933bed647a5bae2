"""Random access channel: when and where preambles are sent, and their samples (TS 36.211 5.7; FDD, formats 0 to 3).

The delay unit of this channel is T_SEQ of one repetition over N_ZC: 800 us / 839.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import Fft
from picocell.phy.lte.cell import N_SC_RB
from picocell.phy.lte.frame import SFN_MODULO, SUBCARRIER_SPACING
from picocell.phy.lte.tables import rows
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig

N_PREAMBLES: Final = 64
N_ZC: Final = 839
"""Length of the Zadoff-Chu sequence of formats 0 to 3 (TS 36.211 Table 5.7.2-1)."""

SEQUENCE_S: Final = 0.0008
"""Seconds of one repetition of the sequence: 24576 T_s."""

N_PRB: Final = 6
"""Resource blocks that a preamble takes (TS 36.211 5.7.3)."""

FFT_SIZES: Final = (128, 256, 384, 512, 768, 1024, 1536, 2048)
"""FFT sizes of the sample rates that LTE uses, 1.92 to 30.72 Msps."""

_T_S_HZ: Final = 30_720_000
_REPETITION: Final = 24_576
# 1.92 Msps: every LTE rate is a multiple, so longer transforms are split into ones of this length
_SHORT: Final = 1536


@dataclass(frozen=True, slots=True)
class PreambleFormat:
    """A preamble format (TS 36.211 Tables 5.7.1-1 and 5.7.3-1).

    Attributes:
        number: 0..3.
        t_cp: cyclic prefix in T_s.
        t_seq: sequence in T_s, with its repetition in formats 2 and 3.
        spacing_hz: subcarrier spacing Delta f_RA.
        phi: first subcarrier within the resource blocks, phi.
    """

    number: int
    t_cp: int
    t_seq: int
    spacing_hz: int
    phi: int

    @property
    def repetitions(self) -> int:
        """How often the sequence is sent: 1, or 2 in formats 2 and 3."""
        return self.t_seq // _REPETITION

    @property
    def subframes(self) -> int:
        """Subframes that an opportunity takes: 1, 2, 2, 3."""
        return -(-(self.t_cp + self.t_seq) * 1000 // _T_S_HZ)


def preamble_format(ul: UplinkConfig) -> PreambleFormat:
    """Preamble format of the cell (TS 36.211 Tables 5.7.1-1 and 5.7.1-2).

    Raises:
        ValueError: a prach-ConfigIndex that has no meaning in FDD.
    """
    number = _config_row(ul.prach.config_index)["preamble_format"]
    row = rows("36211_5.7.1-1_prach_formats")[int(number)]
    return PreambleFormat(int(number), int(row["T_CP"]), int(row["T_SEQ"]), int(row["delta_f_RA"]), int(row["phi"]))


def is_opportunity(ul: UplinkConfig, sfn: int, subframe: int) -> bool:
    """Whether a preamble may start in this subframe (TS 36.211 Table 5.7.1-2).

    Raises:
        ValueError: sfn outside 0..1023, subframe outside 0..9, or a prach-ConfigIndex that has no meaning in FDD.
    """
    if not 0 <= sfn < SFN_MODULO:
        raise ValueError(f"sfn {sfn} is outside 0..{SFN_MODULO - 1}")
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    even_only, subframes = _schedule(ul.prach.config_index)
    return subframe in subframes and not (even_only and sfn % 2)


def first_prb(ul: UplinkConfig) -> int:
    """First of the six resource blocks, n_PRB^RA = n_PRBoffset^RA (TS 36.211 5.7.1, frame structure type 1).

    Raises:
        ValueError: blocks that do not fit into the uplink's bandwidth.
    """
    if ul.prach.freq_offset > ul.n_prb - N_PRB:
        raise ValueError(f"freq_offset {ul.prach.freq_offset} is outside 0..{ul.n_prb - N_PRB} of {ul.n_prb} PRB")
    return ul.prach.freq_offset


def cyclic_shift_step(prach: PrachConfig) -> int:
    """N_CS (TS 36.211 Table 5.7.2-2, unrestricted set); 0 means one preamble a root sequence.

    Raises:
        ValueError: restricted sets (high speed), or a zero correlation zone that the table lacks.
    """
    if prach.high_speed:
        raise ValueError("restricted sets of cyclic shifts (high_speed) are not supported yet")
    return int(rows("36211_5.7.2-2_prach_ncs")[prach.zero_correlation_zone]["unrestricted"])


def preambles(prach: PrachConfig) -> tuple[tuple[int, int], ...]:
    """Physical root u and cyclic shift C_v of each of the 64 preambles (TS 36.211 5.7.2).

    Raises:
        ValueError: as :func:`cyclic_shift_step`.
    """
    n_cs = cyclic_shift_step(prach)
    per_root = N_ZC // n_cs if n_cs else 1
    order = rows("36211_5.7.2-4_prach_root_order_839")
    allotted = []
    for preamble in range(N_PREAMBLES):
        root, v = divmod(preamble, per_root)
        logical = (prach.root_sequence_index + root) % len(order)
        allotted.append((int(order[logical]["u"]), v * n_cs))
    return tuple(allotted)


@cache
def root_spectrum(u: int) -> NDArray[np.complex64]:
    """DFT of root sequence u, scaled to elements of unit modulus (TS 36.211 5.7.2, 5.7.3).

    Args:
        u: physical root, 1..838.

    Returns:
        complex64 ``(839,)``, read-only.

    Raises:
        ValueError: u outside 1..838.
    """
    if not 1 <= u < N_ZC:
        raise ValueError(f"root {u} is outside 1..{N_ZC - 1}")
    n = np.arange(N_ZC)
    # n (n + 1) / 2 is whole, so the phase is a whole number of N_ZC-ths of a turn
    sequence = np.exp(-2j * np.pi * (u * (n * (n + 1) // 2) % N_ZC) / N_ZC)
    spectrum = np.asarray(np.fft.fft(sequence) / np.sqrt(N_ZC), np.complex64)
    spectrum.flags.writeable = False
    return spectrum


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the preamble lies in samples and in transform bins.

    Attributes:
        n_cp: samples of the cyclic prefix.
        n_seq: samples of one repetition: the transform whose bins are 1.25 kHz apart.
        repetitions: how often the sequence comes.
        n_total: samples of prefix and all repetitions.
        first_bin: bin of the first subcarrier, phi + K (k_0 + 1/2); negative below the carrier.
    """

    n_cp: int
    n_seq: int
    repetitions: int
    n_total: int
    first_bin: int


def placement(ul: UplinkConfig, sample_rate: int) -> Placement:
    """Samples and bins of the cell's preambles at a sample rate (TS 36.211 5.7.3).

    Raises:
        ValueError: no LTE sample rate, one too low for the bandwidth, or a configuration that is not allowed.
    """
    fft, rest = divmod(sample_rate, SUBCARRIER_SPACING)
    if rest or fft not in FFT_SIZES or fft <= ul.n_sc:
        allowed = ", ".join(f"{size * SUBCARRIER_SPACING / 1e6:g}" for size in FFT_SIZES if size > ul.n_sc)
        raise ValueError(f"sample rate {sample_rate} is not allowed at {ul.n_prb} PRB: use one of {allowed} Msps")
    form = preamble_format(ul)
    n_cp, n_seq = form.t_cp * fft // 2048, _REPETITION * fft // 2048
    k_0 = first_prb(ul) * N_SC_RB - ul.n_sc // 2
    ratio = SUBCARRIER_SPACING // form.spacing_hz
    return Placement(
        n_cp, n_seq, form.repetitions, n_cp + form.repetitions * n_seq, form.phi + ratio * k_0 + ratio // 2
    )


def generate(ul: UplinkConfig, preamble: int, sample_rate: int) -> NDArray[np.complex64]:
    """Samples of a preamble from the start of the UE's subframe, N_TA = 0 (TS 36.211 5.7.3).

    Args:
        ul: uplink of the cell.
        preamble: 0..63.
        sample_rate: samples per second, one of LTE's (1.92 to 30.72 Msps, standard or three quarters of it).

    Returns:
        complex64 ``(n,)``, T_CP + T_SEQ long, mean power 1.

    Raises:
        ValueError: a preamble, sample rate or configuration that is not allowed.
    """
    if not 0 <= preamble < N_PREAMBLES:
        raise ValueError(f"preamble {preamble} is outside 0..{N_PREAMBLES - 1}")
    return _samples(ul, preamble, sample_rate).copy()


@lru_cache(maxsize=8)
def _samples(ul: UplinkConfig, preamble: int, sample_rate: int) -> NDArray[np.complex64]:
    """A UE that gets no answer sends again, mostly another preamble; a few are kept, since each takes up to 250 kB."""
    place = placement(ul, sample_rate)
    u, c_v = preambles(ul.prach)[preamble]
    k = np.arange(N_ZC)
    shifted = root_spectrum(u) * np.exp(2j * np.pi * (k * c_v % N_ZC) / N_ZC)
    bins = np.zeros(place.n_seq, np.complex128)
    bins[(k + place.first_bin) % place.n_seq] = shifted
    once = np.fft.ifft(bins) * (place.n_seq / np.sqrt(N_ZC))
    prefix = once[np.arange(-place.n_cp, 0) % place.n_seq]
    return np.concatenate([prefix, *[once] * place.repetitions]).astype(np.complex64)


class Subcarriers:
    """The 839 subcarriers of every repetition of received preambles.

    A transform of 0.8 ms is split into transforms of 1536 samples, of which only the bins needed are combined.

    Args:
        ul: uplink of the cell.
        sample_rate: samples per second.

    Raises:
        ValueError: as :func:`placement`.
    """

    def __init__(self, ul: UplinkConfig, sample_rate: int) -> None:
        self.placement = placement(ul, sample_rate)
        self._split = self.placement.n_seq // _SHORT
        bins = np.arange(N_ZC) + self.placement.first_bin
        self._bins = bins % _SHORT
        turns = np.outer(np.arange(self._split), bins) / self.placement.n_seq
        self._twiddles = (np.exp(-2j * np.pi * turns) / self.placement.n_seq).astype(np.complex64)
        self._fft = Fft(_SHORT)

    def receive(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Amplitudes of the subcarriers: a tone of amplitude 1 on a subcarrier gives 1.

        Args:
            samples: complex64 ``(n_rx, n)`` from the start of the subframe, at least T_CP + T_SEQ long.

        Returns:
            complex64 ``(n_rx * repetitions, 839)``; the repetitions of an antenna follow each other.

        Raises:
            ValueError: another shape, or too few samples.
        """
        place = self.placement
        if samples.ndim != 2 or not len(samples) or samples.shape[1] < place.n_total:
            raise ValueError(f"samples of shape {samples.shape} do not fit: (n_rx, {place.n_total} or more) is needed")
        body = samples[:, place.n_cp : place.n_total].reshape(-1, _SHORT, self._split)
        phases = np.ascontiguousarray(body.transpose(0, 2, 1))
        spectra = self._fft.forward(phases.reshape(-1, _SHORT)).reshape(phases.shape)[..., self._bins]
        return np.asarray((spectra * self._twiddles).sum(axis=1), np.complex64)


@cache
def _config_row(index: int) -> dict[str, str]:
    row = rows("36211_5.7.1-2_prach_fdd_config")[index]
    if row["preamble_format"] == "N/A":
        raise ValueError(f"prach-ConfigIndex {index} is not allowed in FDD (TS 36.211 Table 5.7.1-2)")
    return row


@cache
def _schedule(index: int) -> tuple[bool, frozenset[int]]:
    """Whether only even frames have opportunities, and the subframes that have."""
    row = _config_row(index)
    return row["sfn"] == "Even", frozenset(int(subframe) for subframe in row["subframes"].split())
