"""The turbo code alone: code blocks, QPSK or higher over white noise, and the decoder; no grid, no channel."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from picocell.kernels import modem, turbo
from picocell.kernels.propagation import Noise
from picocell.sims.counts import Counts
from picocell.sims.hooks import Hooks
from picocell.sims.point import Point, check_range, children, modulation_order
from picocell.sims.snr import Conversion, noise_power


@dataclass(frozen=True, kw_only=True)
class CodingPoint(Point):
    """A point of the turbo code; its SNR is that of a modulation symbol.

    Attributes:
        k: code block size K in bits, all of which count as information.
        e: coded bits sent of a block; 0 for all 3 K + 12.
        iterations: of the decoder, which does not stop early.
        modulation: "qpsk", "16qam", "64qam" or "256qam".
    """

    kind: ClassVar[str] = "coding"

    k: int = 6144
    e: int = 0
    iterations: int = 6
    modulation: str = "qpsk"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k not in turbo.SIZES:
            near = min(turbo.SIZES, key=lambda size: abs(size - self.k))
            raise ValueError(f"k {self.k} is no turbo code block size (TS 36.212 Table 5.1.3-3): the nearest is {near}")
        q_m = modulation_order(self.modulation)
        object.__setattr__(self, "e", self.e or (3 * self.k + 12) // q_m * q_m)
        check_range("iterations", self.iterations, 1, 255)
        if self.e < 1 or self.e % q_m:
            raise ValueError(f"e {self.e} coded bits are not allowed: a positive multiple of {q_m}")


class CodingLink:
    """Encodes and decodes the code blocks of a point.

    Args:
        point: the parameters.
        hooks: none apply.

    Attributes:
        conversion: of SNR to Eb/N0.
    """

    def __init__(self, point: CodingPoint, hooks: Hooks = Hooks()) -> None:
        if hooks:
            raise ValueError("the turbo code alone has no place for a user's functions")
        self.point = point
        self._q_m = modulation_order(point.modulation)
        self.conversion = Conversion(point.k, point.e // self._q_m, self._q_m)

    @cached_property
    def _decoder(self) -> turbo.TurboDecoder:
        return turbo.TurboDecoder(self.point.iterations)

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: object = None) -> Counts:
        """Send and decode a number of code blocks.

        Args:
            seed: of bits and noise.
            n_subframes: code blocks.
            trace: not called: there are no intermediate arrays beside the code's own.
        """
        del trace
        of_bits, of_noise = children(seed, 2)
        rng, noise = np.random.default_rng(of_bits), Noise(of_noise.generate_state(4).tolist())
        point, power = self.point, noise_power(self.point.snr_db)
        counts, started = Counts.of_rounds(1, n_subframes), time.process_time()
        for _ in range(n_subframes):
            bits = np.unpackbits(np.frombuffer(rng.bytes(point.k // 8), np.uint8))
            symbols = modem.modulate(turbo.rate_match(turbo.encode(bits), point.e), self._q_m)
            noise.add(symbols, power)
            soft = turbo.rate_recover(modem.demodulate(symbols, power, self._q_m), point.k)
            found, iterations, _ = self._decoder.decode(soft)
            good = bool(np.array_equal(found, bits))
            counts.sent[0] += 1
            counts.errors[0] += not good
            counts.delivered += good
            counts.bits += point.k * good
            counts.decodes += 1
            counts.iterations += iterations
        counts.cpu_s = time.process_time() - started
        return counts
