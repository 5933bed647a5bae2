"""RLC PDUs: headers worked by hand from TS 36.322 6.2, both ways for any content, malformed ones, recorded ones."""

import csv
from collections import defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from picocell.mac.control_elements import Direction
from picocell.mac.pdu import parse as parse_mac
from picocell.rlc_pdcp.rlc import AmEntity, SduReceived, UmConfig, UmReceiver
from picocell.rlc_pdcp.rlc.pdu import (
    MAX_SO,
    AmdPdu,
    Nack,
    RlcPduError,
    StatusPdu,
    UmdPdu,
    build_amd,
    build_status,
    build_umd,
    is_control,
    li_bytes,
    parse_amd,
    parse_status,
    parse_umd,
    with_poll,
)
from support.captures import capture

elements = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6).map(tuple)
sns = st.integers(0, 1023)
amd_pdus = st.one_of(
    st.tuples(sns, st.booleans(), st.booleans(), st.booleans(), elements),
    st.tuples(
        sns,
        st.booleans(),
        st.booleans(),
        st.booleans(),
        elements,
        st.just(True),
        st.integers(0, MAX_SO),
        st.booleans(),
    ),
).map(lambda fields: AmdPdu(*fields))
offsets = st.integers(0, MAX_SO)
nacks = st.one_of(st.tuples(sns), st.tuples(sns, offsets, offsets)).map(lambda fields: Nack(*fields))
statuses = st.tuples(sns, st.lists(nacks).map(tuple)).map(lambda fields: StatusPdu(*fields))

A, B, C = b"\xaa", b"\xbb\xbb", b"\xcc\xcc\xcc"
AMD_EXAMPLES = [
    # D/C 1, RF 0, P 0, FI 00, E 0, SN 10 0101 1010
    (AmdPdu(0x25A, False, True, True, (A,)), "825aaa"),
    # P 1, FI 01
    (AmdPdu(0, True, True, False, (A,)), "a800aa"),
    # FI 10, E 1; E 0, LI 000 0000 0001, four bits of padding
    (AmdPdu(5, False, False, True, (A, B)), "94050010aabbbb"),
    # FI 11, E 1; E 1, LI 1; E 0, LI 2: 1000 0000 0001 0000 0000 0010
    (AmdPdu(1023, False, False, False, (A, B, C)), "9fff801002aabbbbcccccc"),
    # RF 1, FI 00; LSF 1, SO 000 0000 0000 0011
    (AmdPdu(1, False, True, True, (A,), True, 3, True), "c0018003aa"),
    # RF 1, P 1, FI 11, E 1; LSF 0, SO 0x102; E 0, LI 1
    (AmdPdu(2, True, False, False, (A, B), True, 0x102, False), "fc0201020010aabbbb"),
]
UMD_EXAMPLES = [
    # FI 00, E 0, SN 1 0001
    (UmdPdu(17, True, True, (A,)), 5, "11aa"),
    # FI 10, E 1, SN 1 1111; E 0, LI 1, padding
    (UmdPdu(31, False, True, (A, B)), 5, "bf0010aabbbb"),
    # R1 000, FI 01, E 0, SN 11 0000 0001
    (UmdPdu(0x301, True, False, (A,)), 10, "0b01aa"),
    # R1 000, FI 11, E 1; E 1, LI 1; E 0, LI 2
    (UmdPdu(0, False, False, (A, B, C)), 10, "1c00801002aabbbbcccccc"),
]
STATUS_EXAMPLES = [
    # D/C 0, CPT 000, ACK_SN 00 0000 0001, E1 0, padding
    (StatusPdu(1), "0004"),
    (StatusPdu(1023), "0ffc"),
    # ACK_SN 3, E1 1; NACK_SN 1, E1 0, E2 0: 0000 0000 0000 111 | 0000 0000 01 0 0 | 00000
    (StatusPdu(3, (Nack(1),)), "000e0080"),
    # 0 000 0000000010 1; NACK_SN 0, E1 1, E2 0: 0000000000 1 0; NACK_SN 1, E1 0, E2 1: 0000000001 0 1;
    # SOstart 5: 000000000000101; SOend to the end: 111111111111111; padding 000
    (StatusPdu(2, (Nack(0), Nack(1, 5))), "000a00400a0017fff8"),
]


