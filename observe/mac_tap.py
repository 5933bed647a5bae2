"""A cell's transport blocks into a PCAP file, from the FAPI messages that pass between MAC and PHY."""

from collections.abc import Mapping
from os import PathLike
from typing import Final, Protocol

from picocell.observe.pcap import MacPcap, RntiType
from picocell.phy.fapi import DlConfigRequest, TxRequest
from picocell.phy.fapi_uplink import UlIndication
from picocell.phy.lte.dci import P_RNTI, RA_RNTIS, SI_RNTI
from picocell.phy.lte.frame import TTI_MODULO

_MS: Final = 1e-3


class DownlinkLike(Protocol):
    """A subframe as the MAC composed it."""

    @property
    def config(self) -> DlConfigRequest:
        """What it carries."""

    @property
    def tx(self) -> TxRequest:
        """Its payloads."""


class MacTap:
    """Writes every transport block of a cell, both ways.

    Args:
        target: path of the file.
        epoch_s: time of subframe 0, seconds since 1970.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, target: str | PathLike[str], epoch_s: float = 0.0) -> None:
        self._pcap = MacPcap(target)
        self._epoch = epoch_s

    def downlink(self, subframe: DownlinkLike, now: int) -> None:
        """Transport blocks of downlink subframe ``now``."""
        sfn, number = divmod(now % TTI_MODULO, 10)
        payloads: Mapping[int, bytes] = subframe.tx.pdus
        for pdu in subframe.config.dlsch:
            rnti = pdu.grant.rnti
            self._pcap.write(
                payloads[pdu.pdu_index],
                direction="DL",
                rnti_type=kind(rnti),
                rnti=rnti,
                sfn=sfn,
                subframe=number,
                retx=0 if pdu.grant.rv == 0 else 1,
                timestamp_s=self._epoch + now * _MS,
            )

    def uplink(self, indication: UlIndication, now: int) -> None:
        """Transport blocks received in uplink subframe ``now``."""
        sfn, number = divmod(now % TTI_MODULO, 10)
        for pdu in indication.rx:
            self._pcap.write(
                pdu.data,
                direction="UL",
                rnti_type=RntiType.C_RNTI,
                rnti=pdu.rnti,
                sfn=sfn,
                subframe=number,
                timestamp_s=self._epoch + now * _MS,
            )

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._pcap.flush()

    def close(self) -> None:
        """End the file."""
        self._pcap.close()


def kind(rnti: int) -> RntiType:
    """Kind of an RNTI by its number."""
    if rnti == SI_RNTI:
        return RntiType.SI_RNTI
    if rnti == P_RNTI:
        return RntiType.P_RNTI
    return RntiType.RA_RNTI if rnti in RA_RNTIS else RntiType.C_RNTI
