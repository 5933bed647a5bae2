"""GTPv2-C: every message through its codec and through Wireshark, clause 7.7's errors, clause 7.6's repetition."""

import re
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.epc.interfaces import gtpv2c, gtpv2c_ies, tables
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c import Packet
from picocell.epc.interfaces.gtpv2c_codec import RawIe
from picocell.epc.interfaces.gtpv2c_ies import (
    Ambr,
    Apn,
    ApnRestriction,
    Arp,
    BearerFlags,
    BearerQos,
    BearerTft,
    Cause,
    ChargingCharacteristics,
    ChargingId,
    DelayValue,
    Ebi,
    Ecgi,
    FTeid,
    GtpcError,
    Imsi,
    Indication,
    IndicationFlag,
    Interface,
    IpAddress,
    Mei,
    Msisdn,
    NodeFeatures,
    NodeType,
    Paa,
    Pco,
    PdnKind,
    PdnType,
    Pti,
    Rat,
    RatType,
    Recovery,
    SelectionMode,
    ServingNetwork,
    Tai,
    UeTimeZone,
    Uli,
)
from support import tshark

V4, V6 = IPv4Address("172.16.0.2"), IPv6Address("2001:db8:0:1::2")
ACCEPTED = Cause(16)
PCO = Pco(bytes.fromhex("8080211001000010810600000000830600000000000d00"))
TFT = BearerTft(bytes.fromhex("2110000b10ac100001ffffffff3011"))
LOCATION = Uli(Tai("001", "01", 7), Ecgi("001", "01", 0x19B01))


def f_teid(interface: Interface, teid: int) -> FTeid:
    return FTeid(interface, teid, V4)


def bearer(f_teids: dict[int, FTeid] | None = None, **fields: Any) -> m.BearerContext:
    return m.BearerContext(ebi=Ebi(5), f_teids=f_teids or {}, **fields)


QOS = BearerQos(9, 15, may_pre_empt=False, pre_emptable=True)
GBR = BearerQos(1, 2, may_pre_empt=True, mbr_ul=128, mbr_dl=256, gbr_ul=64, gbr_dl=(1 << 32) + 5)

