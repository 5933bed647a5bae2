"""MAC PDUs of the DL-SCH and the UL-SCH: subheaders, control elements, SDUs, padding (TS 36.321 6.1.2, 6.2.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from picocell.mac.control_elements import ELEMENTS, ControlElement, Direction, MacPduError, check_range

LCID_PADDING: Final = 0b11111
LCID_CCCH: Final = 0
MAX_SDU_LCID: Final = 10
"""Logical channels with an identity are 1 to 10 (TS 36.321 Tables 6.2.1-1, 6.2.1-2)."""

MAX_STATED_LENGTH: Final = (1 << 15) - 1
"""Longest SDU that the 15-bit L field can state; the last SDU of a PDU without padding needs none."""

_EXTENSION: Final = 0x20
_LCID: Final = 0x1F
_MOST_IN_FRONT: Final = 2
_PADDING_IN_FRONT: Final = tuple(bytes([_EXTENSION | LCID_PADDING] * n) for n in range(_MOST_IN_FRONT + 1))


@dataclass(frozen=True, slots=True)
class Sdu:
    """An RLC PDU of one logical channel: 0 is the CCCH, 1 to 10 have an identity."""

    lcid: int
    data: bytes

    def __post_init__(self) -> None:
        check_range("LCID of an SDU", self.lcid, MAX_SDU_LCID + 1)


Element = ControlElement | Sdu


@dataclass(frozen=True, slots=True)
class MacPdu:
    """Content of a MAC PDU.

    Attributes:
        elements: control elements and SDUs in the order of their subheaders.
        padding: bytes after the last element, announced by a padding subheader; None where there is no such subheader.
        front_padding: one-byte padding subheaders before all others, 0 to 2.
    """

    elements: tuple[Element, ...]
    padding: int | None = None
    front_padding: int = 0

    def __post_init__(self) -> None:
        if not self.elements and self.padding is None:
            raise MacPduError("a MAC PDU has at least one element or padding")
        if self.padding is not None and self.padding < 0:
            raise MacPduError(f"padding {self.padding} is negative")
        check_range("front padding", self.front_padding, 3)

    @property
    def sdus(self) -> tuple[Sdu, ...]:
        """The SDUs."""
        return tuple(element for element in self.elements if isinstance(element, Sdu))

    @property
    def control_elements(self) -> tuple[ControlElement, ...]:
        """The control elements."""
        return tuple(element for element in self.elements if not isinstance(element, Sdu))


def parse(data: bytes, direction: Direction) -> MacPdu:
    """Read a MAC PDU.

    Reserved bits and the content of padding are not looked at. A reserved LCID makes the PDU malformed: the receiver
    has to discard it (TS 36.321 5.11).

    Raises:
        MacPduError: malformed data.
    """
    header = _parse_header(data, direction)
    position = header.size
    kinds, size = ELEMENTS[direction], len(data)
    elements: list[Element] = []
    for lcid, length in header.fields:
        end = size if length is None else position + length
        if end > size:
            raise MacPduError(f"element with LCID {lcid} needs {length} bytes; {size - position} are left")
        content = data[position:end]
        kind = kinds.get(lcid)
        elements.append(Sdu(lcid, content) if kind is None else kind.unpack(content))
        position = end
    left = len(data) - position
    if left and not header.padded:
        raise MacPduError(f"{left} bytes after the last element without a padding subheader")
    return MacPdu(tuple(elements), left if header.padded else None, header.front_padding)


def build(pdu: MacPdu, direction: Direction) -> bytes:
    """Bytes of a MAC PDU, the inverse of `parse`; padding and reserved bits are zero.

    Raises:
        MacPduError: an element of the other direction, or an SDU whose length cannot be stated.
    """
    last = len(pdu.elements) - 1
    header, body = bytearray([_EXTENSION | LCID_PADDING] * pdu.front_padding), bytearray()
    for index, element in enumerate(pdu.elements):
        more = index < last or pdu.padding is not None
        flag = _EXTENSION if more else 0
        if isinstance(element, Sdu):
            header.append(flag | element.lcid)
            header += _length_field(len(element.data)) if more else b""
            body += element.data
        else:
            if ELEMENTS[direction].get(element.LCID) is not type(element):
                raise MacPduError(f"{type(element).__name__} is no control element of the {direction.value} direction")
            header.append(flag | element.LCID)
            body += element.pack()
    if pdu.padding is not None:
        header.append(LCID_PADDING)
        body += bytes(pdu.padding)
    return bytes(header + body)


def fit(elements: Sequence[Element], size: int) -> MacPdu:
    """Elements with the padding that fills a transport block of ``size`` bytes.

    One or two bytes too many become padding subheaders in front, more a padding subheader at the end
    (TS 36.321 6.1.2).

    Raises:
        MacPduError: the elements do not fit.
    """
    needed = packed_size(elements)
    if needed > size:
        raise MacPduError(f"the elements need {needed} bytes; the transport block has {size}")
    if not elements:
        return MacPdu((), padding=size - 1)
    spare = size - needed
    if spare <= 2:
        return MacPdu(tuple(elements), front_padding=spare)
    final = elements[-1]
    subheaders = 1 + (len(_length_field(len(final.data))) if isinstance(final, Sdu) else 0)
    return MacPdu(tuple(elements), padding=spare - subheaders)


def pack(elements: Sequence[Element], size: int, direction: Direction) -> bytes:
    """A transport block of ``size`` bytes: what `build` makes of what `fit` gives, without the steps between.

    Raises:
        MacPduError: the elements do not fit, one is of the other direction, or an SDU's length cannot be stated.
    """
    if not elements:
        return build(fit(elements, size), direction)
    kinds = ELEMENTS[direction]
    header, body = bytearray(), bytearray()
    last = unstated = -1  # place of the last subheader, and length of its SDU if that is not stated yet
    for element in elements:
        if unstated >= 0:
            header += _length_field(unstated)
        last = len(header)
        if isinstance(element, Sdu):
            data = element.data
            header.append(_EXTENSION | element.lcid)
            body += data
            unstated = len(data)
        else:
            if kinds.get(element.LCID) is not type(element):
                raise MacPduError(f"{type(element).__name__} is no control element of the {direction.value} direction")
            header.append(_EXTENSION | element.LCID)
            body += element.pack()
            unstated = -1
    needed = len(header) + len(body)
    if needed > size:
        raise MacPduError(f"the elements need {needed} bytes; the transport block has {size}")
    if size - needed <= _MOST_IN_FRONT:
        header[last] &= _LCID
        return _PADDING_IN_FRONT[size - needed] + header + body
    if unstated >= 0:
        header += _length_field(unstated)
    header.append(LCID_PADDING)
    return bytes(header + body).ljust(size, b"\0")


def packed_size(elements: Sequence[Element]) -> int:
    """Bytes that the elements take without padding, 1 for none (a padding subheader).

    Raises:
        MacPduError: an SDU, not the last one, whose length cannot be stated.
    """
    size = 0
    for index, element in enumerate(elements):
        if isinstance(element, Sdu):
            size += 1 + len(element.data)
            size += len(_length_field(len(element.data))) if index < len(elements) - 1 else 0
        else:
            size += 1 + element.SIZE
    return size or 1


@dataclass(slots=True)
class _Header:
    """Subheaders of a PDU: size in bytes, (LCID, length or None for the rest) by element, and the padding."""

    size: int
    fields: list[tuple[int, int | None]]
    front_padding: int
    padded: bool


def _parse_header(data: bytes, direction: Direction) -> _Header:
    header = _Header(0, [], 0, False)
    more = True
    while more:
        octet = _octet(data, header.size)
        header.size += 1
        more = bool(octet & _EXTENSION)
        lcid = octet & _LCID
        if lcid == LCID_PADDING:
            _padding_subheader(header, more)
        elif lcid <= MAX_SDU_LCID:
            header.fields.append((lcid, _read_length(data, header) if more else None))
        elif lcid in ELEMENTS[direction]:
            header.fields.append((lcid, ELEMENTS[direction][lcid].SIZE))
        else:
            raise MacPduError(f"LCID {lcid} is reserved in the {direction.value} direction")
    return header


def _padding_subheader(header: _Header, more: bool) -> None:
    if not more:
        header.padded = True
    elif header.fields or header.front_padding == 2:
        raise MacPduError("padding subheader that is neither the last one nor one of two in front")
    else:
        header.front_padding += 1


def _read_length(data: bytes, header: _Header) -> int:
    """The F and L fields: 7 or 15 bits (TS 36.321 6.2.1)."""
    first = _octet(data, header.size)
    header.size += 1
    if not first & 0x80:
        return first
    second = _octet(data, header.size)
    header.size += 1
    return (first & 0x7F) << 8 | second


def _length_field(length: int) -> bytes:
    if length < 128:
        return bytes([length])
    if length > MAX_STATED_LENGTH:
        raise MacPduError(f"an SDU of {length} bytes must be the last element: L states at most {MAX_STATED_LENGTH}")
    return (0x8000 | length).to_bytes(2, "big")


def _octet(data: bytes, position: int) -> int:
    if position >= len(data):
        raise MacPduError(f"the subheaders run past the end of the {len(data)} bytes")
    return data[position]
