"""Sixteen phones of one cell, each with its own fading and SNR: proportional fair scheduling against round robin.

python examples/sixteen_phones.py --out sixteen_phones.png

All phones are sent as much as the cell can carry. A table and a line of JSON say what each of them got; with --out
there is a picture. A second of 50 PRB and sixteen phones takes some ten seconds of one core.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import picocell as pc
from picocell.mac.link_adaptation import OuterLoop

CHANNELS = ("EPA5", "EVA30", "ETU70", "EVA200")
"""Profiles with their Doppler frequencies: on foot, in a town's traffic, on a road, on a train."""

LOWEST_DB, HIGHEST_DB = 4.0, 26.0
SETTLE_MS = 1000
"""Link adaptation finds its offset before anything is counted."""

PORT, PAYLOAD, QUEUE = 5001, bytes(1372), 30_000


@dataclass
class Share:
    """What one phone got.

    Attributes:
        channel, snr_db: of its link.
        mbps: UDP payload that arrived.
        blocks, failed: first transmissions that it answered, and those that it could not decode.
    """

    channel: str
    snr_db: float
    mbps: float = 0.0
    blocks: int = 0
    failed: int = 0

    @property
    def bler(self) -> float:
        """Block error rate of first transmissions."""
        return self.failed / max(self.blocks, 1)


@dataclass
class Outcome:
    """What all phones got of a cell with one scheduler."""

    scheduler: str
    phones: list[Share] = field(default_factory=list)

    @property
    def mbps(self) -> float:
        """All phones together."""
        return sum(phone.mbps for phone in self.phones)

    @property
    def fairness(self) -> float:
        """Jain's index of the throughputs: 1 where all are the same, 1/n where one phone has everything."""
        return self.mbps**2 / max(len(self.phones) * sum(phone.mbps**2 for phone in self.phones), 1e-9)

    @property
    def bler(self) -> float:
        """Block error rate of first transmissions to all phones."""
        return sum(phone.failed for phone in self.phones) / max(sum(phone.blocks for phone in self.phones), 1)


class CountingLoop(OuterLoop):
    """Link adaptation's outer loop, which is told how each first transmission went, and counts them."""

    blocks = failed = 0

    def feedback(self, ok: bool, at_limit: bool = True) -> None:
        """As that of every outer loop."""
        self.blocks += 1
        self.failed += not ok
        super().feedback(ok, at_limit)


