"""Random access responses: the MAC PDU for the RA-RNTI and the uplink grant in it (TS 36.321 6.1.5, TS 36.213 6.2)."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Self

from picocell.mac.control_elements import MacPduError, check_range

RESPONSE_BYTES: Final = 6

_EXTENSION: Final = 0x80
_RAPID: Final = 0x40

_TPC_STEP_DB: Final = 2
_TPC_FIRST_DB: Final = -6


@dataclass(frozen=True, slots=True)
class RarGrant:
    """Random access response grant, 20 bits (TS 36.213 6.2).

    Attributes:
        hopping: hopping flag.
        rb_assignment: fixed size resource block assignment, 10 bits.
        mcs: truncated modulation and coding scheme, 4 bits.
        tpc: power command of the scheduled PUSCH, 3 bits.
        ul_delay: send the PUSCH in the next uplink subframe but one.
        csi_request: report channel state; read in non-contention random access only.
    """

    hopping: bool
    rb_assignment: int
    mcs: int
    tpc: int
    ul_delay: bool = False
    csi_request: bool = False

    def __post_init__(self) -> None:
        check_range("resource block assignment", self.rb_assignment, 1 << 10)
        check_range("truncated MCS", self.mcs, 1 << 4)
        check_range("power command", self.tpc, 1 << 3)

    @property
    def tpc_db(self) -> int:
        """Power command in dB: -6 to 8 in steps of 2 (TS 36.213 Table 6.2-1)."""
        return _TPC_FIRST_DB + _TPC_STEP_DB * self.tpc

    @classmethod
    def unpack(cls, bits: int) -> Self:
        """Split the 20 bits, first bit most significant.

        Raises:
            MacPduError: more than 20 bits.
        """
        check_range("random access response grant", bits, 1 << 20)
        return cls(
            hopping=bool(bits >> 19),
            rb_assignment=bits >> 9 & 0x3FF,
            mcs=bits >> 5 & 15,
            tpc=bits >> 2 & 7,
            ul_delay=bool(bits >> 1 & 1),
            csi_request=bool(bits & 1),
        )

    def pack(self) -> int:
        """The 20 bits as a number."""
        upper = self.hopping << 19 | self.rb_assignment << 9 | self.mcs << 5
        return upper | self.tpc << 2 | self.ul_delay << 1 | self.csi_request


@dataclass(frozen=True, slots=True)
class RandomAccessResponse:
    """Answer to one preamble (TS 36.321 6.1.5, 6.2.3).

    Attributes:
        rapid: random access preamble identifier, 0..63.
        timing_advance: T_A, 0..1282 in steps of 16 T_s; the field has 11 bits.
        grant: uplink grant of message 3.
        tc_rnti: temporary C-RNTI.
    """

    rapid: int
    timing_advance: int
    grant: RarGrant
    tc_rnti: int

    def __post_init__(self) -> None:
        check_range("preamble identifier", self.rapid, 64)
        check_range("timing advance", self.timing_advance, 1 << 11)
        check_range("temporary C-RNTI", self.tc_rnti, 1 << 16)


@dataclass(frozen=True, slots=True)
class RarPdu:
    """MAC PDU for the RA-RNTI.

    Attributes:
        responses: answers in the order of their subheaders.
        backoff: backoff indicator 0..15, None without one.
        padding: bytes after the last response; no subheader announces them.
    """

    responses: tuple[RandomAccessResponse, ...]
    backoff: int | None = None
    padding: int = 0

    def __post_init__(self) -> None:
        if not self.responses and self.backoff is None:
            raise MacPduError("a random access response PDU has at least one response or a backoff indicator")
        if self.padding < 0:
            raise MacPduError(f"padding {self.padding} is negative")
        if self.backoff is not None:
            check_range("backoff indicator", self.backoff, 16)


def parse(data: bytes) -> RarPdu:
    """Read a random access response PDU. Reserved bits and the content of padding are not looked at.

    Raises:
        MacPduError: malformed data.
    """
    backoff, rapids, position = _parse_header(data)
    need = position + RESPONSE_BYTES * len(rapids)
    if need > len(data):
        raise MacPduError(f"{len(rapids)} random access responses need {need} bytes, not {len(data)}")
    responses = []
    for rapid in rapids:
        responses.append(_parse_response(rapid, data[position : position + RESPONSE_BYTES]))
        position += RESPONSE_BYTES
    return RarPdu(tuple(responses), backoff, len(data) - position)


def build(pdu: RarPdu) -> bytes:
    """Bytes of a random access response PDU, the inverse of `parse`; padding and reserved bits are zero."""
    header = [] if pdu.backoff is None else [pdu.backoff]
    header += [_RAPID | response.rapid for response in pdu.responses]
    subheaders = [octet | _EXTENSION for octet in header[:-1]] + header[-1:]
    body = b"".join(_build_response(response) for response in pdu.responses)
    return bytes(subheaders) + body + bytes(pdu.padding)


@cache
def _backoff_table() -> tuple[int, ...]:
    text = files(__package__).joinpath("data", "36321_7.2-1_backoff.csv").read_text(encoding="utf-8")
    return tuple(int(line.split(",")[1]) for line in text.splitlines()[2:])


def backoff_ms(indicator: int) -> int:
    """Backoff parameter in milliseconds (TS 36.321 Table 7.2-1); the reserved values 13 to 15 stand for the largest.

    Raises:
        MacPduError: an indicator outside 0..15.
    """
    check_range("backoff indicator", indicator, 16)
    table = _backoff_table()
    return table[min(indicator, len(table) - 1)]


def ra_rnti(subframe: int, f_id: int = 0) -> int:
    """RA-RNTI = 1 + t_id + 10 f_id of a PRACH that starts in a subframe (TS 36.321 5.1.4).

    Args:
        subframe: t_id, the first subframe of the PRACH, 0..9.
        f_id: index of the PRACH in frequency, 0..5; 0 in FDD.

    Raises:
        MacPduError: an index outside its range.
    """
    check_range("subframe of the PRACH", subframe, 10)
    check_range("frequency index of the PRACH", f_id, 6)
    return 1 + subframe + 10 * f_id


def _parse_header(data: bytes) -> tuple[int | None, list[int], int]:
    """Backoff indicator, preamble identifiers and size of the header."""
    backoff: int | None = None
    rapids: list[int] = []
    for position, octet in enumerate(data):
        if octet & _RAPID:
            rapids.append(octet & 0x3F)
        elif position == 0:
            backoff = octet & 0x0F
        else:
            raise MacPduError("backoff indicator that is not the first subheader")
        if not octet & _EXTENSION:
            return backoff, rapids, position + 1
    raise MacPduError(f"the subheaders run past the end of the {len(data)} bytes")


def _parse_response(rapid: int, data: bytes) -> RandomAccessResponse:
    word = int.from_bytes(data, "big")
    grant = RarGrant.unpack(word >> 16 & 0xFFFFF)
    return RandomAccessResponse(rapid, word >> 36 & 0x7FF, grant, word & 0xFFFF)


def _build_response(response: RandomAccessResponse) -> bytes:
    word = response.timing_advance << 36 | response.grant.pack() << 16 | response.tc_rnti
    return word.to_bytes(RESPONSE_BYTES, "big")
