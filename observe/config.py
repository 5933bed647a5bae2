"""Building blocks of configuration models: sections, values as people write them, and what is seen of a process.

Every value arrives as text, from a YAML file as from the command line, so that ``plmn: 00101`` keeps its zeros; the
model says what the text means. A validator's message says what is allowed, and nothing else.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo

from picocell.radio.file_radio import recording_args
from picocell.radio.key_values import key_values
from picocell.radio.open import DRIVERS
from picocell.radio.sdr.args import sdr_args
from picocell.radio.shm.args import ShmArgs, is_shm
from picocell.radio.short_form import expand_short
from picocell.radio.zmq.args import ZmqArgs
from picocell.rrc_nas.security.algorithms import Eea, Eia

BASE: Final = "base"
"""Key of the validation context: the folder that relative paths start from."""


class Section(BaseModel):
    """Keys of one section. Keys that it does not have are refused, and its values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, revalidate_instances="always")


class RelativePath:
    """Marks a field whose text is a path, relative to where it was written."""


def _integer(value: Any) -> Any:
    """Hexadecimal as people write it."""
    if isinstance(value, str) and value.lower().startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            raise ValueError("allowed are whole numbers such as 42 or 0x2a") from None
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _list(value: Any) -> Any:
    """One value is a list of one."""
    return [value] if isinstance(value, str | int) else value


def _placed(path: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get(BASE)
    return path if base is None else Path(base) / path.expanduser()


def _plmn(value: Any) -> Any:
    if isinstance(value, str):
        digits = value.replace("/", "").replace("-", "")
        if digits.isascii() and digits.isdigit() and len(digits) in (5, 6):
            return digits[:3], digits[3:]
    elif isinstance(value, tuple):
        return value
    raise ValueError("allowed are five or six digits, MCC and MNC, such as 00101")


def _key(value: Any) -> Any:
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
    except (ValueError, TypeError):
        data = b""
    if len(data) not in (16, 32):
        raise ValueError("allowed are 32 hexadecimal digits (64 with TUAK)")
    return data


def _algorithm(kind: type[Eea] | type[Eia], lowest: int) -> BeforeValidator:
    allowed = ", ".join(one.name for one in kind if one >= lowest)

    def read(value: Any) -> Any:
        text = str(value).upper().removeprefix("128-").removeprefix(kind.__name__.upper())
        if text.isdigit() and lowest <= int(text) < len(kind):
            return kind(int(text))
        raise ValueError(f"allowed are {allowed}")

    return BeforeValidator(read)


def imsi(value: str) -> str:
    """An IMSI.

    Raises:
        ValueError: it is none.
    """
    if not (value.isascii() and value.isdigit() and 6 <= len(value) <= 15):
        raise ValueError("allowed are 6 to 15 digits")
    return value


def zmq_args(text: str) -> ZmqArgs | None:
    """Device arguments of a ZeroMQ radio; None for those of another radio.

    Raises:
        ValueError: arguments that are not allowed.
    """
    values = key_values(expand_short(text))
    driver = values.get("driver") or values.get("device_name") or ("shm" if is_shm(expand_short(text)) else "zmq")
    return ZmqArgs.parse(text) if driver == "zmq" else None


def check_channels(args: ZmqArgs, n_tx: int, n_rx: int) -> None:
    """Refuse antennas without a port.

    Raises:
        ValueError: which ports are missing.
    """
    try:
        args.check_channels(n_tx, n_rx)
    except ValueError as error:
        raise ValueError(f"radio.args: {error}") from None


def _device_args(value: str) -> str:
    zmq_args(value)
    recording_args(value)
    sdr_args(value)
    if is_shm(expand_short(value)):
        ShmArgs.parse(value)
    values = key_values(expand_short(value))
    driver = values.get("driver") or values.get("device_name") or "zmq"
    if driver not in DRIVERS:
        raise ValueError(f"driver={driver} is not known: allowed are {', '.join(DRIVERS)}")
    return value


def _netns(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value) or value in (".", ".."):
        raise ValueError("allowed are 1 to 64 letters, digits, '_', '.' and '-'")
    return value


_NAME: Final = PlainSerializer(lambda value: value.name, return_type=str)

Int = Annotated[int, BeforeValidator(_integer)]
"""A whole number, decimal or hexadecimal."""
HexInt = Annotated[int, BeforeValidator(_integer), PlainSerializer(lambda value: f"0x{value:05x}", return_type=str)]
"""A whole number that is shown in hexadecimal."""
Port = Annotated[Int, Field(ge=0, le=65535)]
"""A port; 0 lets the system choose."""
FilePath = Annotated[Path, AfterValidator(_placed), RelativePath()]
"""A path, relative to the file that names it."""
Plmn = Annotated[
    tuple[str, str], BeforeValidator(_plmn), PlainSerializer(lambda value: "".join(value), return_type=str)
]
"""MCC and MNC."""
Key = Annotated[bytes, BeforeValidator(_key), PlainSerializer(lambda value: value.hex(), return_type=str)]
"""A key of 16 or 32 bytes."""
DeviceArgs = Annotated[str, AfterValidator(_device_args)]
"""Device arguments of a radio."""
Netns = Annotated[str, AfterValidator(_netns)]
"""Name of a network namespace."""
Imsi = Annotated[str, AfterValidator(imsi)]
Ciphering = Annotated[Eea, _algorithm(Eea, 0), _NAME]
Integrity = Annotated[Eia, _algorithm(Eia, 1), _NAME]
Cipherings = Annotated[tuple[Ciphering, ...], BeforeValidator(_list), Field(min_length=1)]
"""Ciphering algorithms, the preferred one first."""
Integrities = Annotated[tuple[Integrity, ...], BeforeValidator(_list), Field(min_length=1)]
"""Integrity algorithms, the preferred one first."""
Texts = Annotated[tuple[str, ...], BeforeValidator(_list)]
Ints = Annotated[tuple[Int, ...], BeforeValidator(_list)]


class OneOf:
    """Checks that a number is one of ``allowed``."""

    def __init__(self, allowed: Sequence[int]) -> None:
        self.allowed = tuple(allowed)

    def __call__(self, value: int) -> int:
        """The number.

        Raises:
            ValueError: it is not allowed.
        """
        if value not in self.allowed:
            raise ValueError(f"allowed are {self}")
        return value

    def __str__(self) -> str:
        return ", ".join(map(str, self.allowed))


def one_of(allowed: Sequence[int]) -> AfterValidator:
    """A number that is one of these."""
    return AfterValidator(OneOf(allowed))


Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]


