"""Multiplexing of logical channels and control elements into a downlink transport block (TS 36.321 5.4.3, 6.1.2)."""

from collections.abc import Sequence
from typing import Final

from picocell.mac import pdu
from picocell.mac.channel import LogicalChannel
from picocell.mac.control_elements import ControlElement, Direction
from picocell.mac.pdu import Element, Sdu

_MOST_SDUS: Final = 32
_LONG_FIELD_FROM: Final = 128


def _length_field(length: int) -> int:
    return 1 if length < _LONG_FIELD_FROM else 2


def multiplex(
    controls: Sequence[ControlElement], channels: dict[int, LogicalChannel], size: int, now: int
) -> tuple[bytes, int]:
    """A transport block of ``size`` bytes: control elements, then the channels' PDUs in the order of the dictionary.

    Returns:
        The block, and how many bytes of it are SDUs.
    """
    elements: list[Element] = list(controls)
    left = size - sum([1 + control.SIZE for control in controls])
    before = carried = 0
    for lcid, channel in channels.items():
        for _ in range(_MOST_SDUS):
            # the length field of the SDU before is needed once another one follows
            room = left - before - 1
            if room < 1:
                break
            data = channel.build_pdu(room, now)
            if not data:
                break
            elements.append(Sdu(lcid, data))
            left = room - len(data)
            before = _length_field(len(data))
            carried += len(data)
            if left < 1 + before or lcid == 0:
                break
    return pdu.pack(elements, size, Direction.DOWNLINK), carried
