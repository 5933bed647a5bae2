"""Random access preambles: whether they are found, and at the right time."""

import time
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import mix
from picocell.phy.lte import prach
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.frame import sample_rate
from picocell.phy.lte.prach_detect import DetectedPreamble, PrachDetector
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig
from picocell.radio.channel.impairments import delay
from picocell.radio.channel.models import Channel, open_channel
from picocell.sims.air import noise_source
from picocell.sims.counts import Counts
from picocell.sims.hooks import Hooks
from picocell.sims.point import ChannelPoint, check_range, children
from picocell.sims.snr import Conversion, preamble_noise_power

_BITS: Final = 6
_BETWEEN_MS: Final = 10


@dataclass(frozen=True, kw_only=True)
class PrachPoint(ChannelPoint):
    """A point of the PRACH; its SNR is that of a subcarrier of 1.25 kHz (TS 36.104 8.4).

    Attributes:
        config_index: prach-ConfigIndex, which tells the preamble's format.
        zero_correlation_zone: zeroCorrelationZoneConfig 0..15.
        root_sequence_index: rootSequenceIndex 0..837.
        max_delay_us: preambles come late by anything up to this.
        cfo_hz: carrier frequency offset.
        tolerance_us: timing error that passes: 1.04 for AWGN, 2.08 for ETU (TS 36.104 8.4.2.1).
        silent: nothing is sent, and any preamble that is found is the error.
    """

    kind: ClassVar[str] = "prach"

    config_index: int = 3
    zero_correlation_zone: int = 5
    root_sequence_index: int = 128
    max_delay_us: float = 5.0
    cfo_hz: float = 0.0
    tolerance_us: float = 1.04
    silent: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("config_index", self.config_index, 0, 63)
        check_range("zero_correlation_zone", self.zero_correlation_zone, 0, 15)
        check_range("root_sequence_index", self.root_sequence_index, 0, 837)
        for name in ("max_delay_us", "tolerance_us"):
            if not 0 <= getattr(self, name) <= 1000:
                raise ValueError(f"{name} {getattr(self, name)} is outside 0..1000")
        if not abs(self.cfo_hz) <= 1250:
            raise ValueError(f"cfo_hz {self.cfo_hz} is outside -1250..1250")


class PrachLink:
    """Sends preambles, and looks for them with the product's detector.

    Args:
        point: the parameters.
        hooks: none apply.

    Attributes:
        conversion: of SNR to Eb/N0, of the six bits that the choice of a preamble is.

    Raises:
        ValueError: a configuration that is not supported, or a user's functions.
    """

    def __init__(self, point: PrachPoint, hooks: Hooks = Hooks()) -> None:
        if hooks:
            raise ValueError("random access has no place for a user's functions")
        self.point = point
        config = PrachConfig(point.config_index, point.root_sequence_index, point.zero_correlation_zone)
        self._ul = UplinkConfig(point.n_prb, prach=config)
        self._rate = sample_rate(point.n_prb)
        self._detector = PrachDetector(Cell(point.pci, point.n_prb), self._ul, self._rate)
        self._noise_power = preamble_noise_power(point.snr_db, self._rate)
        repetitions = prach.preamble_format(self._ul).repetitions
        self.conversion = Conversion(_BITS, prach.N_ZC * repetitions, 1)

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: object = None) -> Counts:
        """Send and look for a number of preambles, 10 ms apart.

        Args:
            seed: of channel, noise, preambles and delays.
            n_subframes: preambles.
            trace: not called.
        """
        del trace
        of_channel, of_noise, of_choice = children(seed, 3)
        point, rng, noise = self.point, np.random.default_rng(of_choice), noise_source(of_noise)
        channel = open_channel(point.channel, float(self._rate), 1, point.n_rx, of_channel)
        counts, started = Counts.of_rounds(1, n_subframes), time.process_time()
        for _ in range(n_subframes):
            wanted, late_s = int(rng.integers(prach.N_PREAMBLES)), float(rng.uniform(0, point.max_delay_us)) * 1e-6
            samples = self._received(channel, wanted, late_s)
            noise.add(samples, self._noise_power)
            found = self._detector.detect(samples)
            good = not found if point.silent else self._right(found, wanted, late_s)
            counts.sent[0] += 1
            counts.errors[0] += not good
            counts.delivered += good
            counts.bits += _BITS * good
            counts.false_ok += sum(one.preamble != wanted for one in found)
            counts.missed += not found and not point.silent
        counts.cpu_s = time.process_time() - started
        return counts

    def _received(self, channel: Channel, preamble: int, late_s: float) -> NDArray[np.complex64]:
        """Samples of an opportunity without noise, complex64 ``(n_rx, n)``."""
        n, late = self._detector.samples_needed, late_s * self._rate
        sent = np.zeros(n + channel.latency, np.complex64)
        if not self.point.silent:
            wave = prach.generate(self._ul, preamble, self._rate)
            sent[: len(wave)] = wave
            sent = delay(sent, late)
        received = channel.apply(sent[None])[:, channel.latency :]
        channel.skip(_BETWEEN_MS * self._rate // 1000 - len(sent))
        if self.point.cfo_hz:
            received = mix(np.ascontiguousarray(received), self.point.cfo_hz / self._rate)
        return np.ascontiguousarray(received)

    def _right(self, found: list[DetectedPreamble], wanted: int, late_s: float) -> bool:
        """Whether the preamble was found within the tolerance of its time."""
        most = self.point.tolerance_us * 1e-6
        return any(one.preamble == wanted and abs(one.timing_advance_s - late_s) <= most for one in found)