class LayerLog(Section):
    """Log of one layer."""

    level: Level | None = Field(default=None, description="level of this layer; null: that of the log")
    file: FilePath | None = Field(default=None, description="file of this layer; null: that of the log")


class LogConfig(Section):
    """Log: debug, info, warning or error; files are appended to."""

    level: Level = Field(default="info", description="level of all layers that have none of their own")
    file: FilePath | None = Field(default=None, description="log file; null: standard error")


class PcapConfig(Section):
    """Recordings of messages that Wireshark opens with no set-up."""

    directory: FilePath | None = Field(default=None, description="folder for the .pcap files; null: none are written")


def _metrics_file(path: Path) -> Path:
    if path.suffix not in (".csv", ".json", ".jsonl"):
        raise ValueError("allowed are files that end in .csv, .json or .jsonl")
    return path


class MetricsConfig(Section):
    """Measured values, a line a period."""

    file: Annotated[FilePath, AfterValidator(_metrics_file)] | None = Field(
        default=None, description=".csv, or .json for JSON lines; null: none is written"
    )
    period_ms: Int = Field(default=1000, ge=10, le=3_600_000, description="time between lines")


class ConsoleConfig(Section):
    """Live console."""

    enable: bool = Field(default=True, description="show milestones, and the table when t is pressed")
    table: bool = Field(default=False, description="show the table from the start")
    period_ms: Int = Field(default=1000, ge=100, le=60_000, description="time between lines of the table")
