"""The log of a process: a line an event, levels and files by layer."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from picocell.enb.config import EnbLog
from picocell.epc.config import EpcLog
from picocell.observe import logs
from picocell.observe.config import LayerLog
from picocell.ue.config import UeLog


@pytest.fixture(autouse=True)
def quiet_again() -> Iterator[None]:
    """Loggers as they were."""
    names = ["picocell", *(name for layer in logs.LOGGERS.values() for name in layer)]
    yield
    for logger in map(logging.getLogger, names):
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def test_levels_and_files_by_layer(tmp_path: Path) -> None:
    own = LayerLog(level="debug", file=tmp_path / "sub" / "mac.log")
    logs.start(EnbLog(level="warning", file=tmp_path / "enb.log", mac=own, rrc=LayerLog(level="info")))
    for name in ("picocell.mac.enb_mac", "picocell.rrc_nas.rrc.enb", "picocell.phy.lte.prach"):
        logging.getLogger(name).debug("debug of %s", name)
        logging.getLogger(name).info("info of %s", name)
        logging.getLogger(name).warning("warning of %s", name)
    main = (tmp_path / "enb.log").read_text().splitlines()
    assert [line.split(" ", 2)[2].split()[0:3] for line in main] == [
        ["INFO", "info", "of"],
        ["WARNING", "warning", "of"],
        ["WARNING", "warning", "of"],
    ]
    assert "rrc_nas" in main[0]
    mac = (tmp_path / "sub" / "mac.log").read_text().splitlines()
    assert [line.split()[2] for line in mac] == ["DEBUG", "INFO", "WARNING"]


def test_an_event_is_a_line(tmp_path: Path) -> None:
    logs.start(EnbLog(file=tmp_path / "log"))
    logging.getLogger("picocell.mac").warning("a peer said:\none\r\ntwo")
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.endswith("a peer said: one two")


def test_starting_again_replaces_what_was(tmp_path: Path) -> None:
    logs.start(EnbLog(file=tmp_path / "first", mac=LayerLog(file=tmp_path / "mac")))
    logs.start(EnbLog(file=tmp_path / "second"))
    logging.getLogger("picocell.mac.x").warning("here")
    assert (tmp_path / "first").read_text() == (tmp_path / "mac").read_text() == ""
    assert "here" in (tmp_path / "second").read_text()


@pytest.mark.parametrize("kind", [EnbLog, UeLog, EpcLog])
def test_every_layer_has_loggers(kind: type[EnbLog] | type[UeLog] | type[EpcLog]) -> None:
    layers = set(kind.model_fields) - {"level", "file"}
    assert layers <= set(logs.LOGGERS)


def test_file_that_cannot_be_written() -> None:
    with pytest.raises(OSError, match="proc"):
        logs.start(EnbLog(file=Path("/proc/none/log")))
