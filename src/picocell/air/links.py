"""The members of an air, and the link between a phone and a cell: what can be set while samples pass."""

import math
import re
from collections.abc import Callable, Hashable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from picocell.air.members import Endpoint
from picocell.kernels.propagation import Noise
from picocell.radio.air import SPEED_OF_LIGHT, Path

THERMAL_DBM: Final = -174.0 + 10 * math.log10(15e3)
"""Thermal noise of a resource element: what a noise figure of 0 dB means where a sample of 1 stands for 1 mW."""

LIMIT_DB: Final = 400.0
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def decibels(name: str, value: Any, *, infinite: bool = False) -> float:
    """A level or attenuation.

    Raises:
        ValueError: it is none.
    """
    number = real(name, value, infinite=infinite)
    if abs(number) > LIMIT_DB and not (infinite and number == math.inf):
        raise ValueError(f"{name} {value} is not allowed: within {-LIMIT_DB:g}..{LIMIT_DB:g} dB")
    return number


def real(name: str, value: Any, *, infinite: bool = False) -> float:
    """A number.

    Raises:
        ValueError: it is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number) or (math.isinf(number) and not (infinite and number > 0)):
        raise ValueError(f"{name} {value!r} is no number{' (inf is one here)' if infinite else ''}")
    return number


class Member:
    """A cell or a phone.

    Attributes:
        name: its name.
        is_cell: whether it is a cell.
        endpoint: where its samples come from and go to.
        n_tx, n_rx: its antennas.
        state: ``absent`` before it came and after its connection broke, ``active``, or ``stalled``.
        samples: that it exchanged.
        missed: milliseconds that passed without it, since it came first.
        since: when it was first awaited for the present millisecond, ``time.monotonic``.
        left_at: millisecond at which it stalled or left.
        came: whether it was ever there.
    """

    KEYS: Final = ("carrier", "noise_dbfs", "noise_figure_db", "tx_gain_db", "rx_gain_db")

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        is_cell: bool,
        n_tx: int,
        n_rx: int,
        carrier: Hashable,
        noise_dbfs: float,
        seed: list[int],
    ) -> None:
        self.name, self.endpoint, self.is_cell = name, endpoint, is_cell
        self.n_tx, self.n_rx = n_tx, n_rx
        self.carrier = carrier
        self.noise_source = Noise(seed)
        self.noise_dbfs = noise_dbfs
        self.tx_gain_db = self.rx_gain_db = 0.0
        self.state = "absent"
        self.samples = self.missed = self.left_at = 0
        self.since: float | None = None
        self.came = False

    @property
    def carrier(self) -> Hashable:
        """A phone hears the cells of its own carrier."""
        return self._carrier

    @carrier.setter
    def carrier(self, value: Hashable) -> None:
        # what is typed is text, also where an EARFCN is meant
        self._carrier = int(value) if isinstance(value, str) and value.isdecimal() else value

    @property
    def noise_dbfs(self) -> float:
        """The receiver's noise: power of a sample, and so of a resource element, in dB of 1."""
        return self._noise_dbfs

    @noise_dbfs.setter
    def noise_dbfs(self, value: float) -> None:
        self._noise_dbfs = decibels("noise_dbfs", value)
        self.noise_power = 10 ** (self._noise_dbfs / 10)

    @property
    def noise_figure_db(self) -> float:
        """The same noise over that of the temperature, where a resource element of 1 stands for 1 mW."""
        return self._noise_dbfs - THERMAL_DBM

    @noise_figure_db.setter
    def noise_figure_db(self, value: float) -> None:
        self.noise_dbfs = THERMAL_DBM + decibels("noise_figure_db", value)

    @property
    def tx_gain_db(self) -> float:
        """By which what it sends is amplified."""
        return self._tx_gain_db

    @tx_gain_db.setter
    def tx_gain_db(self, value: float) -> None:
        self._tx_gain_db = decibels("tx_gain_db", value)

    @property
    def rx_gain_db(self) -> float:
        """By which what it hears is amplified, its noise too."""
        return self._rx_gain_db

    @rx_gain_db.setter
    def rx_gain_db(self, value: float) -> None:
        self._rx_gain_db = decibels("rx_gain_db", value)


