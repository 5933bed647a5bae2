"""Diameter packets: layout, padding, and what is wrong with a bad one (RFC 6733)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.epc.interfaces import diameter
from picocell.epc.interfaces.diameter import Avp, DiameterError, Header, Packet, Reader, ResultCode

HEADER = Header(318, 16777251, 0x01020304, 0x0A0B0C0D, request=True)
NAME = diameter.text("User-Name", 1)
COUNT = diameter.unsigned("Count", 2, 10415, allowed=range(1, 10))
AVPS = st.builds(
    Avp,
    st.integers(0, 2**32 - 1),
    st.binary(max_size=9),
    st.sampled_from((0, 10415, 2**32 - 1)),
    st.booleans(),
)


def test_layout_of_header_and_avps() -> None:
    data = diameter.encode(Packet(HEADER, (Avp(1, b"abcde"), Avp(2, b"\1", 10415, False))))
    assert data == bytes.fromhex(
        "01000034 c000013e 01000023 01020304 0a0b0c0d"  # 52 bytes, request and proxiable
        "00000001 4000000d 6162636465000000"
        "00000002 8000000d 000028af 01000000"
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(AVPS, max_size=5), st.booleans(), st.booleans())
def test_what_is_packed_is_read(avps: list[Avp], request: bool, flag: bool) -> None:
    header = Header(316, 16777251, 1, 2, request, flag, error=flag and not request, retransmitted=flag and request)
    packet = Packet(header, tuple(avps))
    data = diameter.encode(packet)
    assert len(data) % 4 == 0
    assert diameter.decode(data) == packet


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=60))
def test_noise_raises_nothing_else(data: bytes) -> None:
    for noise in (data, b"\1" + (20 + len(data)).to_bytes(3, "big") + b"\x80" + bytes(15) + data):
        error = _error(noise)
        assert error is None or (error.header is None) == (len(noise) < 20)


@pytest.mark.parametrize(
    ("position", "value", "result"),
    [
        (0, 2, ResultCode.UNSUPPORTED_VERSION),
        (3, 24, ResultCode.INVALID_MESSAGE_LENGTH),
        (4, 0xE0, ResultCode.INVALID_HDR_BITS),
        (4, 0x81, ResultCode.INVALID_HDR_BITS),
        (27, 7, ResultCode.INVALID_AVP_LENGTH),
        (27, 40, ResultCode.INVALID_AVP_LENGTH),
    ],
)
def test_bad_bytes_have_their_result_code(position: int, value: int, result: ResultCode) -> None:
    data = bytearray(diameter.encode(Packet(HEADER, (Avp(1, b"abcd"),))))
    data[position] = value
    with pytest.raises(DiameterError) as caught:
        diameter.decode(bytes(data))
    assert caught.value.result == result


def test_a_reader_finds_and_refuses() -> None:
    known: diameter.Known = {(0, 7)}
    reader = Reader([NAME.avp("me"), COUNT.avp(3), COUNT.avp(4), Avp(7, b""), Avp(8, b"", mandatory=False)], known)
    assert reader.one(NAME) == "me"
    assert reader.many(COUNT) == (3, 4)
    assert reader.optional(NAME) is None
    reader.finish()
    cases = [
        (lambda r: r.one(NAME), [], ResultCode.MISSING_AVP),
        (lambda r: r.one(NAME), [NAME.avp("a"), NAME.avp("b")], ResultCode.AVP_OCCURS_TOO_MANY_TIMES),
        (lambda r: r.one(NAME), [Avp(1, b"\xff")], ResultCode.INVALID_AVP_VALUE),
        (lambda r: r.one(NAME), [Avp(1, b"")], ResultCode.INVALID_AVP_VALUE),
        (lambda r: r.one(COUNT), [Avp(2, b"\0", 10415)], ResultCode.INVALID_AVP_LENGTH),
        (lambda r: r.one(COUNT), [Avp(2, bytes(4), 10415)], ResultCode.INVALID_AVP_VALUE),
        (lambda r: r.finish(), [Avp(9, b"")], ResultCode.AVP_UNSUPPORTED),
        (lambda r: r.finish(), [Avp(7, b"", 10415)], ResultCode.AVP_UNSUPPORTED),
    ]
    for action, avps, result in cases:
        with pytest.raises(DiameterError) as caught:
            action(Reader(avps, known))
        assert caught.value.result == result
        assert caught.value.failed is not None
    with pytest.raises(DiameterError):
        COUNT.avp(10)


def _error(data: bytes) -> DiameterError | None:
    try:
        diameter.decode(data)
    except DiameterError as error:
        return error
    return None
