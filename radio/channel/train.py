"""High-speed train: one path whose Doppler shift follows the passing of antennas (TS 36.101 B.3, TS 36.104 B.3)."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.radio.channel.gains import static_matrix
from picocell.radio.channel.profiles import rows

SPEED_OF_LIGHT: Final = 299_792_458.0

_TABLE: Final = "36104_B.3_high_speed_train.csv"
SCENARIOS: Final = tuple(row["name"] for row in rows(_TABLE))


@dataclass(frozen=True, slots=True)
class Train:
    """A train that passes antennas beside its track, one every ``spacing_m``.

    Attributes:
        name: name of the scenario.
        spacing_m: twice the distance along the track at which it starts, Ds.
        distance_m: distance of the antennas from the track, Dmin.
        speed_mps: metres per second.
        doppler_hz: maximum Doppler frequency.
    """

    name: str
    spacing_m: float
    distance_m: float
    speed_mps: float
    doppler_hz: float

    def at_carrier(self, carrier_hz: float) -> "Train":
        """The same train on a carrier: maximum Doppler frequency v f / c.

        Raises:
            ValueError: a carrier that is not above 0.
        """
        if not 0 < carrier_hz < math.inf:
            raise ValueError(f"carrier of {carrier_hz} Hz is not allowed: above 0 and finite")
        return Train(
            self.name, self.spacing_m, self.distance_m, self.speed_mps, self.speed_mps * carrier_hz / SPEED_OF_LIGHT
        )

    def _ahead(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Metres along the track to the nearest antenna, negative behind it (equations B.3.2 to B.3.4 in one)."""
        travelled = np.mod(self.speed_mps * np.asarray(times, np.float64), 2 * self.spacing_m)
        half = self.spacing_m / 2
        return np.where(travelled <= self.spacing_m, half - travelled, travelled - 3 * half)

    def doppler(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Doppler shift in hertz at times in seconds (equation B.3.1)."""
        ahead = self._ahead(times)
        return np.asarray(self.doppler_hz * ahead / np.hypot(self.distance_m, ahead))

    def cycles(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Phase in cycles: the integral of `doppler` since time 0, in closed form.

        Approaching, it is the change of the distance to the antenna in wavelengths. The second half of a period takes
        the shift of a train that runs backwards through the first, so the phase has the same period.
        """
        travelled = np.mod(self.speed_mps * np.asarray(times, np.float64), 2 * self.spacing_m)
        reach = np.hypot(self.distance_m, self._ahead(times))
        start = math.hypot(self.distance_m, self.spacing_m / 2)
        sign = np.where(travelled <= self.spacing_m, 1.0, -1.0)
        return np.asarray(sign * self.doppler_hz / self.speed_mps * (start - reach))


@cache
def scenario(name: str) -> Train:
    """A scenario of the standard by its name.

    Raises:
        ValueError: none of :data:`SCENARIOS`.
    """
    for row in rows(_TABLE):
        if row["name"] == name:
            speed = float(row["speed_kmh"]) / 3.6
            return Train(name, float(row["ds_m"]), float(row["dmin_m"]), speed, float(row["doppler_hz"]))
    raise ValueError(f"train scenario {name!r} is unknown: use one of {', '.join(SCENARIOS)}")


class TrainGains:
    """The one tap of a train, the same between all antennas but for the phases of the static channel.

    Args:
        train: scenario.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        carrier_hz: carrier from which the Doppler frequency follows; without it, the scenario's own.

    Raises:
        ValueError: antennas for which there is no matrix, or a carrier that is not allowed.
    """

    def __init__(self, train: Train, n_tx: int = 1, n_rx: int = 1, *, carrier_hz: float | None = None) -> None:
        self.train = train if carrier_hz is None else train.at_carrier(carrier_hz)
        self.n_tx, self.n_rx = n_tx, n_rx
        self.delays_s: tuple[float, ...] = (0.0,)
        self.doppler_hz: float = self.train.doppler_hz
        self._matrix = static_matrix(n_tx, n_rx)

    def gains(self, times: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Gains at given times in seconds: complex64 ``(n_rx, n_tx, 1, len(times))``."""
        turns = np.exp(2j * np.pi * (self.train.cycles(times) % 1.0))
        return np.asarray(self._matrix[..., None, None] * turns, np.complex64)
