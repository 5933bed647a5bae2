"""Path loss over distance."""

import math
from dataclasses import dataclass

from picocell.radio.channel.train import SPEED_OF_LIGHT


def _check(what: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{what} {value} is not allowed: above 0 and finite")


def free_space_db(distance_m: float, carrier_hz: float) -> float:
    """Path loss between isotropic antennas with nothing around (ITU-R P.525): 20 log10(4 pi d f / c), at least 0 dB.

    Raises:
        ValueError: a distance or a carrier that is not above 0.
    """
    _check("distance in m", distance_m)
    _check("carrier in Hz", carrier_hz)
    return max(20 * math.log10(4 * math.pi * distance_m * carrier_hz / SPEED_OF_LIGHT), 0.0)


@dataclass(frozen=True, slots=True)
class LogDistance:
    """Path loss that grows by ``10 exponent`` dB with each factor of ten of distance.

    ``LogDistance(128.1, 1000.0, 3.76)`` is 128.1 + 37.6 log10(d / km) dB.

    Attributes:
        reference_db: loss at the reference distance.
        reference_m: reference distance in metres.
        exponent: 2 in free space, 3 to 4 over ground with obstacles.
        minimum_db: loss below which it does not fall, however near.

    Raises:
        ValueError: a distance or exponent that is not above 0, or a loss that is not finite.
    """

    reference_db: float
    reference_m: float = 1000.0
    exponent: float = 3.5
    minimum_db: float = 0.0

    def __post_init__(self) -> None:
        _check("reference distance in m", self.reference_m)
        _check("exponent", self.exponent)
        if not math.isfinite(self.reference_db) or not math.isfinite(self.minimum_db):
            raise ValueError(f"losses of {self.reference_db} and {self.minimum_db} dB are not allowed: finite numbers")

    @classmethod
    def beyond(cls, distance_m: float, carrier_hz: float, exponent: float) -> "LogDistance":
        """Free space up to a distance, and from there on ``exponent``."""
        return cls(free_space_db(distance_m, carrier_hz), distance_m, exponent)

    def __call__(self, distance_m: float) -> float:
        """Path loss in dB at a distance.

        Raises:
            ValueError: a distance that is not above 0.
        """
        _check("distance in m", distance_m)
        grown = 10 * self.exponent * math.log10(distance_m / self.reference_m)
        return max(self.reference_db + grown, self.minimum_db)
