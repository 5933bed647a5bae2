"""The device arguments of a ZeroMQ radio: ``tx_port=tcp://*:2000,rx_port=tcp://localhost:2001,base_srate=23.04e6``."""

import math
import re
from dataclasses import dataclass
from typing import Final, Self

from picocell.radio.key_values import key_values

DEFAULT_BASE_SRATE: Final = 23.04e6
"""Samples per second on the wire where ``base_srate`` is not given: what the other stacks take then."""

_PORT_KEY: Final = re.compile(r"(tx|rx)_port(\d?)")
_ENDPOINT: Final = re.compile(r"tcp://(?P<host>\*|\[[0-9A-Fa-f:.%]+\]|[^\s:/*\[\]]+):(?P<port>\d{1,5}|\*)|ipc://\S+")
_TYPE_KEY: Final = re.compile(r"(tx|rx)_type\d?")
_FORMAT_KEY: Final = re.compile(r"(tx|rx)_format\d?")
_FREQUENCY_KEY: Final = re.compile(r"(tx|rx)_freq\d?")
_OFFSET_KEY: Final = re.compile(r"(tx|rx)_offset\d?")
_KNOWN: Final = "tx_port, rx_port (tx_port0, rx_port0, …), base_srate, id, fail_on_disconnect, trx_timeout_ms"
_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class ZmqArgs:
    """Ports and rate of a ZeroMQ radio.

    Attributes:
        tx_ports: endpoints to bind, one a transmit channel, such as ``tcp://*:2000``.
        rx_ports: endpoints of the peer to connect to, one a receive channel.
        base_srate: samples per second on the wire; a whole multiple of the radio's own rate.
        id: name of the radio in log lines.
        fail_on_disconnect: raise when a peer that had sent samples sends none for ``fail_after`` seconds.
        fail_after: seconds.

    Raises:
        ValueError: an endpoint that is none, one that is used twice, a rate or time that is not positive.
    """

    tx_ports: tuple[str, ...]
    rx_ports: tuple[str, ...]
    base_srate: float = DEFAULT_BASE_SRATE
    id: str = "zmq"
    fail_on_disconnect: bool = False
    fail_after: float = 5.0

    def __post_init__(self) -> None:
        for name, ports in (("tx_port", self.tx_ports), ("rx_port", self.rx_ports)):
            for port in ports:
                _check_endpoint(name, port)
            if len(set(ports)) != len(ports):
                raise ValueError(f"{name}: {next(p for p in ports if ports.count(p) > 1)} is used twice")
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
        ports: dict[str, dict[int, str]] = {"tx": {}, "rx": {}}
        rate, name, fail, fail_after = DEFAULT_BASE_SRATE, "zmq", False, 5.0
        for key, value in key_values(text).items():
            if match := _PORT_KEY.fullmatch(key):
                channel = int(match[2] or 0)
                if channel in ports[match[1]]:
                    raise ValueError(f"{match[1]}_port and {match[1]}_port0 are the same channel: give one of them")
                ports[match[1]][channel] = value
            elif key == "base_srate":
                rate = _number(key, value)
            elif key == "id":
                name = value
            elif key == "fail_on_disconnect":
                fail = _truth(key, value)
            elif key == "trx_timeout_ms":
                fail_after = _number(key, value) / 1000
            elif key not in ("driver", "device_name", "log_trx_timeout"):
                _check_other(key, value)
        return cls(_in_order("tx", ports["tx"]), _in_order("rx", ports["rx"]), rate, name, fail, fail_after)

    def check_channels(self, n_tx: int, n_rx: int) -> None:
        """Refuse antennas without a port.

        Raises:
            ValueError: which ports are missing.
        """
        for direction, n, ports in (("tx", n_tx, self.tx_ports), ("rx", n_rx, self.rx_ports)):
            if n < 1:
                raise ValueError(f"n_{direction}={n} is not allowed: at least 1")
            if len(ports) < n:
                names = f"{direction}_port" if n == 1 else f"{direction}_port0 to {direction}_port{n - 1}"
                raise ValueError(f"{n} {direction} channels need {names}: given is {', '.join(ports) or 'none'}")


def _in_order(direction: str, ports: dict[int, str]) -> tuple[str, ...]:
    """Ports of the channels 0, 1, …"""
    if sorted(ports) != list(range(len(ports))):
        missing = next(i for i in range(len(ports)) if i not in ports)
        raise ValueError(f"{direction}_port{missing} is missing: {direction}_port{max(ports)} is given")
    return tuple(ports[channel] for channel in sorted(ports))


def _check_endpoint(name: str, endpoint: str) -> None:
    """Refuse what ZeroMQ could not bind or connect to."""
    match = _ENDPOINT.fullmatch(endpoint)
    allowed = "tcp://*:2000 or ipc:///path" if name == "tx_port" else "tcp://localhost:2001 or ipc:///path"
    if match is None:
        raise ValueError(f"{name}={endpoint!r} is no endpoint: such as {allowed}")
    host, port = match["host"], match["port"]
    if port is not None and (port == "*" or not 1 <= int(port) <= 65535) and (port != "*" or name == "rx_port"):
        raise ValueError(f"{name}={endpoint!r}: port {port} is not allowed: 1 to 65535")
    if host == "*" and name == "rx_port":
        raise ValueError(f"{name}={endpoint!r}: * is no host to connect to: such as {allowed}")


def _check_other(key: str, value: str) -> None:
    """Refuse what is not supported, by name; accept what changes nothing."""
    if _TYPE_KEY.fullmatch(key):
        usual = "req" if key.startswith("rx") else "rep"
        if value.lower() not in ("req", "rep"):
            raise ValueError(f"{key}={value} is not supported: REQ and REP sockets are ({key}={usual})")
    elif _FORMAT_KEY.fullmatch(key):
        if value.lower() not in ("fc32", "cf32"):
            raise ValueError(f"{key}={value} is not supported: samples are complex float32 ({key}=fc32)")
    elif _OFFSET_KEY.fullmatch(key):
        if _number(key, value) != 0:
            raise ValueError(f"{key}={value} is not supported: 0 is")
    elif _FREQUENCY_KEY.fullmatch(key):
        _number(key, value)  # one channel carries one frequency, so it selects nothing
    else:
        raise ValueError(f"device argument {key!r} is not known: {_KNOWN}")


def _number(key: str, value: str) -> float:
    """A finite number."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{key}={value!r} is no number")
    return number


def _truth(key: str, value: str) -> bool:
    """A truth value."""
    if value.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(f"{key}={value!r} is not allowed: true or false")
    return value.lower() in _TRUE
