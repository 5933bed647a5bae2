"""What a MAC asks of the layers around it: logical channels above, and an eNB's broadcast beside it."""

from typing import Protocol

from picocell.phy.fapi import BchPdu, DciDlPdu, DlschPdu


class SupportsNBytes(Protocol):
    """How much an RLC entity would send (TS 36.322 4.5)."""

    @property
    def n_bytes(self) -> int:
        """Bytes, with an estimate of the RLC headers."""
        ...


class LogicalChannel(Protocol):
    """An RLC entity as the MAC sees it (TS 36.321 4.4)."""

    def buffer_status(self, now: int) -> SupportsNBytes:
        """What waits for transmission."""
        ...

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:
        """The next RLC PDU, of at most so many bytes; empty where nothing fits or waits."""
        ...

    def receive_pdu(self, pdu: bytes, now: int) -> None:
        """An RLC PDU has come."""
        ...


class BroadcastLike(Protocol):
    """What a subframe broadcasts: its PDUs for DL_CONFIG.request, and their payloads by index."""

    @property
    def bch(self) -> BchPdu | None:
        """The PBCH, in subframe 0."""
        ...

    @property
    def dci(self) -> tuple[DciDlPdu, ...]:
        """DCIs with the SI-RNTI; they stand where they say."""
        ...

    @property
    def dlsch(self) -> tuple[DlschPdu, ...]:
        """Their transport blocks; the CFI of their grants is the subframe's."""
        ...

    @property
    def payloads(self) -> dict[int, bytes]:
        """Bytes of the BCH and of the transport blocks, by PDU index."""
        ...