EXAMPLES: tuple[m.Message, ...] = (
    m.EchoRequest(recovery=Recovery(7), features=NodeFeatures(1)),
    m.EchoResponse(recovery=Recovery(8)),
    m.VersionNotSupportedIndication(),
    m.CreateSessionRequest(
        imsi=Imsi("001010123456780"),
        msisdn=Msisdn("491701234567"),
        mei=Mei("3534900698733190"),
        uli=LOCATION,
        serving_network=ServingNetwork("001", "01"),
        rat_type=RatType(Rat.EUTRAN),
        indication=Indication(IndicationFlag.DAF | IndicationFlag.PS | IndicationFlag.CLII),
        sender=f_teid(Interface.S11_MME, 0x1001),
        pgw=f_teid(Interface.S5C_PGW, 0),
        apn=Apn("internet.mnc001.mcc001.gprs"),
        selection_mode=SelectionMode(1),
        pdn_type=PdnType(PdnKind.IPV4V6),
        paa=Paa(PdnKind.IPV4V6, IPv4Address(0), IPv6Address(0), 0),
        max_apn_restriction=ApnRestriction(0),
        ambr=Ambr(50_000, 100_000),
        pco=PCO,
        bearer_contexts=(bearer(qos=QOS),),
        recovery=Recovery(3),
        time_zone=UeTimeZone(0x40, 1),
        charging_characteristics=ChargingCharacteristics(0x0800),
    ),
    m.CreateSessionResponse(
        cause=ACCEPTED,
        sender=f_teid(Interface.S11_SGW, 0x2001),
        pgw=FTeid(Interface.S5C_PGW, 0x3001, V4, V6),
        paa=Paa(PdnKind.IPV4V6, V4, V6, 64),
        apn_restriction=ApnRestriction(0),
        ambr=Ambr(1, 2),
        linked_ebi=Ebi(5),
        pco=PCO,
        bearer_contexts=(
            bearer(
                {0: f_teid(Interface.S1U_SGW, 0x2002), 2: f_teid(Interface.S5U_PGW, 0x3002)},
                cause=ACCEPTED,
                qos=QOS,
                charging_id=ChargingId(0xDEADBEEF),
            ),
        ),
        for_removal=(m.BearerContext(ebi=Ebi(6), cause=Cause(64)),),
        recovery=Recovery(1),
    ),
    m.ModifyBearerRequest(
        uli=LOCATION,
        serving_network=ServingNetwork("310", "410"),
        rat_type=RatType(Rat.EUTRAN),
        indication=Indication(IndicationFlag.CFSI),
        sender=f_teid(Interface.S11_MME, 0x1001),
        ambr=Ambr(3, 4),
        delay_downlink=DelayValue(2),
        bearer_contexts=(bearer({0: f_teid(Interface.S1U_ENB, 0x4001)}),),
        to_remove=(m.BearerContext(ebi=Ebi(6)),),
        recovery=Recovery(1),
        time_zone=UeTimeZone(0x21),
    ),
    m.ModifyBearerResponse(
        cause=ACCEPTED,
        msisdn=Msisdn("49170123456"),
        linked_ebi=Ebi(5),
        apn_restriction=ApnRestriction(1),
        bearer_contexts=(bearer({0: f_teid(Interface.S1U_SGW, 0x2002)}, cause=ACCEPTED, charging_id=ChargingId(1)),),
        recovery=Recovery(2),
    ),
    m.DeleteSessionRequest(
        cause=Cause(3),
        linked_ebi=Ebi(5),
        uli=LOCATION,
        indication=Indication(IndicationFlag.OI),
        originating_node=NodeType(0),
        sender=f_teid(Interface.S11_MME, 1),
        time_zone=UeTimeZone(0),
    ),
    m.DeleteSessionResponse(cause=Cause(64, from_remote=True), recovery=Recovery(0), pco=PCO),
    m.DownlinkDataNotificationFailureIndication(
        cause=Cause(90), originating_node=NodeType(0), imsi=Imsi("00101012345678")
    ),
    m.CreateBearerRequest(
        pti=Pti(3),
        linked_ebi=Ebi(5),
        bearer_contexts=(
            m.BearerContext(
                ebi=Ebi(0),
                tft=TFT,
                f_teids={0: f_teid(Interface.S1U_SGW, 5), 1: f_teid(Interface.S5U_PGW, 6)},
                qos=GBR,
                charging_id=ChargingId(2),
                flags=BearerFlags(1),
            ),
        ),
    ),
    m.CreateBearerResponse(
        cause=ACCEPTED,
        bearer_contexts=(bearer({0: f_teid(Interface.S1U_ENB, 7), 1: f_teid(Interface.S1U_SGW, 5)}, cause=ACCEPTED),),
        recovery=Recovery(4),
        uli=LOCATION,
    ),
    m.DeleteBearerRequest(ebis=(Ebi(6), Ebi(7)), pti=Pti(1), cause=Cause(8)),
    m.DeleteBearerResponse(
        cause=Cause(70, offending=(73, 1)),
        linked_ebi=Ebi(5),
        bearer_contexts=(bearer(cause=ACCEPTED), bearer(cause=Cause(64, bce=True))),
    ),
    m.ReleaseAccessBearersRequest(
        ebis=(Ebi(5), Ebi(6)), originating_node=NodeType(0), indication=Indication(IndicationFlag.ARRL)
    ),
    m.ReleaseAccessBearersResponse(cause=ACCEPTED, recovery=Recovery(5)),
    m.DownlinkDataNotification(cause=Cause(6), ebis=(Ebi(5),), arp=Arp(3, True, False), imsi=Imsi("001010123456780")),
    m.DownlinkDataNotificationAcknowledge(cause=ACCEPTED, delay=DelayValue(4), recovery=Recovery(6)),
)