@pytest.mark.parametrize(("pdu", "text"), AMD_EXAMPLES)
def test_amd_examples(pdu: AmdPdu, text: str) -> None:
    assert build_amd(pdu).hex() == text
    assert parse_amd(bytes.fromhex(text)) == pdu


@pytest.mark.parametrize(("pdu", "sn_bits", "text"), UMD_EXAMPLES)
def test_umd_examples(pdu: UmdPdu, sn_bits: int, text: str) -> None:
    assert build_umd(pdu, sn_bits).hex() == text
    assert parse_umd(bytes.fromhex(text), sn_bits) == pdu


@pytest.mark.parametrize(("status", "text"), STATUS_EXAMPLES)
def test_status_examples(status: StatusPdu, text: str) -> None:
    assert build_status(status).hex() == text
    assert parse_status(bytes.fromhex(text)) == status


def test_status_bit_by_bit() -> None:
    status = StatusPdu(0x155, (Nack(0x2AA), Nack(0x2AB, 1, 0x4000)))
    fields = "0 000 0101010101 1  1010101010 1 0  1010101011 0 1 000000000000001 100000000000000"
    bits = fields.replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    assert build_status(status) == int(bits, 2).to_bytes(len(bits) // 8, "big")


@given(amd_pdus)
def test_parse_amd_inverts_build(pdu: AmdPdu) -> None:
    data = build_amd(pdu)
    assert parse_amd(data) == pdu
    assert not is_control(data)
    assert len(data) == (4 if pdu.segment else 2) + li_bytes(len(pdu.elements)) + sum(map(len, pdu.elements))
    assert parse_amd(with_poll(data)) == pdu._replace(poll=True)


@given(st.sampled_from([5, 10]), st.integers(0, 31), st.booleans(), st.booleans(), elements)
def test_parse_umd_inverts_build(sn_bits: int, sn: int, begins: bool, ends: bool, content: tuple[bytes, ...]) -> None:
    pdu = UmdPdu(sn << sn_bits - 5, begins, ends, content)
    assert parse_umd(build_umd(pdu, sn_bits), sn_bits) == pdu


@given(statuses)
def test_parse_status_inverts_build(status: StatusPdu) -> None:
    data = build_status(status)
    assert parse_status(data) == status
    assert is_control(data)


@settings(max_examples=1000)
@given(st.binary(max_size=40))
@example(bytes.fromhex("84000010aa"))
def test_any_bytes_parse_or_raise(data: bytes) -> None:
    for parse in (parse_amd, lambda pdu: parse_umd(pdu, 5), lambda pdu: parse_umd(pdu, 10), parse_status):
        try:
            found = parse(data)
        except RlcPduError:
            continue
        if isinstance(found, AmdPdu):
            assert parse_amd(build_amd(found)) == found


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("", "short", "and some data, not 0"),
        ("8000", "short", "and some data, not 2"),
        ("c0018000", "short", "and some data, not 4"),
        ("8400", "short", "not 2"),
        ("840080", "length_indicator", "run past the end"),
        ("84008010", "length_indicator", "run past the end"),
        ("84000000aa", "length_indicator", "0 is reserved"),
        ("84000010aa", "length_indicator", "leave nothing"),
        ("84000ff0aa", "length_indicator", "leave nothing"),
    ],
)
def test_malformed_amd_pdu_says_why(text: str, reason: str, detail: str) -> None:
    with pytest.raises(RlcPduError, match=detail) as caught:
        parse_amd(bytes.fromhex(text))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "reason"), [("00", "short"), ("1004", "reserved_type"), ("0006", "short"), ("000600a0", "short")]
)
def test_malformed_status_pdu_says_why(text: str, reason: str) -> None:
    with pytest.raises(RlcPduError) as caught:
        parse_status(bytes.fromhex(text))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "make",
    [
        lambda: build_amd(AmdPdu(1024, False, True, True, (A,))),
        lambda: build_amd(AmdPdu(0, False, True, True, ())),
        lambda: build_amd(AmdPdu(0, False, True, True, (b"",))),
        lambda: build_amd(AmdPdu(0, False, True, True, (b"", A))),
        lambda: build_amd(AmdPdu(0, False, True, True, (bytes(2048), A))),
        lambda: build_amd(AmdPdu(0, False, True, True, (A,), True, 1 << 15)),
        lambda: build_umd(UmdPdu(32, True, True, (A,)), 5),
        lambda: build_umd(UmdPdu(0, True, True, (A,)), 7),
        lambda: build_status(StatusPdu(-1)),
        lambda: build_status(StatusPdu(0, (Nack(0, -1),))),
    ],
)
def test_impossible_content_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"outside|at least|length indicator|bits"):
        make()  # type: ignore[operator]


