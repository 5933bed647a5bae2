"""How fast virtual time runs: ``python -m benchmarks.network_speed [--prb 6 25 ...] [--phones 1 10] [--json FILE]``.

A network of one cell is measured in three states: all phones camp, all are connected without traffic, and all move TCP
both ways. A figure is virtual milliseconds a second of CPU time. A profile says in which folder the time goes; what
NumPy, the interpreter's own functions and the standard library take is shown as such.
"""

import argparse
import cProfile
import json
import pstats
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from picocell.network import Cell, Network
from picocell.phone import Phone

SNR_DB = 25.0
CHUNK = bytes(1 << 16)
FOLDERS = ("kernels", "phy", "radio", "mac", "rlc_pdcp", "rrc_nas", "enb", "ue", "epc", "src")
ROOT = Path(__file__).resolve().parents[1]


class Traffic:
    """TCP both ways between each phone and the host behind the gateway."""

    def __init__(self, net: Network, phones: list[Phone]) -> None:
        self._net = net
        self._pairs = []
        for number, phone in enumerate(phones):
            listener = net.tcp_listen(5001 + number)
            near = phone.tcp_connect(net.host.address, 5001 + number)
            self._pairs.append((near.connection, listener.accept().connection))

    def step(self) -> None:
        """Keep the buffers full, read what came, and let a millisecond pass."""
        now = self._net.now
        for pair in self._pairs:
            for end in pair:
                if end.writable > len(CHUNK):
                    end.send(CHUNK, now)
                end.recv(1 << 20, now)
        self._net.step()


def rate(step: Any, ms: int) -> float:
    """Virtual milliseconds a second of CPU time."""
    start = time.process_time()
    for _ in range(ms):
        step()
    return ms / max(time.process_time() - start, 1e-9)


def shares(step: Any, ms: int) -> dict[str, float]:
    """Where the time goes, by folder."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(ms):
        step()
    profile.disable()
    found: dict[str, float] = defaultdict(float)
    for (path, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        found[_folder(path, name)] += own
    total = sum(found.values())
    return {folder: value / total for folder, value in sorted(found.items(), key=lambda item: -item[1])}


def _folder(path: str, name: str) -> str:
    if "picocell.kernels" in name or "/kernels/" in path:
        return "kernels"
    if path.startswith(str(ROOT)):
        parts = Path(path).relative_to(ROOT).parts
        folder = parts[2] if parts[:2] == ("src", "picocell") and len(parts) > 3 else parts[0]
        return folder if folder in FOLDERS else "src"
    return "numpy" if "numpy" in path or "numpy" in name else "python"


def measure(n_prb: int, n_phones: int, ms: int) -> dict[str, Any]:
    """One row: the three rates, and the profile under traffic."""
    with Network(Cell(n_prb=n_prb, inactivity_ms=300), snr_db=SNR_DB) as net:
        phones = [net.phone(f"00101{i:010d}") for i in range(1, n_phones + 1)]
        for phone in phones:
            phone.attach(wait=False)
        net.run_until(lambda: all(phone.attached for phone in phones), 60_000)
        for phone in phones:
            phone.wait_idle()
        camped = rate(net.step, ms)
        traffic = Traffic(net, phones)
        for _ in range(200):
            traffic.step()
        busy = rate(traffic.step, ms)
        profile = shares(traffic.step, ms // 2)
    with Network(Cell(n_prb=n_prb, inactivity_ms=None), snr_db=SNR_DB) as net:
        phones = [net.phone(f"00101{i:010d}") for i in range(1, n_phones + 1)]
        for phone in phones:
            phone.attach(wait=False)
        net.run_until(lambda: all(phone.attached for phone in phones), 60_000)
        net.run(200)
        quiet = rate(net.step, ms)
    return {"n_prb": n_prb, "phones": n_phones, "camped": camped, "connected": quiet, "tcp": busy, "profile": profile}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prb", type=int, nargs="+", default=[6, 25, 50, 100])
    parser.add_argument("--phones", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--ms", type=int, default=400)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print("| PRB | phones | all camp | all connected | TCP both ways | where the time goes under TCP |")
    print("|---:|---:|---:|---:|---:|---|")
    for n_prb in options.prb:
        for n_phones in options.phones:
            row = measure(n_prb, n_phones, options.ms)
            rows.append(row)
            top = ", ".join(f"{name} {share:.0%}" for name, share in list(row["profile"].items())[:6])
            print(
                f"| {n_prb} | {n_phones} | {row['camped']:.0f} | {row['connected']:.0f} | {row['tcp']:.0f} | {top} |",
                flush=True,
            )
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
