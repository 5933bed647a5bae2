"""The device arguments of a recording that is the radio: ``driver=file,path=cell.sigmf-meta,loop=true,pace=real``."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self, cast

from picocell.radio.key_values import key_values

Pace = Literal["fast", "real"]

_PATH_KEY: Final = re.compile(r"path(\d?)")
_KNOWN: Final = "path (path0, path1, …), rate, datatype, loop, pace, tx"
_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class FileArgs:
    """A recording that is the radio.

    Attributes:
        paths: a recording an antenna.
        rate: samples per second of raw samples.
        datatype: of raw samples.
        loop: start again at the end.
        pace: ``real``: a second takes one; ``fast``: as fast as the samples are taken.
        tx: where to record what is sent; None drops it.
    """

    paths: tuple[str, ...]
    rate: float | None = None
    datatype: str | None = None
    loop: bool = False
    pace: Pace = "fast"
    tx: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read device arguments.

        Raises:
            ValueError: what is wrong and what is allowed, in one line.
        """
        values = key_values(text)
        paths: dict[int, str] = {}
        for key in [key for key in values if _PATH_KEY.fullmatch(key)]:
            antenna = int(key.removeprefix("path") or 0)
            if antenna in paths:
                raise ValueError("path and path0 are the same antenna: give one of them")
            paths[antenna] = values.pop(key)
        unknown = set(values) - {"driver", "device_name", "id", "rate", "datatype", "loop", "pace", "tx"}
        if unknown:
            raise ValueError(f"device argument {min(unknown)!r} is not known: driver=file takes {_KNOWN}")
        if sorted(paths) != list(range(len(paths))) or not paths:
            raise ValueError("driver=file: path is missing" if 0 not in paths else f"path{len(paths) - 1} is missing")
        pace = values.get("pace", "fast")
        if pace not in ("fast", "real"):
            raise ValueError(f"pace={pace} is not allowed: fast or real")
        return cls(
            tuple(paths[antenna] for antenna in sorted(paths)),
            _rate(values.get("rate")),
            values.get("datatype"),
            _truth("loop", values.get("loop", "false")),
            cast(Pace, pace),
            Path(values["tx"]) if "tx" in values else None,
        )


def _rate(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        rate = float(value)
    except ValueError:
        rate = math.nan
    if not math.isfinite(rate):
        raise ValueError(f"rate={value!r} is no number")
    return rate


def _truth(key: str, value: str) -> bool:
    if value.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(f"{key}={value!r} is not allowed: true or false")
    return value.lower() in _TRUE
