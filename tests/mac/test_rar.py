"""Random access responses: the recorded one, both ways for any content, malformed ones."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac.control_elements import MacPduError
from picocell.mac.rar import RandomAccessResponse, RarGrant, RarPdu, backoff_ms, build, parse, ra_rnti
from support.captures import capture

RECORDED = "6b00001a0c004600000000"

grants = st.builds(
    RarGrant, st.booleans(), st.integers(0, 1023), st.integers(0, 15), st.integers(0, 7), st.booleans(), st.booleans()
)
responses = st.builds(RandomAccessResponse, st.integers(0, 63), st.integers(0, 2047), grants, st.integers(0, 65535))


def test_recorded_response() -> None:
    with capture("lte6_mac.csv").open() as table:
        (row,) = (row for row in csv.DictReader(table) if row["rnti_type"] == "RA_RNTI")
    data = bytes.fromhex(row["mac_pdu_hex"])
    pdu = parse(data)
    grant = RarGrant(hopping=False, rb_assignment=13, mcs=0, tpc=3)
    assert pdu == RarPdu((RandomAccessResponse(43, 0, grant, 0x46),), padding=4)
    assert grant.tpc_db == 0
    assert build(pdu) == data
    assert ra_rnti(341 % 10) == int(row["rnti"])  # the preamble was sent at TTI 341


@given(st.lists(responses, max_size=4).map(tuple), st.one_of(st.none(), st.integers(0, 15)), st.integers(0, 20))
def test_parse_inverts_build(content: tuple[RandomAccessResponse, ...], backoff: int | None, padding: int) -> None:
    if not content and backoff is None:
        backoff = 0
    pdu = RarPdu(content, backoff, padding)
    assert parse(build(pdu)) == pdu


@settings(max_examples=1000)
@given(st.binary(max_size=40))
def test_any_bytes_parse_or_raise(data: bytes) -> None:
    try:
        pdu = parse(data)
    except MacPduError:
        return
    assert parse(build(pdu)) == pdu
    assert len(build(pdu)) == len(data)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "run past the end of the 0 bytes"),
        ("eb", "run past the end of the 1 bytes"),
        (RECORDED[:12], "need 7 bytes, not 6"),
        ("eb056b", "not the first"),
        ("8505", "not the first"),
    ],
)
def test_malformed_pdu_says_why(text: str, reason: str) -> None:
    with pytest.raises(MacPduError, match=reason):
        parse(bytes.fromhex(text))


def test_backoff_comes_first_and_alone_if_need_be() -> None:
    assert build(RarPdu((), backoff=4)) == b"\x04"
    assert parse(b"\x04\0\0") == RarPdu((), backoff=4, padding=2)
    assert [backoff_ms(i) for i in (0, 4, 12, 15)] == [0, 40, 960, 960]
    with pytest.raises(MacPduError, match=r"0\.\.15"):
        backoff_ms(16)


@given(st.integers(0, (1 << 20) - 1))
def test_grant_is_twenty_bits(bits: int) -> None:
    assert RarGrant.unpack(bits).pack() == bits


@pytest.mark.parametrize(
    "make",
    [
        lambda: RarGrant(False, 1024, 0, 0),
        lambda: RarGrant(False, 0, 16, 0),
        lambda: RarGrant.unpack(1 << 20),
        lambda: RandomAccessResponse(64, 0, RarGrant(False, 0, 0, 0), 0),
        lambda: RandomAccessResponse(0, 2048, RarGrant(False, 0, 0, 0), 0),
        lambda: RarPdu(()),
        lambda: RarPdu((), 16),
        lambda: RarPdu((), 1, -1),
        lambda: ra_rnti(10),
    ],
)
def test_impossible_content_is_refused(make: object) -> None:
    with pytest.raises(MacPduError):
        make()  # type: ignore[operator]