def packet(message: m.Message, sequence: int = 0x010203, teid: int = 0xA1B2C3D4) -> Packet:
    return Packet(message, sequence, teid if message.HAS_TEID else None)


def name_of(kind: type[m.Message]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__)


def test_types_and_names_are_those_of_the_tables() -> None:
    assert {type(message) for message in EXAMPLES} == set(m.MESSAGES.values())
    for value, kind in m.MESSAGES.items():
        assert gtpv2c.message_name(value) == name_of(kind)
        if kind.RESPONSE is not None:
            assert gtpv2c.message_name(kind.RESPONSE).rsplit(" ", 1)[-1] in ("Response", "Acknowledge")
    listed = {name.replace(" ", ""): value for value, name in tables.names("29274_8.1-1_gtpv2_ie").items()}
    spelled = {"bearertft": "bearertft", "nodefeatures": "nodefeatures"}
    kinds = [getattr(gtpv2c_ies, name) for name in gtpv2c_ies.__all__]
    for kind in [*kinds, m.BearerContext]:
        if isinstance(getattr(kind, "TYPE", None), int) and kind is not Imsi:  # the table's copy starts at 2
            name = kind.__name__.lower()
            assert listed[spelled.get(name, name)] == kind.TYPE
    assert gtpv2c.cause_name(gtpv2c_ies.INVALID_LENGTH) == "Invalid length"
    assert gtpv2c.cause_name(70) == "Mandatory IE missing"
    assert gtpv2c.element_name(87) == "f teid"


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_messages_survive(message: m.Message) -> None:
    data = gtpv2c.encode(packet(message))
    assert gtpv2c.decode(data) == packet(message)
    assert gtpv2c.encode(gtpv2c.decode(data)) == data


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_every_truncation_is_refused(message: m.Message) -> None:
    data = gtpv2c.encode(packet(message))
    for size in range(len(data)):
        with pytest.raises(GtpcError):
            gtpv2c.decode(data[:size])


def test_a_header_by_hand() -> None:
    message = m.ReleaseAccessBearersRequest()
    assert gtpv2c.encode(packet(message)) == bytes.fromhex("48aa0008a1b2c3d401020300")
    assert gtpv2c.encode(Packet(message, 1, 0, priority=9)) == bytes.fromhex("4caa00080000000000000190")
    assert gtpv2c.decode(bytes.fromhex("4caa00080000000000000190")).priority == 9
    echo = m.EchoRequest(recovery=Recovery(5))
    assert gtpv2c.encode(Packet(echo, 2)) == bytes.fromhex("400100090000020003000100" + "05")


def test_a_piggybacked_message() -> None:
    rider = packet(EXAMPLES[10], 99)
    both = Packet(EXAMPLES[4], 5, 6, piggybacked=rider)
    data = gtpv2c.encode(both)
    assert data[0] & 0x10
    assert gtpv2c.decode(data) == both
    with pytest.raises(GtpcError, match="piggybacked"):
        Packet(EXAMPLES[4], 5, 6, piggybacked=both)


def test_unknown_elements_and_messages_are_kept() -> None:
    message = m.ReleaseAccessBearersResponse(cause=ACCEPTED, others=(RawIe(255, 3, b"xyz"), RawIe(3, 1, b"\7")))
    assert gtpv2c.decode(gtpv2c.encode(packet(message))) == packet(message)
    strange = m.UnknownMessage(type=231, others=(RawIe(1, 0, b"\0"),))
    data = gtpv2c.encode(Packet(strange, 1, 2))
    assert data[1] == 231
    assert gtpv2c.decode(data) == Packet(strange, 1, 2)