def measure(
    scheduler: str,
    *,
    n_prb: int = 50,
    n_phones: int = 16,
    seconds: float = 2.0,
    settle_ms: int = SETTLE_MS,
    seed: int = 1,
) -> Outcome:
    """Attach all phones, send them all that they can take, and see what each one gets.

    Args:
        scheduler: ``pf`` or ``rr``.
        n_prb: bandwidth of the cell.
        n_phones: their SNRs are spread evenly, their channels repeat.
        seconds: of virtual time that is counted.
        settle_ms: virtual time before that.
        seed: of everything random.
    """
    with pc.Network(pc.Cell(n_prb=n_prb, scheduler=scheduler), seed=seed) as net:
        step = (HIGHEST_DB - LOWEST_DB) / max(n_phones - 1, 1)
        shares = [Share(name, LOWEST_DB + i * step) for i, name in enumerate(islice(cycle(CHANNELS), n_phones))]
        phones = [
            net.phone(f"0010101234{i:05d}", channel=share.channel, snr_db=share.snr_db)
            for i, share in enumerate(shares)
        ]
        for phone in phones:
            phone.attach(wait=False)
        net.run_until(lambda: all(phone.attached for phone in phones), 20_000)

        mac = net.enb.mac
        sender, sockets = net.udp_socket(), [phone.udp_socket(PORT) for phone in phones]

        def flow(ms: int) -> None:
            """Let time pass; no phone's queue in the cell runs empty."""
            for _ in range(ms):
                for phone in phones:
                    if phone.ip and phone.c_rnti is not None and phone.c_rnti in mac.rntis:
                        waiting = mac.ue(phone.c_rnti).dl_pending
                        for _ in range(max(QUEUE - waiting, 0) // len(PAYLOAD) // 4):
                            sender.sendto(PAYLOAD, phone.ip, PORT)
                net.step()

        def taken() -> list[int]:
            """Bytes that have come to each phone since the last call."""
            return [sum(len(datagram.data) for datagram in iter(socket.recvfrom, None)) for socket in sockets]

        flow(settle_ms)
        loops: list[CountingLoop] = []
        for phone in phones:
            ue = mac.ue(phone.metrics.rnti or 0)
            loop = CountingLoop(net.cell.mac.bler, net.cell.mac.olla_step_db)
            loop.offset_db, ue.dl_loop = ue.dl_loop.offset_db, loop
            loops.append(loop)
        taken()
        flow(round(1000 * seconds))
        for share, n_bytes, loop in zip(shares, taken(), loops, strict=True):
            share.mbps, share.blocks, share.failed = 8e-6 * n_bytes / seconds, loop.blocks, loop.failed
        return Outcome(scheduler, shares)


def table(outcomes: Sequence[Outcome]) -> str:
    """The figures for people."""
    names = "".join(f"  {outcome.scheduler:>5} Mb/s   BLER" for outcome in outcomes)
    lines = [f"phone  channel  SNR dB{names}"]
    for i, shares in enumerate(zip(*(outcome.phones for outcome in outcomes), strict=True), 1):
        values = "".join(f"  {share.mbps:10.2f} {share.bler:6.1%}" for share in shares)
        lines.append(f"{i:5}  {shares[0].channel:<7}  {shares[0].snr_db:6.1f}{values}")
    lines.append(f"all{'':19}" + "".join(f"  {one.mbps:10.2f} {one.bler:6.1%}" for one in outcomes))
    lines.append(f"Jain's index{'':10}" + "".join(f"  {one.fairness:10.3f}       " for one in outcomes))
    return "\n".join(line.rstrip() for line in lines)


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """The figures for programs."""
    totals = {"mbps": round(outcome.mbps, 3), "jain": round(outcome.fairness, 4), "bler": round(outcome.bler, 4)}
    return {"scheduler": outcome.scheduler, **totals, "phones": [asdict(phone) for phone in outcome.phones]}


def draw(outcomes: Sequence[Outcome], out: Path, title: str) -> None:
    """Throughput and error rate of each phone, a colour a scheduler."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    rates, errors = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    phones = outcomes[0].phones
    width = 0.8 / len(outcomes)
    names = {"pf": "proportional fair", "rr": "round robin"}
    for i, (outcome, colour) in enumerate(zip(outcomes, ("tab:blue", "tab:orange"), strict=False)):
        at = [number + (i + 0.5) * width - 0.4 for number in range(len(phones))]
        label = f"{names[outcome.scheduler]}: {outcome.mbps:.1f} Mb/s together, Jain's index {outcome.fairness:.2f}"
        rates.bar(at, [phone.mbps for phone in outcome.phones], width, color=colour, label=label)
        label = f"{names[outcome.scheduler]}: {outcome.bler:.1%} of all"
        errors.bar(at, [100 * phone.bler for phone in outcome.phones], width, color=colour, label=label)
    errors.axhline(10, color="black", linewidth=0.8, linestyle="--", label="aim of link adaptation: 10 %")
    rates.set(title=title, ylabel="downlink throughput (Mb/s)")
    errors.set(
        ylabel="BLER of first\ntransmissions (%)", xlabel="phone: SNR and channel, the number being its Doppler (Hz)"
    )
    errors.set_xticks(range(len(phones)), [f"{phone.snr_db:.0f} dB\n{phone.channel}" for phone in phones], fontsize=8)
    errors.set_ylim(0, max(20.0, *(105 * phone.bler for one in outcomes for phone in one.phones)))
    for axes in (rates, errors):
        axes.legend(fontsize="small", loc="upper left")
        axes.grid(True, axis="y", linewidth=0.3)
    figure.savefig(out, dpi=100)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prb", type=int, default=50)
    parser.add_argument("--phones", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0, help="virtual time that is counted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="picture: .png, .pdf or .svg; needs matplotlib")
    options = parser.parse_args()
    found = [
        measure(name, n_prb=options.prb, n_phones=options.phones, seconds=options.seconds, seed=options.seed)
        for name in ("pf", "rr")
    ]
    print(table(found))
    print(json.dumps([as_dict(outcome) for outcome in found]))
    if options.out is not None:
        title = f"{options.phones} phones in a cell of {options.prb} PRB, {options.seconds:g} s, full buffers"
        draw(found, options.out, title)


if __name__ == "__main__":
    main()
