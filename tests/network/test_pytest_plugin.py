"""The pytest plugin, in a pytest of its own."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

EXAMPLE = """
import pytest
from picocell import Cell, Network

pytestmark = pytest.mark.picocell(cell=Cell(n_prb=6))

def test_good(network, phone):
    assert isinstance(network, Network)
    phone.attach()
    assert network.phones == [phone]

@pytest.mark.picocell(snr_db=17)
@pytest.mark.parametrize("n", [7])
def test_bad(network, phone, n):
    assert network.snr_db == 17
    assert network.cell.n_prb == 6
    phone.attach()
    network.run(50)
    assert phone.ip == "none"

def test_many(make_network):
    first, second = make_network(cell=Cell(n_prb=6)), make_network(cell=Cell(n_prb=15), seed=4)
    second.phone().attach()
    assert first.now == 1

class TestOwn:
    @pytest.fixture
    def network_settings(self):
        return {"cell": Cell(n_prb=15), "seed": 9}

    def test_settings(self, network):
        assert (network.seed, network.cell.n_prb) == (9, 15)
"""


def test_recordings_of_failed_tests(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(EXAMPLE)
    installed = any(point.value == "picocell.pytest_plugin" for point in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "picocell.pytest_plugin"]
    kept = tmp_path / "kept"
    command = [sys.executable, "-m", "pytest", "-q", *plugin, "--strict-markers", f"--picocell-artifacts={kept}"]
    command += ["-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert "2 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    folder = kept / "test_example.py-test_bad-7"
    assert "picocell recordings" in done.stdout
    assert str(folder) in done.stdout
    assert {path.name for path in folder.iterdir()} == {"mac.pcap", "nas.pcap", "s1ap.pcap", "network.log"}
    assert all((folder / name).stat().st_size > 300 for name in ("mac.pcap", "nas.pcap", "s1ap.pcap"))
    log = (folder / "network.log").read_text()
    assert "S1 Setup done" in log
    assert " ms INFO picocell." in log
    # only failed tests leave something, every network of them
    assert {path.name for path in kept.iterdir()} == {folder.name, "test_example.py-test_many"}
    assert (kept / "test_example.py-test_many" / "network1" / "mac.pcap").exists()
