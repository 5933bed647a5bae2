"""Security header, COUNT, MAC and ciphering of NAS."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas.nas.causes import NasError
from picocell.rrc_nas.nas.protection import (
    COUNT_LIMIT,
    CountExhausted,
    IntegrityFailure,
    NasSecurityContext,
    SecurityHeader,
    split,
)
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia

UPLINK, DOWNLINK = Direction.UPLINK, Direction.DOWNLINK
KEY = bytes(range(32))
PROTECTED = (
    SecurityHeader.INTEGRITY,
    SecurityHeader.INTEGRITY_CIPHERED,
    SecurityHeader.INTEGRITY_NEW_CONTEXT,
    SecurityHeader.INTEGRITY_CIPHERED_NEW_CONTEXT,
)


def _pair(eea: Eea = Eea.EEA2, eia: Eia = Eia.EIA2, count: int = 0) -> tuple[NasSecurityContext, NasSecurityContext]:
    return NasSecurityContext(1, KEY, count, count, eea, eia), NasSecurityContext(1, KEY, count, count, eea, eia)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    st.binary(min_size=2, max_size=80),
    st.sampled_from(PROTECTED),
    st.sampled_from(tuple(Direction)),
    st.sampled_from(tuple(Eea)),
    st.sampled_from(tuple(Eia)),
    st.integers(0, COUNT_LIMIT - 2),
)
def test_what_is_protected_comes_back(
    message: bytes, header: SecurityHeader, direction: Direction, eea: Eea, eia: Eia, count: int
) -> None:
    sender, receiver = _pair(eea, eia, count)
    pdu = sender.protect(message, header, direction)
    assert receiver.unprotect(pdu, direction) == message
    assert (sender.ul_count, sender.dl_count) == (receiver.ul_count, receiver.dl_count)


def test_header_layout() -> None:
    sender, _ = _pair(count=0x1FE)
    pdu = sender.protect(b"\x07\x43", SecurityHeader.INTEGRITY, UPLINK)
    assert pdu[0] == 0x17
    assert pdu[5:] == b"\xfe\x07\x43"
    assert split(pdu) == (SecurityHeader.INTEGRITY, pdu[1:5], 0xFE, b"\x07\x43", 7)


def test_only_ciphered_types_cipher() -> None:
    for header in PROTECTED:
        sender, _ = _pair()
        assert (sender.protect(b"\x07\x43\x00\x00", header, UPLINK)[6:] == b"\x07\x43\x00\x00") != header.ciphered


def test_replay_and_forgery_are_refused_and_change_nothing() -> None:
    sender, receiver = _pair()
    first = sender.protect(b"\x07\x43", SecurityHeader.INTEGRITY_CIPHERED, DOWNLINK)
    receiver.unprotect(first, DOWNLINK)
    for bad in (first, first[:1] + bytes(4) + first[5:], first[:-1] + bytes([first[-1] ^ 1])):
        with pytest.raises(IntegrityFailure):
            receiver.unprotect(bad, DOWNLINK)
    assert receiver.dl_count == 1
    second = sender.protect(b"\x07\x43", SecurityHeader.INTEGRITY_CIPHERED, DOWNLINK)
    with pytest.raises(IntegrityFailure):
        receiver.unprotect(second, UPLINK)
    assert receiver.unprotect(second, DOWNLINK) == b"\x07\x43"


@pytest.mark.parametrize("lost", [1, 200, 255])
def test_overflow_counter_follows_the_sequence_number(lost: int) -> None:
    sender, receiver = _pair()
    for _ in range(lost):
        sender.protect(b"\x07\x43", SecurityHeader.INTEGRITY, UPLINK)
    for _ in range(300):
        pdu = sender.protect(b"\x07\x43", SecurityHeader.INTEGRITY, UPLINK)
        assert receiver.unprotect(pdu, UPLINK) == b"\x07\x43"
    assert receiver.ul_count == sender.ul_count == lost + 300


def test_count_ends() -> None:
    sender, receiver = _pair(count=COUNT_LIMIT - 1)
    assert receiver.unprotect(sender.protect(b"\x07\x43", SecurityHeader.INTEGRITY, UPLINK), UPLINK)
    with pytest.raises(CountExhausted):
        sender.protect(b"\x07\x43", SecurityHeader.INTEGRITY, UPLINK)
    with pytest.raises(CountExhausted):
        sender.service_request()
    fresh, _ = _pair(count=0)
    with pytest.raises(IntegrityFailure):
        receiver.unprotect(fresh.protect(b"\x07\x43", SecurityHeader.INTEGRITY, UPLINK), UPLINK)


def test_service_request() -> None:
    sender, receiver = _pair(count=61)
    for _ in range(5):
        pdu = sender.service_request()
        assert len(pdu) == 4
        assert pdu[0] == 0xC7
        assert pdu[1] >> 5 == 1
        receiver.verify_service_request(pdu)
        with pytest.raises(IntegrityFailure):
            receiver.verify_service_request(pdu)
    assert receiver.ul_count == sender.ul_count == 66
    other = NasSecurityContext(2, KEY, 66, 0, Eea.EEA2, Eia.EIA2)
    with pytest.raises(IntegrityFailure, match="key set"):
        receiver.verify_service_request(other.service_request())


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.binary(max_size=20))
def test_random_octets_are_refused_cleanly(pdu: bytes) -> None:
    _, receiver = _pair()
    for check in (lambda: split(pdu), lambda: receiver.unprotect(pdu, UPLINK)):
        try:
            check()
        except NasError:
            continue
    assert receiver.ul_count == 0


@pytest.mark.parametrize("header", [5, 7, 11, 13, 15])
def test_reserved_header_types(header: int) -> None:
    with pytest.raises(NasError, match="reserved"):
        split(bytes([header << 4 | 7]) + bytes(9))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="key set"):
        NasSecurityContext(7, KEY, 0, 0, Eea.EEA0, Eia.EIA2)
    with pytest.raises(ValueError, match="COUNT"):
        NasSecurityContext(0, KEY, -1, 0, Eea.EEA0, Eia.EIA2)
    with pytest.raises(ValueError, match="bytes"):
        NasSecurityContext(0, KEY[:16], 0, 0, Eea.EEA0, Eia.EIA2)
    with pytest.raises(ValueError, match="does not protect"):
        _pair()[0].protect(b"\x07\x43", SecurityHeader.PLAIN, UPLINK)
