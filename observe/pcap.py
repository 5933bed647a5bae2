"""PCAP files of LTE MAC PDUs, in the framing of Wireshark's ``mac-lte-framed`` dissector.

A PDU is preceded by radio type, direction and RNTI type, a byte each, then tagged fields, then the payload tag.
"""

import struct
from enum import IntEnum
from os import PathLike
from types import TracebackType
from typing import BinaryIO, Final, Literal, Self

from picocell.observe.exported_pdu import ExportedPduPcap

DISSECTOR: Final = "mac-lte-framed"


class RntiType(IntEnum):
    """What a PDU was addressed to, in the framing's numbers."""

    NO_RNTI = 0
    """The BCH, which has no RNTI."""
    P_RNTI = 1
    RA_RNTI = 2
    C_RNTI = 3
    """Also the temporary C-RNTI."""
    SI_RNTI = 4


_RADIO_FDD: Final = 1
_RADIO_TDD: Final = 2
_DIRECTIONS: Final = {"UL": 0, "DL": 1}

_TAG_PAYLOAD: Final = 0x01
_TAG_RNTI: Final = 0x02
_TAG_UE_ID: Final = 0x03
_TAG_FRAME_SUBFRAME: Final = 0x04
_TAG_RETRANSMISSION: Final = 0x06
_TAG_CRC_STATUS: Final = 0x07


class MacPcap:
    """A PCAP file of MAC PDUs. A context manager."""

    def __init__(self, target: str | PathLike[str] | BinaryIO, *, tdd: bool = False) -> None:
        """Start a file.

        Args:
            target: path to write to (an existing file is replaced), or a binary file.
            tdd: frame structure type 2.

        Raises:
            OSError: the file cannot be written.
        """
        self._pcap = ExportedPduPcap(target)
        self._radio = _RADIO_TDD if tdd else _RADIO_FDD

    def write(
        self,
        pdu: bytes,
        *,
        direction: Literal["DL", "UL"],
        rnti_type: RntiType | str,
        rnti: int,
        sfn: int,
        subframe: int,
        crc_ok: bool = True,
        retx: int = 0,
        timestamp_s: float,
    ) -> None:
        """Append a transport block.

        Args:
            pdu: the block without CRC.
            direction: "DL" or "UL".
            rnti_type: kind of RNTI, or its name.
            rnti: the RNTI, 0 on the BCH. A C-RNTI is also written as UE identity, by which Wireshark keeps UEs apart.
            sfn: system frame number 0..1023.
            subframe: subframe 0..9.
            crc_ok: whether the CRC held; Wireshark does not look into a block whose CRC failed.
            retx: HARQ retransmissions before this one.
            timestamp_s: seconds since the epoch.

        Raises:
            ValueError: a value outside its range.
        """
        header = self._header(direction, rnti_type, rnti, sfn, subframe)
        if retx:
            header += struct.pack(">BB", _TAG_RETRANSMISSION, min(retx, 255))
        header += struct.pack(">BBB", _TAG_CRC_STATUS, crc_ok, _TAG_PAYLOAD)
        self._pcap.write(DISSECTOR, header + pdu, timestamp_s)

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._pcap.flush()

    def close(self) -> None:
        """End the file. A second call does nothing."""
        self._pcap.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _header(self, direction: str, rnti_type: RntiType | str, rnti: int, sfn: int, subframe: int) -> bytes:
        if direction not in _DIRECTIONS:
            raise ValueError(f"direction {direction!r} is not known: use DL or UL")
        kind = _rnti_type(rnti_type)
        if not 0 <= rnti <= 0xFFFF:
            raise ValueError(f"RNTI {rnti} is outside 0..65535")
        if not 0 <= sfn <= 1023:
            raise ValueError(f"SFN {sfn} is outside 0..1023")
        if not 0 <= subframe <= 9:
            raise ValueError(f"subframe {subframe} is outside 0..9")
        header = bytes([self._radio, _DIRECTIONS[direction], kind])
        if kind is not RntiType.NO_RNTI:
            header += struct.pack(">BH", _TAG_RNTI, rnti)
        if kind is RntiType.C_RNTI:
            header += struct.pack(">BH", _TAG_UE_ID, rnti)
        return header + struct.pack(">BH", _TAG_FRAME_SUBFRAME, sfn << 4 | subframe)


def _rnti_type(value: RntiType | str) -> RntiType:
    if isinstance(value, RntiType):
        return value
    if value not in RntiType.__members__:
        raise ValueError(f"RNTI type {value!r} is not known: use one of {', '.join(RntiType.__members__)}")
    return RntiType[value]
