"""The device arguments of a shared memory radio: ``driver=shm,tx_shm=cell1.dl,rx_shm=cell1.ul,base_srate=5.76e6``."""

import math
import re
from dataclasses import dataclass
from typing import Final, Self

from picocell.radio.key_values import key_values
from picocell.radio.zmq.args import DEFAULT_BASE_SRATE

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KNOWN: Final = "tx_shm, rx_shm, base_srate, id, fail_on_disconnect, trx_timeout_ms"
_TRUTH: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


@dataclass(frozen=True, slots=True)
class ShmArgs:
    """Segments and rate of a shared memory radio.

    Attributes:
        tx_shm: name of the segment that this end makes and writes, with all of its transmit channels.
        rx_shm: name of the peer's segment, which is this end's to read.
        base_srate: samples per second in the segments; a whole multiple of the radio's own rate.
        id: name of the radio in log lines.
        fail_on_disconnect: raise when a peer that had sent samples sends none for ``fail_after`` seconds.
        fail_after: seconds.

    Raises:
        ValueError: a name that is none, the same one twice, a rate or time that is not positive.
    """

    tx_shm: str
    rx_shm: str
    base_srate: float = DEFAULT_BASE_SRATE
    id: str = "shm"
    fail_on_disconnect: bool = False
    fail_after: float = 5.0

    def __post_init__(self) -> None:
        for key, name in (("tx_shm", self.tx_shm), ("rx_shm", self.rx_shm)):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{key}={name!r} is no name: letters, digits, '.', '_' and '-', such as cell1.dl")
        if self.tx_shm == self.rx_shm:
            raise ValueError(f"tx_shm and rx_shm are both {self.tx_shm}: each direction has a segment of its own")
        if not 1e3 <= self.base_srate <= 1e10:
            raise ValueError(f"base_srate={self.base_srate:g} is not allowed: samples per second, 1e3 to 1e10")
        if not 0 < self.fail_after < math.inf:
            raise ValueError(f"{self.fail_after:g} s without samples is not allowed: a positive number")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read device arguments: ``key=value`` separated by commas.

        Raises:
            ValueError: what is wrong and what is allowed, in one line.
        """
        names: dict[str, str] = {}
        rate, name, fail, fail_after = DEFAULT_BASE_SRATE, "shm", False, 5.0
        for key, value in key_values(text).items():
            match key:
                case "tx_shm" | "rx_shm":
                    names[key] = value
                case "base_srate":
                    rate = _number(key, value)
                case "id":
                    name = value
                case "fail_on_disconnect":
                    if value.lower() not in _TRUTH:
                        raise ValueError(f"{key}={value!r} is not allowed: true or false")
                    fail = _TRUTH[value.lower()]
                case "trx_timeout_ms":
                    fail_after = _number(key, value) / 1000
                case "driver" | "device_name":
                    pass
                case _:
                    raise ValueError(f"device argument {key!r} is not known: driver=shm takes {_KNOWN}")
        for key in ("tx_shm", "rx_shm"):
            if key not in names:
                raise ValueError(f"driver=shm: {key} is missing, such as tx_shm=cell1.dl,rx_shm=cell1.ul")
        return cls(names["tx_shm"], names["rx_shm"], rate, name, fail, fail_after)


def is_shm(text: str) -> bool:
    """Whether device arguments are those of a shared memory radio.

    Raises:
        ValueError: text that is no ``key=value`` list.
    """
    values = key_values(text)
    driver = values.get("driver") or values.get("device_name")
    return driver == "shm" or (driver is None and ("tx_shm" in values or "rx_shm" in values))


def _number(key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{key}={value!r} is no number")
    return number
