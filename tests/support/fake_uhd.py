"""A stand-in for UHD's Python module, by its documentation: streamers with metadata, timed bursts, late messages."""

# ruff: noqa: ARG002

import enum
import math
import queue
import types
from typing import Any

import numpy as np

MASTER = 30.72e6


class TimeSpec:
    def __init__(self, full: float, frac: float | None = None) -> None:
        self.full, self.frac = (full, frac) if frac is not None else (math.floor(full), full - math.floor(full))
        assert isinstance(self.full, int)
        assert 0 <= self.frac < 1

    def to_ticks(self, rate: float) -> int:
        return round(self.full * rate) + round(self.frac * rate)


class Codes(enum.Enum):
    none, timeout, late, broken_chain, overflow, alignment, bad_packet = 0, 1, 2, 4, 8, 12, 15


class Events(enum.Enum):
    burst_ack, underflow, seq_error, time_error, underflow_in_packet = 1, 2, 4, 8, 16


class RXMetadata:
    error_code, has_time_spec, time_spec = Codes.none, False, TimeSpec(0, 0.0)

    def strerror(self) -> str:
        return f"ERROR_CODE_{self.error_code.name.upper()}"


class TXMetadata:
    start_of_burst = end_of_burst = has_time_spec = False
    time_spec = TimeSpec(0, 0.0)


class TXAsyncMetadata:
    event_code = Events.burst_ack


class StreamCMD:
    def __init__(self, mode: str) -> None:
        self.mode, self.stream_now, self.time_spec = mode, True, TimeSpec(0, 0.0)


class MetaRange:
    def start(self) -> float:
        return 0.0

    def stop(self) -> float:
        return 76.0


class StreamArgs:
    def __init__(self, cpu: str, wire: str) -> None:
        self.formats, self.channels = (cpu, wire), [0]


class Usrp:
    """One device; what is received is put into ``script``: numbers of samples with their times, codes, errors."""

    def __init__(self, args: str) -> None:
        if "none" in args:
            raise RuntimeError("LookupError: KeyError: No devices found for ----->\nDevice Address:\n    type: none")
        self.args = args
        self.set: dict[str, tuple[Any, ...]] = {}
        self.rate = {"rx": 0.0, "tx": 0.0}
        self.script: queue.Queue[Any] = queue.Queue()
        self.told: queue.Queue[Events] = queue.Queue()
        self.commands: list[StreamCMD] = []
        self.sent: list[tuple[bool, bool, int | None, np.ndarray]] = []
        self.now = 5.0

    def __getattr__(self, name: str) -> Any:
        verb, _, what = name.partition("_")
        if verb == "set":
            return lambda *values: self.set.__setitem__(what, values)
        raise AttributeError(name)

    def set_rx_rate(self, rate: float, channel: int) -> None:
        self.rate["rx"] = MASTER / round(MASTER / rate)

    def set_tx_rate(self, rate: float, channel: int) -> None:
        self.rate["tx"] = MASTER / round(MASTER / rate)

    def get_rx_rate(self, channel: int = 0) -> float:
        return self.rate["rx"]

    def get_tx_rate(self, channel: int = 0) -> float:
        return self.rate["tx"]

    def get_rx_num_channels(self) -> int:
        return 2

    get_tx_num_channels = get_rx_num_channels

    def get_rx_antennas(self, channel: int) -> list[str]:
        return ["TX/RX", "RX2"]

    def get_tx_antennas(self, channel: int) -> list[str]:
        return ["TX/RX"]

    def get_rx_gain_names(self, channel: int) -> list[str]:
        return ["PGA"]

    get_tx_gain_names = get_rx_gain_names

    def get_rx_gain_range(self, *where: Any) -> MetaRange:
        return MetaRange()

    get_tx_gain_range = get_rx_gain_range

    def get_clock_sources(self, board: int) -> list[str]:
        return ["internal", "external", "gpsdo"]

    get_time_sources = get_clock_sources

    def get_time_now(self, board: int) -> TimeSpec:
        return TimeSpec(self.now)

    def get_rx_stream(self, args: StreamArgs) -> "RxStreamer":
        assert args.formats == ("fc32", "sc16")
        return RxStreamer(self, args)

    def get_tx_stream(self, args: StreamArgs) -> "TxStreamer":
        return TxStreamer(self, args)


class RxStreamer:
    def __init__(self, usrp: Usrp, args: StreamArgs) -> None:
        self._usrp, self._n = usrp, len(args.channels)

    def issue_stream_cmd(self, command: StreamCMD) -> None:
        self._usrp.commands.append(command)

    def recv(self, buffer: np.ndarray, metadata: RXMetadata, timeout: float) -> int:
        assert buffer.dtype == np.complex64
        assert buffer.shape[0] == self._n
        try:
            got = self._usrp.script.get(timeout=min(timeout, 0.02))
        except queue.Empty:
            metadata.error_code, metadata.has_time_spec = Codes.timeout, False
            return 0
        if isinstance(got, Exception):
            raise got
        if isinstance(got, Codes):
            metadata.error_code, metadata.has_time_spec = got, True
            return 0
        n, ticks = got
        rate = round(self._usrp.rate["rx"])
        metadata.error_code, metadata.has_time_spec = Codes.none, True
        metadata.time_spec = TimeSpec(ticks // rate, (ticks % rate) / rate)
        buffer[:, :n] = ticks + np.arange(n)
        return int(n)


class TxStreamer:
    def __init__(self, usrp: Usrp, args: StreamArgs) -> None:
        self._usrp, self._n = usrp, len(args.channels)

    def send(self, samples: np.ndarray, metadata: TXMetadata, timeout: float) -> int:
        assert samples.dtype == np.complex64
        assert samples.shape[0] == self._n
        at = metadata.time_spec.to_ticks(self._usrp.rate["tx"]) if metadata.has_time_spec else None
        self._usrp.sent.append((metadata.start_of_burst, metadata.end_of_burst, at, samples.copy()))
        return int(samples.shape[1])

    def recv_async_msg(self, metadata: TXAsyncMetadata, timeout: float) -> bool:
        try:
            metadata.event_code = self._usrp.told.get_nowait()
        except queue.Empty:
            return False
        return True


class TuneRequest:
    def __init__(self, frequency: float, lo_offset: float = 0.0) -> None:
        self.frequency, self.lo_offset = frequency, lo_offset


class DeviceAddr:
    def to_dict(self) -> dict[str, str]:
        return {"type": "b200", "serial": "30C51D7"}


def module(made: list[Usrp]) -> types.ModuleType:
    """The module; each device that is opened is put into ``made``."""

    def opened(args: str) -> Usrp:
        made.append(Usrp(args))
        return made[-1]

    uhd = types.ModuleType("uhd")
    uhd.types = types.SimpleNamespace(  # type: ignore[attr-defined]
        RXMetadata=RXMetadata,
        TXMetadata=TXMetadata,
        TXAsyncMetadata=TXAsyncMetadata,
        RXMetadataErrorCode=Codes,
        TXMetadataEventCode=Events,
        StreamCMD=StreamCMD,
        StreamMode=types.SimpleNamespace(start_cont="start_cont", stop_cont="stop_cont"),
        TimeSpec=TimeSpec,
        TuneRequest=TuneRequest,
    )
    uhd.usrp = types.SimpleNamespace(MultiUSRP=opened, StreamArgs=StreamArgs)  # type: ignore[attr-defined]
    uhd.find = lambda args: [] if "none" in args else [DeviceAddr()]  # type: ignore[attr-defined]
    return uhd