def test_an_element_that_a_later_release_has_extended_is_read() -> None:
    element = RawIe(Ambr.TYPE, 0, Ambr(1, 2).pack() + b"more").pack()
    assert decode_elements(171, RawIe(2, 0, b"\x10\0").pack() + element).others == (
        RawIe(72, 0, Ambr(1, 2).pack() + b"more"),
    )
    response = decode_elements(35, RawIe(2, 0, b"\x10\0").pack() + RawIe(73, 0, b"\x05more").pack())
    assert response == m.ModifyBearerResponse(cause=ACCEPTED, linked_ebi=Ebi(5))


def decode_elements(kind: int, elements: bytes) -> Any:
    header = bytes((0x48, kind)) + (8 + len(elements)).to_bytes(2, "big") + bytes.fromhex("0000000700000900")
    return gtpv2c.decode(header + elements).message


def test_a_missing_mandatory_element_is_named_for_the_answer() -> None:
    with pytest.raises(GtpcError, match="cause") as caught:
        decode_elements(37, b"")
    error = caught.value
    assert (error.cause, error.offending) == (70, (2, 0))
    assert error.header == gtpv2c_ies.Header(37, 9, 7)


@pytest.mark.parametrize(
    ("element", "cause", "offending"),
    [
        (RawIe(2, 0, b"\x10"), 67, (2, 0)),  # a Cause of one byte
        (RawIe(73, 0, b""), 70, (2, 0)),  # an optional element at fault is as if it were not there
    ],
)
def test_a_malformed_element_is_named_for_the_answer(element: RawIe, cause: int, offending: tuple[int, int]) -> None:
    with pytest.raises(GtpcError) as caught:
        decode_elements(35, element.pack())
    assert (caught.value.cause, caught.value.offending) == (cause, offending)


def test_malformed_optional_and_repeated_elements_are_set_aside() -> None:
    good, again, bad = RawIe(3, 0, b"\1"), RawIe(3, 0, b"\2"), RawIe(73, 0, b"")
    cause = RawIe(2, 0, ACCEPTED.pack())
    message = decode_elements(35, b"".join(ie.pack() for ie in (cause, bad, good, again)))
    assert message == m.ModifyBearerResponse(cause=ACCEPTED, recovery=Recovery(1), others=(bad, again))


def test_another_version_is_refused_with_its_cause() -> None:
    with pytest.raises(GtpcError, match="version 1") as caught:
        gtpv2c.decode(bytes.fromhex("3201000400000000"))
    assert caught.value.cause == gtpv2c.VERSION_NOT_SUPPORTED


def test_known_encodings_of_elements() -> None:
    assert Imsi("001010123456780").pack() == bytes.fromhex("00010121436587f0")
    assert ServingNetwork("001", "01").pack() == bytes.fromhex("00f110")
    assert ServingNetwork("310", "410").pack() == bytes.fromhex("130014")
    assert Apn("a.bc").pack() == b"\1a\2bc"
    assert QOS.pack() == bytes((0x7C, 9)) + bytes(20)
    assert Indication(IndicationFlag.DAF | IndicationFlag.MSV).pack() == b"\x80\x01"
    assert FTeid(Interface.S11_MME, 1, V4).pack() == b"\x8a\0\0\0\1" + V4.packed


