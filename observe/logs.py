"""Sets up the log of a process: one line an event, levels and files by layer."""

import logging
import sys
from pathlib import Path
from typing import Final

from picocell.observe.config import LayerLog, LogConfig

FORMAT: Final = "%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s"
TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"

LOGGERS: Final[dict[str, tuple[str, ...]]] = {
    "radio": ("picocell.radio",),
    "phy": ("picocell.phy", "picocell.enb.phy", "picocell.ue.phy", "picocell.ue.radio", "picocell.ue.acquire"),
    "mac": ("picocell.mac",),
    "rlc_pdcp": ("picocell.rlc_pdcp",),
    "rrc": ("picocell.rrc_nas.rrc",),
    "nas": ("picocell.rrc_nas.nas", "picocell.epc.mme.ue_nas"),
    "s1ap": (
        "picocell.enb.s1ap",
        "picocell.enb.s1ap_connections",
        "picocell.enb.s1ap_setup",
        "picocell.enb.s1ap_ue",
        "picocell.enb.s1ap_ue_requests",
        "picocell.enb.core_link",
        "picocell.epc.mme",
        "picocell.epc.interfaces.s1ap",
        "picocell.epc.interfaces.sctp",
    ),
    "gtpu": (
        "picocell.enb.user_plane",
        "picocell.epc.interfaces.gtpu",
        "picocell.epc.interfaces.gtpu_endpoint",
        "picocell.epc.gtpu_socket",
        "picocell.epc.sgw.user_plane",
        "picocell.epc.pgw.user_plane",
    ),
    "hss": ("picocell.epc.hss", "picocell.epc.mme.subscribers"),
    "sgw": ("picocell.epc.sgw", "picocell.epc.interfaces.gtpv2c_endpoint"),
    "pgw": ("picocell.epc.pgw",),
}
"""Loggers of a layer; a logger's longest match counts, as always with loggers."""


class _OneLine(logging.Formatter):
    """A message of several lines, such as one that quotes a peer, stays one line; a traceback follows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return " ".join(super().formatMessage(record).splitlines())


def start(config: LogConfig) -> None:
    """Direct the log of this process as configured; layers are the fields of ``config`` that are a `LayerLog`.

    Raises:
        OSError: a file cannot be written.
    """
    root = logging.getLogger("picocell")
    root.setLevel(config.level.upper())
    root.propagate = False
    _replace(root, _handler(config.file))
    for layer in type(config).model_fields:
        wanted = getattr(config, layer)
        if not isinstance(wanted, LayerLog):
            continue
        handler = _handler(wanted.file) if wanted.file is not None else None
        for name in LOGGERS[layer]:
            logger = logging.getLogger(name)
            logger.setLevel(wanted.level.upper() if wanted.level is not None else logging.NOTSET)
            logger.propagate = handler is None
            _replace(logger, handler)


def _handler(file: Path | None) -> logging.Handler:
    if file is None:
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(_OneLine(FORMAT, TIME_FORMAT))
    return handler


def _replace(logger: logging.Logger, handler: logging.Handler | None) -> None:
    for former in list(logger.handlers):
        logger.removeHandler(former)
        former.close()
    if handler is not None:
        logger.addHandler(handler)
