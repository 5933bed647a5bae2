"""NAS messages between octets and values."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas.asn1 import LOCK
from picocell.rrc_nas.nas import codec, ies, protection
from picocell.rrc_nas.nas.causes import NasError
from picocell.rrc_nas.nas.session_ies import ApnAmbr, EpsQos, NetworkName, PcoId, ProtocolConfiguration
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia
from support.nas_recordings import over_s1ap, over_the_air

UPLINK, DOWNLINK = Direction.UPLINK, Direction.DOWNLINK
PLMN = ies.Plmn("001", "01")
GUTI = ies.Guti(PLMN, 1, 26, 0xA7BB6363)


def test_every_recorded_message_comes_back_octet_for_octet() -> None:
    names = []
    for direction, pdu in [*over_the_air(), *over_s1ap()]:
        payload = protection.split(pdu).payload
        message = codec.decode(payload, direction)
        assert codec.encode(message.name, **message.fields) == payload
        names.append(message.name)
        container = message.get("esm_message_container")
        if container is not None:
            inner = codec.decode(container, direction)
            assert codec.encode(inner.name, **inner.fields) == container
    assert len(names) == 20
    assert names[0] == "attach request"


def test_recorded_values() -> None:
    messages = {}
    for direction, pdu in over_the_air():
        message = codec.decode(protection.split(pdu).payload, direction)
        messages[message.name] = message
    accept = messages["attach accept"]
    assert accept["guti"] == GUTI
    assert accept["t3412_value"] == 30 * 60
    assert accept["tai_list"] == (ies.Tai(PLMN, 7),)
    bearer = codec.decode(accept["esm_message_container"], DOWNLINK)
    assert (bearer["ebi"], bearer["pti"], bearer["eps_qos"]) == (5, 1, EpsQos(7))
    assert bearer["pdn_address"] == ies.PdnAddress("172.16.0.3")
    assert bearer["protocol_configuration_options"].dns == ("8.8.8.8",)
    assert messages["EMM information"]["full_name_for_network"].text == "Software Radio Systems RAN"


def _sample(element: codec.Element) -> Any:
    """A value that an element can have."""
    values: dict[str, Any] = {
        "eps_mobile_identity": ies.MobileIdentity.of_guti(GUTI),
        "old_guti": ies.MobileIdentity.of_guti(GUTI),
        "guti": GUTI,
        "additional_guti": GUTI,
        "mobile_identity": ies.MobileIdentity.imsi("001010123456780"),
        "imeisv": ies.MobileIdentity("imeisv", "1234567890123456"),
        "ms_identity": ies.MobileIdentity("tmsi", tmsi=5),
        "ue_network_capability": ies.UeNetworkCapability(0xE0, 0x60, 0xC0, 0x40, b"\x08"),
        "replayed_ue_security_capabilities": ies.UeSecurityCapability(0xE0, 0x60, 0xC0, 0x40, 0x60),
        "selected_nas_security_algorithms": ies.NasSecurityAlgorithms(Eea.EEA2, Eia.EIA1),
        "last_visited_registered_tai": ies.Tai(PLMN, 7),
        "tai_list": (ies.Tai(PLMN, 7), ies.Tai(ies.Plmn("310", "410"), 8)),
        "equivalent_plmns": (PLMN,),
        "eps_bearer_context_status": (5, 7, 15),
        "access_point_name": "internet.example",
        "pdn_address": ies.PdnAddress("10.0.0.1", bytes(range(8))),
        "eps_qos": EpsQos(1, 64, 128, 64, 128),
        "required_traffic_flow_qos": EpsQos(1, 64, 128, 64, 128),
        "apn_ambr": ApnAmbr(1024, 512),
        "protocol_configuration_options": ProtocolConfiguration.request(),
        "full_name_for_network": NetworkName("picocell"),
        "short_name_for_network": NetworkName("Ωмир", True),
        "emm_cause": 3,
        "esm_cause": 27,
        "mobile_station_classmark_3": b"",
        "supported_codecs": b"\x00\x02\x01\x00",
    }
    if element.name in values:
        return values[element.name]
    if element.name in codec._FORMS:
        return 120
    if element.length in (0.5, 1):
        return 1
    return bytes(range(int(element.length) or 4))


def _full(layout: codec.Layout) -> dict[str, Any]:
    elements = [*layout.mandatory, *layout.optional.values()]
    fields = {element.name: _sample(element) for element in elements if element.name != "spare"}
    return {**({"ebi": 5, "pti": 9} if layout.esm else {}), **fields}


@pytest.mark.parametrize("name", codec.MESSAGES)
def test_every_message_with_every_element(name: str) -> None:
    for layout in codec.layouts(name):
        fields = _full(layout)
        direction = layout.direction if layout.direction is not None else DOWNLINK
        data = codec.encode(name, **fields)
        assert codec.decode(data, direction) == codec.NasMessage(name, fields)
        mandatory = {part.name for part in layout.mandatory} | {"ebi", "pti"}
        least = {key: value for key, value in fields.items() if key in mandatory}
        short = codec.encode(name, **least)
        assert codec.decode(short, direction) == codec.NasMessage(name, least)
        header = 3 if layout.esm else 2
        for length in range(header, len(short)):
            with pytest.raises(NasError) as refusal:
                codec.decode(short[:length], direction)
            assert refusal.value.cause == 96


@pytest.mark.parametrize("name", codec.MESSAGES)
def test_an_independent_codec_reads_the_same(name: str) -> None:
    nas = pytest.importorskip("pycrate_mobile.NASLTE")
    for layout in codec.layouts(name):
        data = codec.encode(name, **_full(layout))
        parse = nas.parse_NASLTE_MO if layout.direction is UPLINK else nas.parse_NASLTE_MT
        with LOCK:
            message, error = parse(data, inner=False)
            assert error == 0
            assert message.to_bytes() == data


@settings(derandomize=True, max_examples=500, deadline=None)
@given(st.sampled_from([b"\x07", b"\x52", b""]), st.binary(max_size=60), st.sampled_from(tuple(Direction)))
def test_random_octets_decode_or_are_refused(start: bytes, rest: bytes, direction: Direction) -> None:
    try:
        message = codec.decode(start + rest, direction)
    except NasError:
        return
    assert message.name in codec.MESSAGES


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.sampled_from(codec.MESSAGES), st.binary(max_size=60))
def test_random_contents_decode_or_are_refused(name: str, rest: bytes) -> None:
    for layout in codec.layouts(name):
        head = bytes([0x52, 1, layout.value]) if layout.esm else bytes([7, layout.value])
        for direction in Direction:
            try:
                message = codec.decode(head + rest, direction)
            except NasError:
                continue
            codec.decode(codec.encode(message.name, **message.fields), direction)


def test_unknown_elements() -> None:
    base = codec.encode("attach reject", emm_cause=3)
    assert codec.decode(base + b"\x99\x3f\x02\xaa\xbb\x5f\x01\x21", DOWNLINK).fields == {
        "emm_cause": 3,
        "t3346_value": 60,
    }
    with pytest.raises(NasError) as refusal:
        codec.decode(base + b"\x05\x01\x00", DOWNLINK)
    assert (refusal.value.cause, refusal.value.message) == (96, "attach reject")
    repeated = codec.decode(base + b"\x5f\x01\x21\x5f\x01\x22", DOWNLINK)
    assert repeated["t3346_value"] == 60
    assert "t3346_value" not in codec.decode(base + b"\x5f\x09\x21", DOWNLINK).fields


def test_causes_of_what_cannot_be_decoded() -> None:
    for data, cause in ((b"", None), (b"\x07", None), (b"\x09\x01", None), (b"\x07\xff", 97), (b"\x52\x03\xff", 97)):
        with pytest.raises(NasError) as refusal:
            codec.decode(data, DOWNLINK)
        assert refusal.value.cause == cause
    assert (refusal.value.esm, refusal.value.ebi, refusal.value.pti) == (True, 5, 3)


def test_what_cannot_be_encoded() -> None:
    for text, name, fields in (
        ("no message", "hello", {}),
        ("emm_cause", "attach reject", {}),
        ("no element", "attach complete", {"esm_message_container": b"", "guti": GUTI}),
        ("outside 0..15", "identity request", {"identity_type": 16}),
        ("octets are wanted", "attach complete", {"esm_message_container": 3}),
        (
            "16 are wanted",
            "authentication request",
            {
                "nas_key_set_identifier": 0,
                "authentication_parameter_rand": b"",
                "authentication_parameter_autn": bytes(16),
            },
        ),
        ("EPS bearer identity", "ESM status", {"ebi": 16, "esm_cause": 3}),
    ):
        with pytest.raises(ValueError, match=text):
            codec.encode(name, **fields)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text("0123456789", min_size=1, max_size=15), st.sampled_from(["imsi", "imei", "imeisv"]))
def test_identities(digits: str, kind: ies.IdentityKind) -> None:
    identity = ies.MobileIdentity(kind, digits)
    assert ies.MobileIdentity.unpack(identity.pack()) == identity
    if kind == "imsi":
        assert ies.MobileIdentity.unpack_eps(identity.pack_eps()) == identity


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(0, 31 * 360))
def test_timers_are_not_below_what_was_asked(seconds: int) -> None:
    value = ies.unpack_gprs_timer(ies.pack_gprs_timer(seconds))
    assert seconds <= value < seconds + 360
    assert ies.unpack_gprs_timer(ies.pack_gprs_timer(value)) == value


def test_timer_units() -> None:
    for seconds, octet in ((0, 0), (60, 0x1E), (120, 0x22), (1800, 0x3E), (3240, 0x49), (ies.DEACTIVATED, 0xE0)):
        assert ies.pack_gprs_timer(seconds) == bytes([octet])
        assert ies.unpack_gprs_timer(bytes([octet])) == seconds
    with pytest.raises(ValueError, match="allowed"):
        ies.pack_gprs_timer(12000)


def test_tai_lists_of_every_type() -> None:
    tais = tuple(ies.Tai(PLMN, tac) for tac in (7, 8, 9))
    assert ies.unpack_tai_list(bytes.fromhex("0200f110000700080009")) == tais
    assert ies.unpack_tai_list(bytes.fromhex("2200f1100007")) == tais
    assert ies.unpack_tai_list(bytes.fromhex("4200f110000700f110000800f1100009")) == tais
    assert ies.unpack_tai_list(bytes.fromhex("0000f11000072100f1100008")) == tais
    for bad in ("", "02", "60", "1f00f1100007"):
        with pytest.raises(ValueError):
            ies.unpack_tai_list(bytes.fromhex(bad))


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(0, 256_000), st.integers(0, 10_000_000))
def test_rates_are_the_next_that_can_be_written(rate: int, ambr: int) -> None:
    qos = EpsQos.unpack(EpsQos(1, rate, 1, 1, 1).pack())
    assert rate * 0.85 - 8 <= qos.mbr_ul <= rate
    assert EpsQos.unpack(qos.pack()) == qos
    got = ApnAmbr.unpack(ApnAmbr(ambr, 64).pack())
    assert ambr * 0.85 - 8 <= got.downlink <= ambr
    assert got.uplink == 64


def test_options_of_request_and_answer() -> None:
    request = ProtocolConfiguration.request()
    answer = ProtocolConfiguration.answer(request, ("10.1.1.1", "10.1.1.2"), 1358)
    back = ProtocolConfiguration.unpack(answer.pack())
    assert back.dns == ("10.1.1.1", "10.1.1.2")
    assert back.mtu == 1358
    assert PcoId.IPCP in dict(back.options)
    assert ProtocolConfiguration.answer(ProtocolConfiguration(), ("10.1.1.1",), 1358).options == ()
    assert ProtocolConfiguration.unpack(b"\x80\x00\x0d\x04\x08").options == ()


def test_names() -> None:
    for text in ("", "picocell", "seven77", "Ωмир"):
        assert NetworkName.unpack(NetworkName(text).pack()).text == text