DIGITS = st.text("0123456789", min_size=1, max_size=15)
MNC = st.text("0123456789", min_size=2, max_size=3)
MCC = st.text("0123456789", min_size=3, max_size=3)
U8, U16, U32, U40 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 40))
LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
OPTIONAL_V4, OPTIONAL_V6 = st.none() | st.ip_addresses(v=4), st.none() | st.ip_addresses(v=6)
ELEMENTS: st.SearchStrategy[Any] = st.one_of(
    st.builds(Imsi, DIGITS),
    st.builds(Mei, st.text("0123456789", min_size=15, max_size=16)),
    st.builds(Msisdn, DIGITS),
    st.builds(Cause, U8, st.booleans(), st.booleans(), st.booleans(), st.none() | st.tuples(U8, st.integers(0, 15))),
    st.builds(Apn, st.lists(LABEL, min_size=1, max_size=4).map(".".join)),
    st.builds(Ambr, U32, U32),
    st.builds(IpAddress, st.ip_addresses()),
    st.builds(Indication, st.integers(0, (1 << 48) - 1).map(IndicationFlag)),
    st.builds(Paa, st.just(PdnKind.IPV4), st.ip_addresses(v=4)),
    st.builds(Paa, st.just(PdnKind.IPV6), st.none(), st.ip_addresses(v=6), st.integers(0, 128)),
    st.builds(Paa, st.just(PdnKind.IPV4V6), st.ip_addresses(v=4), st.ip_addresses(v=6), st.integers(0, 128)),
    st.builds(BearerQos, U8, st.integers(0, 15), st.booleans(), st.booleans(), U40, U40, U40, U40),
    st.builds(FTeid, st.integers(0, 63), U32, st.ip_addresses(v=4), OPTIONAL_V6),
    st.builds(FTeid, st.integers(0, 63), U32, OPTIONAL_V4, st.ip_addresses(v=6)),
    st.builds(ServingNetwork, MCC, MNC),
    st.builds(
        Uli,
        st.none() | st.builds(Tai, MCC, MNC, U16),
        st.none() | st.builds(Ecgi, MCC, MNC, st.integers(0, (1 << 28) - 1)),
        st.sampled_from(((), ((0, b"cgi...."), (5, b"lai..")), ((7, b"extend"),))),
    ),
    st.builds(UeTimeZone, U8, st.integers(0, 2)),
    st.builds(ChargingId, U32),
    st.builds(Arp, st.integers(0, 15), st.booleans(), st.booleans()),
    st.builds(Pco, st.binary(max_size=40)),
    st.builds(Recovery, U8),
)


@given(ELEMENTS)
def test_elements_survive(element: Any) -> None:
    assert type(element).unpack(element.pack()) == element


KINDS = [
    kind for kind in map(gtpv2c_ies.__dict__.get, gtpv2c_ies.__all__) if isinstance(getattr(kind, "TYPE", None), int)
]


@given(st.sampled_from(KINDS), st.binary(max_size=40))
def test_random_elements_raise_only_the_modules_error(kind: Any, data: bytes) -> None:
    with suppress(GtpcError):
        element = kind.unpack(data)
        assert kind.unpack(element.pack()) == element


@given(st.sampled_from(sorted(m.MESSAGES)), st.binary(max_size=80))
def test_random_bytes_raise_only_the_modules_error(kind: int, data: bytes) -> None:
    with suppress(GtpcError):
        gtpv2c.decode(data)
    with suppress(GtpcError):
        decode_elements(kind, data)


@given(st.sampled_from(EXAMPLES), st.data())
def test_damaged_messages_raise_only_the_modules_error(message: m.Message, data: st.DataObject) -> None:
    damaged = bytearray(gtpv2c.encode(packet(message)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(U8)
    try:
        found = gtpv2c.decode(bytes(damaged))
    except GtpcError:
        return
    assert gtpv2c.decode(gtpv2c.encode(found)) == found


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Imsi("12a"),
        lambda: Imsi("1" * 16),
        lambda: Ebi(16),
        lambda: Apn(""),
        lambda: Apn("x" * 64),
        lambda: FTeid(10, 1),
        lambda: Paa(PdnKind.IPV4),
        lambda: ServingNetwork("01", "01"),
        lambda: Uli(others=((3, b"12345"),)),
        lambda: RawIe(256, 0, b""),
        lambda: Packet(EXAMPLES[0], 1, 5),
        lambda: Packet(EXAMPLES[3], 1),
        lambda: Packet(EXAMPLES[3], 1 << 24, 0),
        lambda: gtpv2c.encode(packet(m.CreateBearerResponse(cause=ACCEPTED, bearer_contexts=()))),
    ],
)
def test_values_that_do_not_fit_are_refused(bad: Any) -> None:
    with pytest.raises(GtpcError):
        bad()