class Link:
    """Between a phone and a cell, both ways.

    Args:
        phone: one end.
        cell: the other.
        sample_rate: samples per second.
        channel: ``AWGN``, or a profile and its Doppler frequency such as ``EPA5``.
        seed: of the realisation.

    Attributes:
        down: from the cell to the phone.
        up: from the phone to the cell.
        on_uplink: changes what of the phone arrives in the cell, complex64 (n_rx, n); None for nobody.
    """

    KEYS: Final = ("loss_db", "distance_m", "delay_s", "cfo_hz", "channel", "snr_db", "ul_loss_db")

    def __init__(self, phone: Member, cell: Member, sample_rate: float, *, channel: str, seed: list[int]) -> None:
        self.phone, self.cell = phone, cell
        self.down = Path(sample_rate, cell.n_tx, phone.n_rx, channel=channel, seed=[*seed, 0])
        self.up = Path(sample_rate, phone.n_tx, cell.n_rx, channel=channel, seed=[*seed, 1])
        self._ul_loss_db = 0.0
        self.on_uplink: Callable[[NDArray[np.complex64]], NDArray[np.complex64]] | None = None

    @property
    def loss_db(self) -> float:
        """Attenuation both ways; infinite for no link."""
        return self.down.path_loss_db

    @loss_db.setter
    def loss_db(self, value: float) -> None:
        loss = decibels("loss_db", value, infinite=True)
        self.down.path_loss_db, self.up.path_loss_db = loss, loss + self._ul_loss_db

    @property
    def ul_loss_db(self) -> float:
        """Attenuation of the uplink on top."""
        return self._ul_loss_db

    @ul_loss_db.setter
    def ul_loss_db(self, value: float) -> None:
        self._ul_loss_db = decibels("ul_loss_db", value)
        self.up.path_loss_db = self.loss_db + self._ul_loss_db

    @property
    def distance_m(self) -> float:
        """Distance, for the propagation delay."""
        return self.down.distance_m

    @distance_m.setter
    def distance_m(self, value: float) -> None:
        distance = real("distance_m", value)
        if distance > 1e6:
            raise ValueError(f"distance_m {value} is not allowed: at most 1e6")
        self.down.distance_m = self.up.distance_m = distance

    @property
    def delay_s(self) -> float:
        """Propagation delay, rounded to whole samples where it is applied."""
        return self.down.distance_m / SPEED_OF_LIGHT

    @delay_s.setter
    def delay_s(self, value: float) -> None:
        self.distance_m = real("delay_s", value) * SPEED_OF_LIGHT

    @property
    def cfo_hz(self) -> float:
        """What the phone's oscillator is off: the downlink arrives so much higher, the uplink so much lower."""
        return self.down.cfo_hz

    @cfo_hz.setter
    def cfo_hz(self, value: float) -> None:
        offset = real("cfo_hz", value)
        if abs(offset) > self.down.sample_rate / 2:
            raise ValueError(f"cfo_hz {value} is not allowed: within half of the sample rate")
        self.down.cfo_hz, self.up.cfo_hz = offset, -offset

    @property
    def channel(self) -> str:
        """Name of the channel."""
        return str(self.down.channel)

    @channel.setter
    def channel(self, name: str) -> None:
        self.down.set_channel(str(name))
        self.up.set_channel(str(name))

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio of a resource element of 1 on this link in the phone.

        Setting it sets the phone's noise, and attenuates the uplink until it has the same in the cell's noise.
        """
        return -self.loss_db - self.phone.noise_dbfs

    @snr_db.setter
    def snr_db(self, value: float) -> None:
        snr = decibels("snr_db", value)
        if math.isinf(self.loss_db):
            raise ValueError("snr_db is not allowed where loss_db is infinite: there is no signal")
        self.phone.noise_dbfs = -self.loss_db - snr
        self.ul_loss_db = -self.loss_db - snr - self.cell.noise_dbfs