def test_the_last_element_may_be_longer_than_a_length_indicator_states() -> None:
    pdu = AmdPdu(0, False, True, True, (bytes(2047), bytes(5000)))
    assert parse_amd(build_amd(pdu)) == pdu


SRBS = (1, 2)
DRB = 3
"""The recorded DRB is in unacknowledged mode with sequence numbers of 10 bits."""


def recorded(*lcids: int) -> dict[tuple[str, int], list[bytes]]:
    """RLC PDUs of a recorded attach by direction and logical channel."""
    found = defaultdict(list)
    with capture("lte6_mac.csv").open() as table:
        for row in csv.DictReader(table):
            if row["rnti_type"] != "C_RNTI":
                continue
            pdu = parse_mac(bytes.fromhex(row["mac_pdu_hex"]), Direction(row["direction"]))
            for sdu in pdu.sdus:
                if sdu.lcid in lcids:
                    found[row["direction"], sdu.lcid].append(sdu.data)
    assert len(found) == 2 * len(lcids)
    return dict(found)


def received_sdus(entity: AmEntity | UmReceiver, pdus: list[bytes]) -> list[bytes]:
    for pdu in pdus:
        entity.receive_pdu(pdu, 0)
    sdus = []
    while (event := entity.next_event()) is not None:
        assert isinstance(event, SduReceived)
        sdus.append(event.sdu)
    assert not entity.discarded
    return sdus


def test_recorded_pdus_are_rebuilt_byte_for_byte() -> None:
    pdus = [pdu for stream in recorded(*SRBS).values() for pdu in stream]
    assert len(pdus) > 20
    for pdu in pdus:
        assert (build_status(parse_status(pdu)) if is_control(pdu) else build_amd(parse_amd(pdu))) == pdu
    for stream in recorded(DRB).values():
        for pdu in stream:
            assert build_umd(parse_umd(pdu, 10), 10) == pdu


def test_recorded_srbs_reassemble_to_pdcp_pdus() -> None:
    """The PDCP sequence numbers of an SRB, both ways, have no gap (TS 36.323 6.2.2)."""
    for pdus in recorded(*SRBS).values():
        sdus = received_sdus(AmEntity(), [pdu for pdu in pdus if not is_control(pdu)])
        assert sdus
        assert [sdu[0] for sdu in sdus] == list(range(len(sdus)))


def test_recorded_drb_reassembles_to_pdcp_pdus() -> None:
    """PDCP data PDUs with sequence numbers of 12 bits, each with an IPv4 packet of the stated length."""
    for pdus in recorded(DRB).values():
        sdus = received_sdus(UmReceiver(UmConfig(10)), pdus)
        assert [int.from_bytes(sdu[:2], "big") for sdu in sdus] == [0x8000 + sn for sn in range(len(pdus))]
        assert all(sdu[2] == 0x45 and int.from_bytes(sdu[4:6], "big") == len(sdu) - 2 for sdu in sdus)


def test_recorded_status_pdus_answer_the_recorded_polls() -> None:
    """Both directions played in order of time: what the recorded equipment acknowledged, we acknowledge alike."""
    for lcid in SRBS:
        for direction, other in (("DL", "UL"), ("UL", "DL")):
            entity, answers = AmEntity(), []
            for pdu in recorded(lcid)[direction, lcid]:
                if not is_control(pdu):
                    entity.receive_pdu(pdu, 0)
                    answers.append(entity.build_pdu(100, 0))
            theirs = [pdu for pdu in recorded(lcid)[other, lcid] if is_control(pdu)]
            assert answers[: len(theirs)] == theirs
