"""Recordings of a network's messages: MAC, NAS and S1AP as PCAP files that Wireshark opens with no set-up."""

import shutil
from pathlib import Path
from typing import Final

from picocell.epc.interfaces.transport import Interface, Message
from picocell.mac.enb_mac import DownlinkSubframe
from picocell.observe.exported_pdu import ExportedPduPcap
from picocell.observe.mac_tap import MacTap
from picocell.phy.fapi_uplink import UlIndication

FILES: Final = ("mac.pcap", "nas.pcap", "s1ap.pcap")
_MS: Final = 1e-3


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
        self._mac = MacTap(directory / "mac.pcap")
        self._nas = ExportedPduPcap(directory / "nas.pcap")
        self._s1ap = ExportedPduPcap(directory / "s1ap.pcap")

    def downlink(self, subframe: DownlinkSubframe, now: int) -> None:
        """Transport blocks of a downlink subframe."""
        self._mac.downlink(subframe, now)

    def uplink(self, indication: UlIndication, now: int) -> None:
        """Transport blocks that were received."""
        self._mac.uplink(indication, now)

    def nas(self, pdu: bytes, now: int) -> None:
        """A NAS message of a phone, either way."""
        self._nas.write("nas-eps", pdu, now * _MS)

    def core(self, message: Message, now: int) -> None:
        """A message of the core; S1AP is recorded."""
        if message.interface is Interface.S1AP:
            self._s1ap.write("s1ap", message.data, now * _MS)

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
        for name in FILES:
            shutil.copy(self.directory / name, directory / name)
