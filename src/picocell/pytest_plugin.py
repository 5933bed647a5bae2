"""A pytest plugin: a network and a phone as fixtures, and recordings of the tests that fail::

    import pytest
    from picocell import Cell

    @pytest.mark.picocell(cell=Cell(n_prb=50), channel="EPA5", snr_db=15)
    def test_ping(network, phone):
        phone.attach()
        assert phone.ping("172.16.0.1").received == 3

A test that fails leaves ``mac.pcap``, ``nas.pcap``, ``s1ap.pcap`` and ``network.log`` in a directory that is named
after it, below ``--picocell-artifacts DIR`` or else below pytest's temporary directory; the report tells the path.
"""

import logging
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from picocell.network import Network
    from picocell.phone import Phone

_LOGGER = "picocell"
_RECORDER = pytest.StashKey["Recorder"]()


class Recorder:
    """The networks of one test, with their recordings.

    Args:
        folder: where they are recorded while the test runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.networks: list[Network] = []
        self._handler = logging.FileHandler(folder / "network.log", encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(virtual)s %(levelname)s %(name)s: %(message)s"))
        self._handler.addFilter(self._stamp)
        logger = logging.getLogger(_LOGGER)
        self._level = logger.level
        logger.addHandler(self._handler)
        logger.setLevel(min(logger.level or logging.INFO, logging.INFO))

    def make(self, **settings: Any) -> "Network":
        """A network that is recorded; a directory of one's own for its recordings is respected."""
        from picocell.network import Network

        number = len(self.networks)
        settings.setdefault("pcap", self.folder if number == 0 else self.folder / f"network{number}")
        network = Network(**settings)
        self.networks.append(network)
        return network

    def save(self, target: Path) -> None:
        """Copy everything as it stands."""
        for network in self.networks:
            if network.captures is not None:
                network.captures.flush()
        self._handler.flush()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.folder, target)

    def close(self) -> None:
        """Close the networks and the log."""
        logger = logging.getLogger(_LOGGER)
        logger.removeHandler(self._handler)
        logger.setLevel(self._level)
        self._handler.close()
        for network in self.networks:
            network.close()

    def _stamp(self, record: logging.LogRecord) -> bool:
        """Virtual time, of the network made last."""
        record.virtual = f"{self.networks[-1].now:8d} ms" if self.networks else "       - ms"
        return True


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--picocell-artifacts``."""
    parser.getgroup("picocell").addoption(
        "--picocell-artifacts",
        metavar="DIR",
        help="where recordings of failed tests are kept (default: pytest's temporary directory)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "picocell(**settings): arguments of picocell.Network for the fixture 'network'")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the recordings of a test that failed, and tell where they are."""
    report = yield
    recorder = item.stash.get(_RECORDER, None)
    if report.failed and call.when == "call" and recorder is not None and recorder.networks:
        target = _artifacts(item.config) / _directory(item.nodeid)
        recorder.save(target)
        report.sections.append(("picocell recordings", str(target)))
    return report


@pytest.fixture
def make_network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Makes networks: a function with the arguments of `picocell.Network`. All are recorded, and closed at the end."""
    recorder = Recorder(tmp_path_factory.mktemp("picocell"))
    request.node.stash[_RECORDER] = recorder
    yield recorder.make
    recorder.close()


@pytest.fixture
def network_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Arguments of the fixture `network`: those of the marker ``picocell``. Override it to set them for many tests."""
    settings: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("picocell"))):
        settings |= marker.kwargs
    return settings


@pytest.fixture
def network(make_network: "Callable[..., Network]", network_settings: dict[str, Any]) -> "Network":
    """A `picocell.Network` with one cell and a core, in virtual time.

    It has the default settings but for those of the marker, ``@pytest.mark.picocell(cell=Cell(n_prb=50), snr_db=10)``,
    or of an own fixture ``network_settings``. Where one network is not enough there is the fixture ``make_network``.
    """
    return make_network(**network_settings)


@pytest.fixture
def phone(network: "Network") -> "Phone":
    """A phone of `network`, known to its core and switched off; ``network.phone(...)`` makes further ones."""
    return network.phone()


def _artifacts(config: pytest.Config) -> Path:
    """Where recordings are kept."""
    chosen = config.getoption("--picocell-artifacts")
    if chosen is not None:
        return Path(chosen).resolve()
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp() / "picocell-artifacts"


def _directory(nodeid: str) -> str:
    """A test's name as that of a directory."""
    return re.sub(r"[^\w.\-]+", "-", nodeid.removesuffix("]")).strip("-")
