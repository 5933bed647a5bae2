"""PCAP files of exported PDUs, which Wireshark opens with no set-up (link type 252, LINKTYPE_WIRESHARK_UPPER_PDU).

Each packet starts with tags of 16-bit type and 16-bit length, big-endian: the name of the dissector that the rest is
meant for, then an end tag.
"""

import struct
from functools import cache
from os import PathLike
from types import TracebackType
from typing import BinaryIO, Final, Self

LINK_TYPE: Final = 252
TAG_END: Final = 0
TAG_DISSECTOR_NAME: Final = 12

_MAGIC_MICROSECONDS: Final = 0xA1B2C3D4
_SNAP_LENGTH: Final = 262_144


class ExportedPduPcap:
    """A PCAP file of PDUs, each for a dissector by name (``nas-eps``, ``s1ap``, ``mac-lte-framed``, …).

    A context manager. A file that the caller opened is flushed at the end, and left open.
    """

    def __init__(self, target: str | PathLike[str] | BinaryIO) -> None:
        """Start a file.

        Args:
            target: path to write to (an existing file is replaced), or a binary file.

        Raises:
            OSError: the file cannot be written.
        """
        self._owned = isinstance(target, str | PathLike)
        self._file: BinaryIO = open(target, "wb") if isinstance(target, str | PathLike) else target  # noqa: SIM115
        self._file.write(struct.pack("<IHHiIII", _MAGIC_MICROSECONDS, 2, 4, 0, 0, _SNAP_LENGTH, LINK_TYPE))

    def write(self, dissector: str, payload: bytes, timestamp_s: float) -> None:
        """Append a PDU.

        Args:
            dissector: Wireshark's name of the dissector.
            payload: the PDU.
            timestamp_s: seconds since the epoch.

        Raises:
            ValueError: a name that is not ASCII, a negative time, or a PDU too long for a packet.
        """
        tags = _tags(dissector)
        microseconds = round(timestamp_s * 1e6)
        if not 0 <= microseconds < 1_000_000 << 32:
            raise ValueError(f"timestamp {timestamp_s} s is outside the 32 bits of a PCAP file")
        length = len(tags) + len(payload)
        if length > _SNAP_LENGTH:
            raise ValueError(f"a packet of {length} bytes is too long: a PCAP packet has at most {_SNAP_LENGTH}")
        seconds, fraction = divmod(microseconds, 1_000_000)
        self._file.write(struct.pack("<IIII", seconds, fraction, length, length) + tags + payload)

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """End the file. A second call does nothing."""
        if self._file.closed:
            return
        self._file.flush()
        if self._owned:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@cache
def _tags(dissector: str) -> bytes:
    """Dissector name, zero padded to four bytes, and the end tag."""
    if not dissector.isascii() or not dissector:
        raise ValueError(f"dissector name {dissector!r} is not allowed: use ASCII letters")
    name = dissector.encode("ascii")
    name += bytes(-len(name) % 4)
    return struct.pack(">HH", TAG_DISSECTOR_NAME, len(name)) + name + struct.pack(">HH", TAG_END, 0)
