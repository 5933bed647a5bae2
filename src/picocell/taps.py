"""Recordings of a network's messages: MAC, NAS and S1AP as PCAP files that Wireshark opens with no set-up."""

import shutil
from pathlib import Path

from picocell.epc.interfaces.transport import Interface, Message
from picocell.mac.enb_mac import DownlinkSubframe
from picocell.observe.exported_pdu import ExportedPduPcap
from picocell.observe.pcap import MacPcap, RntiType
from picocell.phy.fapi_uplink import UlIndication
from picocell.phy.lte.dci import P_RNTI, RA_RNTIS, SI_RNTI
from picocell.phy.lte.frame import TTI_MODULO

MS: float = 1e-3


class Captures:
    """PCAP files of a network in a directory: ``mac.pcap``, ``nas.pcap``, ``s1ap.pcap``. Time starts at the epoch.

    Args:
        directory: made where it is not there.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._mac = MacPcap(directory / "mac.pcap")
        self._nas = ExportedPduPcap(directory / "nas.pcap")
        self._s1ap = ExportedPduPcap(directory / "s1ap.pcap")

    def downlink(self, subframe: DownlinkSubframe, now: int) -> None:
        """Transport blocks of a downlink subframe."""
        sfn, number = divmod(now % TTI_MODULO, 10)
        for pdu in subframe.config.dlsch:
            data = subframe.tx.pdus[pdu.pdu_index]
            rnti = pdu.grant.rnti
            self._mac.write(
                data,
                direction="DL",
                rnti_type=_kind(rnti),
                rnti=rnti,
                sfn=sfn,
                subframe=number,
                retx=0 if pdu.grant.rv == 0 else 1,
                timestamp_s=now * MS,
            )

    def uplink(self, indication: UlIndication, now: int) -> None:
        """Transport blocks that were received."""
        sfn, number = divmod(now % TTI_MODULO, 10)
        for pdu in indication.rx:
            self._mac.write(
                pdu.data,
                direction="UL",
                rnti_type=RntiType.C_RNTI,
                rnti=pdu.rnti,
                sfn=sfn,
                subframe=number,
                timestamp_s=now * MS,
            )

    def nas(self, pdu: bytes, now: int) -> None:
        """A NAS message of a phone, either way."""
        self._nas.write("nas-eps", pdu, now * MS)

    def core(self, message: Message, now: int) -> None:
        """A message of the core; S1AP is recorded."""
        if message.interface is Interface.S1AP:
            self._s1ap.write("s1ap", message.data, now * MS)

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        for pcap in (self._mac, self._nas, self._s1ap):
            pcap.flush()

    def close(self) -> None:
        """End the files."""
        for pcap in (self._mac, self._nas, self._s1ap):
            pcap.close()

    def copy_to(self, directory: Path) -> None:
        """Copy what was recorded so far into another directory."""
        self.flush()
        directory.mkdir(parents=True, exist_ok=True)
        for name in ("mac.pcap", "nas.pcap", "s1ap.pcap"):
            shutil.copy(self.directory / name, directory / name)


def _kind(rnti: int) -> RntiType:
    if rnti == SI_RNTI:
        return RntiType.SI_RNTI
    if rnti == P_RNTI:
        return RntiType.P_RNTI
    return RntiType.RA_RNTI if rnti in RA_RNTIS else RntiType.C_RNTI
