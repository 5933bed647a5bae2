"""The device arguments of a software-defined radio: ``driver=soapy,device=lime,rx_gain=40,clock=external``."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Self, cast

from picocell.radio.errors import RadioArgumentError
from picocell.radio.key_values import key_values
from picocell.radio.short_form import DEVICES, expand_short

Burst = Literal["continuous", "burst"]

KNOWN: Final = (
    "rx_freq, tx_freq, rx_gain, tx_gain, rx_antenna, tx_antenna, bandwidth, clock, time_source, lo_offset, "
    "master_clock, tx_advance, mode, ahead_ms, reopen_s, base_srate"
)
"""Arguments of picocell's; all others go to the device."""
_GAIN_STEPS: Final = "a number of dB, or NAME:dB joined by + for the stages of a device"
_NUMBERS: Final = {
    "rx_freq": "hertz",
    "tx_freq": "hertz",
    "bandwidth": "hertz",
    "lo_offset": "hertz",
    "base_srate": "samples per second",
}
_NUMBERS_TOO: Final = {"master_clock": "hertz", "tx_advance": "samples", "ahead_ms": "ms", "reopen_s": "seconds"}
DEFAULT_RATE: Final = 23.04e6
"""Samples per second of a phone that is not told otherwise: enough for every bandwidth."""


