"""The one place where signal-to-noise ratios are turned into each other.

SNR is per resource element and receive antenna: mean power of a data-carrying resource element of the wanted signal,
all transmit antennas together and the mean gain of the channel being one, over the noise power of a resource element.
It is Es/N0 of a modulation symbol. Cyclic prefix, reference signals and control region are not counted into the energy
of a bit: Eb is the energy of the resource elements that carry the block over its information bits.
"""

from dataclasses import dataclass
from math import isfinite, log10
from typing import Final

DEFINITION: Final = (
    "SNR: per resource element and receive antenna, total over transmit antennas; Es/N0 = SNR; "
    "Eb/N0 = SNR - 10 log10(information bits / resource elements of the block)"
)
"""What is printed with results."""

PREAMBLE_DEFINITION: Final = (
    "SNR: of a preamble's subcarrier of 1.25 kHz, per receive antenna; Es/N0 = SNR; "
    "Eb/N0 = SNR - 10 log10(6 bits / subcarriers of the preamble)"
)
"""The same for random access preambles."""

_PREAMBLE_S: Final = 800e-6
_PREAMBLE_SUBCARRIERS: Final = 839


@dataclass(frozen=True, slots=True)
class Conversion:
    """Conversions for one kind of transport block.

    Attributes:
        info_bits: information bits of a block, without CRC.
        n_re: resource elements that one transmission of it takes.
        q_m: bits of a modulation symbol.
        layers: modulation symbols that are sent at once on a resource element; the SNR is that of all together.

    Raises:
        ValueError: a number below 1.
    """

    info_bits: int
    n_re: int
    q_m: int
    layers: int = 1

    def __post_init__(self) -> None:
        sizes = ("info_bits", self.info_bits), ("n_re", self.n_re), ("q_m", self.q_m), ("layers", self.layers)
        for name, value in sizes:
            if value < 1:
                raise ValueError(f"{name} {value} is not allowed: at least 1")

    @property
    def efficiency(self) -> float:
        """Information bits a resource element."""
        return self.info_bits / self.n_re

    @property
    def code_rate(self) -> float:
        """Information bits over coded bits."""
        return self.efficiency / (self.q_m * self.layers)

    @property
    def eb_n0_offset_db(self) -> float:
        """What is added to an SNR to get Eb/N0."""
        return -10 * log10(self.efficiency)

    def es_n0_db(self, snr_db: float) -> float:
        """Energy of a modulation symbol over N0: the SNR itself."""
        return snr_db

    def eb_n0_db(self, snr_db: float) -> float:
        """Energy of an information bit over N0, per receive antenna."""
        return snr_db + self.eb_n0_offset_db

    def ec_n0_db(self, snr_db: float) -> float:
        """Energy of a coded bit over N0."""
        return snr_db - 10 * log10(self.q_m * self.layers)

    def snr_db(self, eb_n0_db: float) -> float:
        """SNR of an Eb/N0."""
        return eb_n0_db - self.eb_n0_offset_db

    def text(self) -> str:
        """The conversion of these blocks in a line."""
        modulation = {1: "BPSK", 2: "QPSK"}.get(self.q_m) or f"{2**self.q_m}QAM"
        layers = f", {self.layers} layers" if self.layers > 1 else ""
        offset_db = round(self.eb_n0_offset_db, 2) + 0.0  # no -0.00
        return (
            f"Eb/N0 = SNR {offset_db:+.2f} dB ({self.info_bits} bits on {self.n_re} resource elements, "
            f"{modulation}{layers}, rate {self.code_rate:.3f})"
        )


def noise_power(snr_db: float) -> float:
    """Noise power of a resource element and receive antenna; the signal's is 1.

    Raises:
        ValueError: an SNR that is not finite.
    """
    if not isfinite(snr_db):
        raise ValueError(f"SNR {snr_db} dB is not finite")
    return float(10 ** (-snr_db / 10))


def sample_snr_db(snr_db: float, n_sc: int, fft: int) -> float:
    """SNR of time samples when `n_sc` of `fft` subcarriers are occupied: signal power over that of all noise."""
    return snr_db + 10 * log10(n_sc / fft)


def preamble_noise_power(snr_db: float, sample_rate: float) -> float:
    """Noise power of a sample for the SNR of a random access preamble of mean power 1 a sample.

    That SNR is the preamble's power on a subcarrier of 1.25 kHz over the noise power in 1.25 kHz (TS 36.104 8.4), at
    one receive antenna: the preamble has 839 subcarriers in 0.8 ms.
    """
    return noise_power(snr_db) * _PREAMBLE_S * sample_rate / _PREAMBLE_SUBCARRIERS


def combined_snr_db(snr_db: float, n_rx: int) -> float:
    """SNR after ideal combining of `n_rx` antennas with equal gains."""
    return snr_db + 10 * log10(n_rx)