def test_wireshark_reads_every_message(tmp_path: Path) -> None:
    seen = tshark.dissect(tmp_path, gtpv2c.PORT, [gtpv2c.encode(packet(message)) for message in EXAMPLES])
    for message, fields in zip(EXAMPLES, seen, strict=True):
        assert not tshark.complaints(fields), type(message).__name__
        assert numbers(fields, "gtpv2.message_type") == [message.TYPE]
        assert numbers(fields, "gtpv2.seq") == [0x010203]
        assert numbers(fields, "gtpv2.teid") == ([0xA1B2C3D4] if message.HAS_TEID else [])
    by_kind = {type(message): fields for message, fields in zip(EXAMPLES, seen, strict=True)}
    for kind, wanted in EXPECTED.items():
        for name, values in wanted.items():
            found = tshark.values(by_kind[kind], name)
            assert [number(value) for value in found] == values, f"{kind.__name__} {name}"


def test_wireshark_complains_where_it_should(tmp_path: Path) -> None:
    data = bytearray(gtpv2c.encode(packet(EXAMPLES[4])))
    data[14] += 200  # the length of the first element
    assert tshark.complaints(tshark.dissect(tmp_path, gtpv2c.PORT, [bytes(data)])[0])


def number(value: str) -> int | str:
    try:
        return int(value, 0)
    except ValueError:
        return {"True": 1, "False": 0}.get(value, value)


def numbers(fields: list[tuple[str, str]], name: str) -> list[int | str]:
    return [number(value) for value in tshark.values(fields, name)]


EXPECTED: dict[type[m.Message], dict[str, list[Any]]] = {
    m.CreateSessionRequest: {
        "e212.imsi": ["001010123456780"],
        "gtpv2.apn": ["internet.mnc001.mcc001.gprs"],
        "gtpv2.f_teid_interface_type": [10, 7],
        "gtpv2.rat_type": [6],
        "gtpv2.daf": [1],
        "gtpv2.dtf": [0],
        "gtpv2.ps": [1],
        "gtpv2.clii": [1],
        "gtpv2.selec_mode": [1],
        "gtpv2.ambr_up": [50_000],
        "gtpv2.ambr_down": [100_000],
        "gtpv2.tai_tac": [7],
        "gtpv2.ebi": [5],
        "gtpv2.bearer_qos_label_qci": [9],
    },
    m.CreateSessionResponse: {
        "gtpv2.cause": [16, 16, 64],
        "gtpv2.pdn_addr_and_prefix.ipv4": [str(V4)],
        "gtpv2.pdn_addr_and_prefix.ipv6": [str(V6)],
        "gtpv2.f_teid_interface_type": [11, 7, 1, 5],
        "gtpv2.charging_id": [0xDEADBEEF],
        "gtpv2.bearer_qos_pl": [15],
        "gtpv2.bearer_qos_pci": [1],
        "gtpv2.bearer_qos_pvi": [0],
    },
    m.ModifyBearerRequest: {"gtpv2.delay_value": [2], "gtpv2.f_teid_gre_key": [0x1001, 0x4001]},
    m.CreateBearerRequest: {
        "gtpv2.bearer_qos_mbr_up": [128],
        "gtpv2.bearer_qos_mbr_down": [256],
        "gtpv2.bearer_qos_gbr_up": [64],
        "gtpv2.bearer_qos_gbr_down": [(1 << 32) + 5],
        "gtpv2.ebi": [5, 0],
    },
    m.DeleteBearerRequest: {"gtpv2.ebi": [6, 7], "gtpv2.cause": [8]},
    m.DeleteBearerResponse: {"gtpv2.cause": [70, 16, 64], "gtpv2.bce": [0, 0, 1]},
    m.DownlinkDataNotificationAcknowledge: {"gtpv2.cause": [16], "gtpv2.delay_value": [4], "gtpv2.rec": [6]},
    m.DownlinkDataNotificationFailureIndication: {"gtpv2.cause": [90], "gtpv2.node_type": [0]},
}
