"""``picocell recording-demo``: a cell with traffic goes into a recording, which scan and monitor read."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from picocell.enb.broadcast import BroadcastScheduler
from picocell.enb.system_information import Identity, sib1, sib2, sib3, system_information
from picocell.observe.pcap import MacPcap
from picocell.phy.fapi import DciDlPdu, DlConfigRequest, DlschPdu, TxRequest
from picocell.phy.lte import dci_sizes, pdcch_search, pdsch, regs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci1, DciFormat
from picocell.phy.lte.downlink import DownlinkTransmitter
from picocell.phy.lte.frame import SUBCARRIER_SPACING, TTI_MODULO, sample_rate
from picocell.phy.lte.grant import PdschGrant, from_dci
from picocell.radio.channel.awgn import awgn
from picocell.radio.channel.fading import FadingChannel, parse
from picocell.radio.channel.impairments import frequency_offset
from picocell.radio.file import open_recording
from picocell.radio.recorder import Recorder
from picocell.ue import monitor_report, scan, scan_report
from picocell.ue.acquire import Acquired
from picocell.ue.rnti_table import kind_of

PCI = 42
C_RNTI = 0x46
FREQUENCY = 2_680_000_000.0
CARRIER_OFFSET_HZ = 700.0
FIRST_TTI = 7_230
CFI = 3
AWGN = "AWGN"
MAX_CODE_RATE = 0.8
_MCS = (0, 4, 9, 14, 17, 22)
_ASSIGNMENT = "resource_block_assignment"


def check(n_prb: int, channel: str) -> None:
    """Refuse a bandwidth or channel that does not exist.

    Raises:
        ValueError: what is wrong and what is allowed.
    """
    Cell(pci=PCI, n_prb=n_prb)
    if channel.upper() != AWGN:
        parse(channel)


def run(*, n_prb: int, channel: str, snr_db: float, seconds: float, output: Path) -> int:
    """Run the demo.

    Returns:
        Exit code: 0 if the cell was read back with all its system information and its blocks.

    Raises:
        ValueError: a bandwidth or channel that does not exist (see :func:`check`).
        OSError: a folder that cannot be written.
    """
    console = Console(highlight=False, soft_wrap=True)
    cell = Cell(pci=PCI, n_prb=n_prb, n_ports=2)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "cell.sigmf-meta"
    rate = sample_rate(n_prb)
    sent: Counter[str] = Counter()
    subframes = round(1000 * seconds)
    air = Air(channel, snr_db, rate, cell.n_ports)
    scale = np.float32(0.1 / np.sqrt((1 + 10 ** (-snr_db / 10)) * cell.n_sc * SUBCARRIER_SPACING / rate))
    with Recorder(path, rate, FREQUENCY, "ci16_le", "picocell demo") as recorder, _bar(console) as bar:
        task = bar.add_task("send", total=subframes)
        for samples in transmit(cell, subframes, sent):
            recorder.write(air.receive(samples) * scale)
            bar.advance(task)
    console.print(
        f"sent: PCI {PCI}, {n_prb} PRB, {cell.n_ports} ports, {seconds:g} s at {rate / 1e6:g} Msps,"
        f" {sum(sent.values())} transport blocks"
    )
    console.print(f"air:  {channel} at {snr_db:g} dB, {CARRIER_OFFSET_HZ:+g} Hz; recording {path}")
    cells = scan.scan_recording(path, keep_arrays=True)
    scan_report.print_table(cells, path)
    if not cells:
        console.print("no cell found: try a higher --snr")
        return 1
    picture = output / "cell.png"
    scan_report.plot_cell(picture, cells)
    got = _monitor(console, path, cells[0].acquired, output / "cell.pcap")
    share = sum(got.values()) / max(sum(sent.values()), 1)
    console.print(f"read: {sum(got.values())} of {sum(sent.values())} transport blocks ({100 * share:.1f} %)")
    console.print(f"look: {picture}, {output / 'cell.pcap'} (Wireshark), picocell scan {path}, picocell monitor {path}")
    complete = cells[0].sib1 is not None and not cells[0].note
    return 0 if complete and share > 0.5 else 1


def transmit(cell: Cell, subframes: int, sent: Counter[str], seed: int = 1) -> Iterator[NDArray[np.complex64]]:
    """Samples of a cell with system information and one busy phone, complex64 (n_ports, n) a subframe.

    Args:
        cell: the cell.
        subframes: how many.
        sent: counts the transport blocks by kind of RNTI.
        seed: of the traffic.
    """
    rng = np.random.default_rng(seed)
    sender = DownlinkTransmitter(cell)
    si = system_information({2: sib2(cell.n_prb), 3: sib3()})
    broadcast = BroadcastScheduler(cell, sib1(Identity()), [si])
    for n in range(subframes):
        tti = (FIRST_TTI + n) % TTI_MODULO
        common = broadcast.subframe(tti)
        dlsch, dcis, payloads = list(common.dlsch), list(common.dci), dict(common.payloads)
        sent["SI"] += len(common.dlsch)
        if not common.dlsch:
            grant, message = _traffic(cell, tti, int(rng.choice(len(_MCS))), n % 8, n // 8 % 2)
            payloads[1] = bytes([1, 0x1F]) + rng.bytes(grant.tbs // 8 - 2)
            dlsch.append(DlschPdu(grant, 1))
            dcis.append(message)
            sent["C"] += 1
        config = DlConfigRequest(tti, CFI, tuple(dcis), common.bch, tuple(dlsch))
        yield sender.subframe(config, TxRequest(tti, payloads))


class Air:
    """Fading, a carrier offset, and noise at an SNR per resource element, a subframe at a time.

    A resource element has power 1 with the unitary OFDM of the transmitter, and white noise has the same power a sample
    as a resource element.

    Args:
        channel: ``AWGN``, or a profile with its Doppler.
        snr_db: SNR of a resource element.
        rate: samples per second.
        n_ports: transmit antennas.
    """

    def __init__(self, channel: str, snr_db: float, rate: float, n_ports: int) -> None:
        self._rate = rate
        self._noise_power = 10 ** (-snr_db / 10)
        self._rng = np.random.default_rng(3)
        self._time = 0
        self._fading: FadingChannel | None = None
        if channel.upper() != AWGN:
            profile, doppler = parse(channel)
            self._fading = FadingChannel(profile, doppler, rate, n_tx=n_ports, n_rx=1, seed=2)

    def receive(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """What one antenna receives of complex64 (n_ports, n): (n,)."""
        if self._fading is not None:
            received = self._fading.apply(samples)[0]
        else:
            received = samples.sum(axis=0) / np.float32(np.sqrt(len(samples)))
        turned = frequency_offset(received, CARRIER_OFFSET_HZ, self._rate, start=self._time)
        self._time += received.size
        return awgn(turned, self._noise_power, self._rng)


def _traffic(cell: Cell, tti: int, choice: int, harq_process: int, ndi: int) -> tuple[PdschGrant, DciDlPdu]:
    """A grant of half the band to the phone, and its DCI: the chosen MCS, or a lower one that fits."""
    subframe = tti % 10
    groups = next(width for name, width in dci_sizes.fields(cell, DciFormat.FORMAT_1) if name == _ASSIGNMENT)
    for mcs in reversed(_MCS[: choice + 1]):
        message = Dci1(
            resource_block_assignment=(1 << groups // 2) - 1, mcs=mcs, harq_process=harq_process, ndi=ndi, tpc=1
        )
        grant = from_dci(cell, subframe, CFI, C_RNTI, message)
        if grant.tbs <= MAX_CODE_RATE * grant.q_m * pdsch.n_re(cell, subframe, grant.prbs, CFI):
            break
    first, level = pdcch_search.candidates(regs.n_cce(cell, CFI), C_RNTI, subframe, False)[0]
    return grant, DciDlPdu(C_RNTI, message, first, level)


def _monitor(console: Console, path: Path, acquired: Acquired, pcap: Path) -> Counter[str]:
    """Read the recording's transport blocks into a PCAP; returns how many arrived."""
    recording = open_recording(path)
    got: Counter[str] = Counter()
    with MacPcap(pcap) as sink, _bar(console) as bar:
        task = bar.add_task("monitor", total=recording.duration)
        for at, event in monitor_report.events(recording, acquired):
            bar.update(task, completed=at)
            if event is not None:
                monitor_report.write_pcap(sink, event, at)
                if event.channel == "PDSCH" and event.crc and event.rnti is not None:
                    got[kind_of(event.rnti).value] += 1
    return got


def _bar(console: Console) -> Progress:
    """Progress, where the console is a terminal."""
    return Progress(console=console, transient=True, disable=not console.is_terminal)