@dataclass(frozen=True, slots=True)
class SdrArgs:
    """How a device is found and set.

    Attributes:
        device: arguments by which the device is found, and which its driver takes.
        rx_freq: centre frequency of the receiver in hertz; None takes that of the channel number.
        tx_freq: centre frequency of the transmitter in hertz.
        rx_gain: dB, or dB by name of the stage; empty leaves the device's own, ``auto`` its gain control.
        tx_gain: dB, or dB by name of the stage.
        rx_antenna: connectors, one for all channels or one each (joined by ``+``).
        tx_antenna: connectors.
        bandwidth: of the analogue filters in hertz; None leaves the device's choice.
        clock: source of the reference clock, such as ``internal``, ``external``, ``gpsdo``.
        time_source: source of the pulse a second.
        lo_offset: distance of the local oscillator from the centre frequency in hertz.
        master_clock: rate of the device's clock in hertz.
        tx_advance: samples by which all is sent earlier, to make up for delays of the device
            (timing-advance calibration).
        mode: ``continuous`` sends one burst without end, ``burst`` ends each block; None leaves it to who opens it.
        ahead_ms: ms of samples that may wait to be used, 2 or more; what comes then waits in the device. None: 50 for
            who sends without end, 500 for who sends bursts: a phone that has searched for a cell has to catch up.
        reopen_s: seconds for which a device that is lost is looked for.
        base_srate: samples per second; None: an eNB's follow from its bandwidth, a phone takes 23.04 million.

    Raises:
        ValueError: what is wrong and what is allowed, in one line.
    """

    device: dict[str, str] = field(default_factory=dict)
    rx_freq: float | None = None
    tx_freq: float | None = None
    rx_gain: dict[str, float] = field(default_factory=dict)
    tx_gain: dict[str, float] = field(default_factory=dict)
    agc: bool = False
    rx_antenna: tuple[str, ...] = ()
    tx_antenna: tuple[str, ...] = ()
    bandwidth: float | None = None
    clock: str | None = None
    time_source: str | None = None
    lo_offset: float = 0.0
    master_clock: float | None = None
    tx_advance: int = 0
    mode: Burst | None = None
    ahead_ms: float | None = None
    reopen_s: float | None = None
    base_srate: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``key=value`` separated by commas. ``device`` is the name of the device's own driver.

        Raises:
            ValueError: what is wrong and what is allowed, in one line.
        """
        values = key_values(text)
        for key in ("driver", "device_name"):
            values.pop(key, None)
        numbers = {key: _number(key, values.pop(key), unit) for key, unit in _NUMBERS.items() if key in values}
        for key in ("rx_freq", "tx_freq", "bandwidth", "base_srate"):
            if numbers.get(key, 1.0) <= 0:
                raise ValueError(f"{key}={numbers[key]:g} is not allowed: a positive number of {_NUMBERS[key]}")
        more = {key: _number(key, values.pop(key), unit) for key, unit in _NUMBERS_TOO.items() if key in values}
        advance = more.pop("tx_advance", 0.0)
        if advance != round(advance):
            raise ValueError(f"tx_advance={advance:g} is not allowed: a whole number of samples")
        if more.get("ahead_ms", 2) < 2:
            raise ValueError(f"ahead_ms={more['ahead_ms']:g} is not allowed: 2 or more")
        if more.get("reopen_s", 0) < 0:
            raise ValueError(f"reopen_s={more['reopen_s']:g} is not allowed: 0 or more")
        mode = values.pop("mode", None)
        if mode not in (None, "continuous", "burst"):
            raise ValueError(f"mode={mode} is not allowed: continuous or burst")
        rx_gain = values.pop("rx_gain", "")
        made = cls(
            rx_gain=_gains("rx_gain", "" if rx_gain == "auto" else rx_gain),
            tx_gain=_gains("tx_gain", values.pop("tx_gain", "")),
            agc=rx_gain == "auto",
            rx_antenna=_names(values.pop("rx_antenna", "")),
            tx_antenna=_names(values.pop("tx_antenna", "")),
            clock=values.pop("clock", None),
            time_source=values.pop("time_source", None),
            tx_advance=int(advance),
            mode=cast(Burst | None, mode),
            **numbers,  # type: ignore[arg-type]
            **more,  # type: ignore[arg-type]
        )
        if "device" in values:
            values["driver"] = values.pop("device")
        return replace(made, device=values)

    def tuned(self, rx_freq: float | None, tx_freq: float | None) -> Self:
        """The arguments with frequencies where none were given."""
        return replace(
            self,
            rx_freq=rx_freq if self.rx_freq is None else self.rx_freq,
            tx_freq=tx_freq if self.tx_freq is None else self.tx_freq,
        )


def sdr_args(text: str) -> SdrArgs | None:
    """Device arguments of a software-defined radio, in full or in a short form; None for those of another radio.

    Raises:
        ValueError: arguments that are not allowed.
    """
    full = expand_short(text)
    values = key_values(full)
    return SdrArgs.parse(full) if (values.get("driver") or values.get("device_name")) in DEVICES else None


def antenna_of(names: tuple[str, ...], channel: int) -> str | None:
    """The connector of a channel: its own, or the one that is for all; None where none is given."""
    return names[min(channel, len(names) - 1)] if names else None


def check_choice(key: str, value: str, allowed: Iterable[str]) -> None:
    """Refuse a connector, source or gain stage that a device does not have.

    Raises:
        RadioArgumentError: which it has.
    """
    names = tuple(allowed)
    if value not in names:
        raise RadioArgumentError(f"{key}={value} is not allowed: the device has {', '.join(names) or 'none'}")


def check_gain(key: str, gain: float, limits: tuple[float, float], name: str) -> None:
    """Refuse a gain that a device does not have.

    Raises:
        RadioArgumentError: what it takes.
    """
    low, high = limits
    if not low <= gain <= high:
        raise RadioArgumentError(f"{key}={gain:g} is not allowed: {name} takes {low:g} to {high:g} dB")


def _number(key: str, value: str, unit: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{key}={value} is not allowed: a number of {unit}")
    return number


def _gains(key: str, text: str) -> dict[str, float]:
    """``40`` or ``LNA:20+PGA:10``."""
    found: dict[str, float] = {}
    for part in filter(None, text.split("+")):
        name, colon, value = part.rpartition(":")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or (colon and not name) or name in found:
            auto = " or auto" if key == "rx_gain" else ""
            raise ValueError(f"{key}={text} is not allowed: {_GAIN_STEPS}{auto}")
        found[name] = number
    if len(found) > 1 and "" in found:
        raise ValueError(f"{key}={text} is not allowed: {_GAIN_STEPS}")
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split("+")))


def check_frequencies(args: SdrArgs, earfcn: int, rx_frequency: float | None, tx_frequency: float | None) -> None:
    """See that a device is told where to receive and send.

    Args:
        args: its arguments.
        earfcn: the cell's downlink channel number.
        rx_frequency: what follows from it, in hertz; None where it is in no band, or has no uplink.
        tx_frequency: likewise.

    Raises:
        RadioArgumentError: neither says.
    """
    for name, given, follows in (("rx", args.rx_freq, rx_frequency), ("tx", args.tx_freq, tx_frequency)):
        if given is None and follows is None:
            raise RadioArgumentError(
                f"EARFCN {earfcn} has no frequency for {name}: another one (`picocell radio bands`), or {name}_freq="
            )
