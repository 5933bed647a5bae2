"""Messages of S6a: there and back, by Wireshark's eyes, and malformed (TS 29.272)."""

import shutil
import struct
import subprocess
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from picocell.epc.interfaces import diameter, s6a
from picocell.epc.interfaces.gtpv2c_ies import Ambr, Arp
from picocell.epc.interfaces.s6a import DiameterError, ErrorCode, Packet, Result, ResultCode

REQUEST = {
    "session_id": "mme.picocell;1;2",
    "origin_host": "mme.picocell",
    "origin_realm": "picocell",
    "destination_realm": "picocell",
    "imsi": "001010123456780",
}
ANSWER = {"session_id": "mme.picocell;1;2", "origin_host": "hss.picocell", "origin_realm": "picocell"}
OK = {**ANSWER, "result": s6a.SUCCESS}
VECTOR = s6a.EutranVector(bytes(range(16)), bytes(range(8)), bytes(range(16, 32)), bytes(range(32)))
SUBSCRIPTION = s6a.Subscription(
    msisdn="4917012345678",
    status=s6a.SubscriberStatus.SERVICE_GRANTED,
    network_access_mode=s6a.NetworkAccessMode.ONLY_PACKET,
    access_restriction=s6a.AccessRestriction.UTRAN | s6a.AccessRestriction.GERAN,
    ambr=Ambr(50_000, 100_000),
    default_context_id=2,
    apns=(
        s6a.ApnConfiguration(context_id=1, apn="ims", pdn_type=s6a.PdnType.IPV4V6, qci=5, arp=Arp(1, True, False)),
        s6a.ApnConfiguration(
            context_id=2,
            apn="internet",
            ambr=Ambr(1000, 2000),
            addresses=(IPv4Address("172.16.0.9"), IPv6Address("2001:db8::1")),
        ),
    ),
)
MESSAGES: list[s6a.Message] = [
    s6a.AuthenticationInformationRequest(
        **REQUEST, mcc="001", mnc="01", n_vectors=3, resync=(bytes(range(16)), bytes(range(14)))
    ),
    s6a.AuthenticationInformationRequest(**REQUEST, mcc="310", mnc="410", immediate=False),
    s6a.AuthenticationInformationAnswer(**OK, vectors=(VECTOR, VECTOR)),
    s6a.AuthenticationInformationAnswer(
        **ANSWER,
        result=s6a.failure(ErrorCode.UNKNOWN_EPS_SUBSCRIPTION),
        error_message="barred",
        error_diagnostic=s6a.ErrorDiagnostic.NO_GPRS_DATA_SUBSCRIBED,
    ),
    s6a.UpdateLocationRequest(**REQUEST, destination_host="hss.picocell", mcc="001", mnc="01"),
    s6a.UpdateLocationAnswer(**OK, flags=1, subscription=SUBSCRIPTION),
    s6a.UpdateLocationAnswer(**ANSWER, result=s6a.failure(ErrorCode.USER_UNKNOWN)),
    s6a.PurgeUeRequest(**REQUEST),
    s6a.PurgeUeAnswer(**OK, freeze_m_tmsi=True),
    s6a.CancelLocationRequest(**REQUEST, cancellation_type=s6a.CancellationType.SUBSCRIPTION_WITHDRAWAL, flags=2),
    s6a.CancelLocationAnswer(**OK),
]
IDS = [f"{type(message).__name__}-{index}" for index, message in enumerate(MESSAGES)]


@pytest.mark.parametrize("message", MESSAGES, ids=IDS)
def test_what_is_packed_is_read(message: s6a.Message) -> None:
    packet = Packet(message, 0x01020304, 0xFFFFFFFF)
    assert s6a.decode(s6a.encode(packet)) == packet


@pytest.mark.parametrize("message", MESSAGES, ids=IDS)
def test_damaged_bytes_are_read_or_answered(message: s6a.Message) -> None:
    data = s6a.encode(Packet(message, 1, 2))
    for position in range(len(data)):
        for damaged in (data[:position], data[:position] + bytes((data[position] ^ 0xFF,)) + data[position + 1 :]):
            error = _error(damaged)
            answer = None if error is None else s6a.error_answer(error, "hss", "realm")
            if error is not None:
                assert (answer is None) == (error.header is None or not error.header.request)
            if answer is not None:
                assert diameter.decode(answer).header.hop_by_hop == int.from_bytes(damaged[12:16], "big")


def test_an_unknown_avp_that_must_be_understood_is_refused() -> None:
    packet = diameter.decode(s6a.encode(Packet(MESSAGES[7], 1, 2)))
    for avp, is_refused in (
        (diameter.Avp(4711, b"x"), True),
        (diameter.Avp(4711, b"x", 10415), True),
        (diameter.Avp(4711, b"x", mandatory=False), False),
        (diameter.Avp(628, b"", 10415), False),
        (diameter.Avp(282, b"proxy"), False),
    ):
        data = diameter.encode(diameter.Packet(packet.header, (*packet.avps, avp)))
        if not is_refused:
            assert s6a.decode(data).message == MESSAGES[7]
            continue
        with pytest.raises(DiameterError) as caught:
            s6a.decode(data)
        answer = s6a.error_answer(caught.value, "hss.picocell", "picocell")
        assert answer is not None
        read = s6a.decode(answer).message
        assert isinstance(read, s6a.PurgeUeAnswer)
        assert (read.result, read.failed, read.session_id) == (
            Result(ResultCode.AVP_UNSUPPORTED),
            avp,
            "mme.picocell;1;2",
        )


@pytest.mark.parametrize(
    ("command", "application", "result"),
    [(999, s6a.APPLICATION, ResultCode.COMMAND_UNSUPPORTED), (321, 4, ResultCode.APPLICATION_UNSUPPORTED)],
)
def test_unknown_commands_and_applications(command: int, application: int, result: int) -> None:
    packet = diameter.decode(s6a.encode(Packet(MESSAGES[7], 1, 2)))
    header = diameter.Header(command, application, 1, 2, True)
    with pytest.raises(DiameterError) as caught:
        s6a.decode(diameter.encode(diameter.Packet(header, packet.avps)))
    answer = s6a.error_answer(caught.value, "hss", "realm")
    assert answer is not None
    assert diameter.decode(answer).header.error
    assert caught.value.result == result


def test_which_apn_a_subscription_allows() -> None:
    assert [SUBSCRIPTION.apn(name) for name in (None, "IMS", "internet.mnc001.mcc001.gprs", "other")] == [
        SUBSCRIPTION.apns[1],
        SUBSCRIPTION.apns[0],
        SUBSCRIPTION.apns[1],
        None,
    ]
    assert (s6a.failure(ErrorCode.USER_UNKNOWN).name, Result(9).name) == ("USER_UNKNOWN (5001)", "result 9")


def test_wireshark_reads_the_messages(tmp_path: Path) -> None:
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark, the judge of encodings, is not installed")
    path = tmp_path / "s6a.pcap"
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 228))
    sequence = 1
    for index, message in enumerate(MESSAGES):
        data = s6a.encode(Packet(message, index, index))
        tcp = struct.pack(">HHIIBBHHH", 3868, 3868, sequence, 1, 0x50, 0x18, 0xFFFF, 0, 0) + data
        sequence += len(data)
        frame = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), index, 0, 64, 6, 0) + bytes((10, 0, 0, 1, 10, 0, 0, 2))
        out += struct.pack("<IIII", index, 0, 20 + len(tcp), 20 + len(tcp)) + frame + tcp
    path.write_bytes(bytes(out))
    done = subprocess.run(
        [program, "-n", "-r", str(path), "-V"], capture_output=True, text=True, check=True, timeout=300
    )
    text = done.stdout
    assert "Malformed" not in text
    assert "Unknown AVP" not in text
    assert "Dissector bug" not in text
    assert text.count("Diameter Protocol") >= len(MESSAGES)
    for wanted in (
        "Command Code: 3GPP-Authentication-Information (318)",
        "Command Code: 3GPP-Update-Location (316)",
        "Command Code: 3GPP-Purge-UE (321)",
        "Command Code: 3GPP-Cancel-Location (317)",
        "(MSISDN): 4917012345678",
        "Service-Selection(493) l=16 f=-M- val=internet",
        "Max-Requested-Bandwidth-DL: 100000000",
        "DIAMETER_ERROR_USER_UNKNOWN (5001)",
        "Served-Party-IP-Address Address: 172.16.0.9",
        "QoS-Class-Identifier: QCI_5 (5)",
    ):
        assert wanted in text, wanted


def _error(data: bytes) -> DiameterError | None:
    try:
        s6a.decode(data)
    except DiameterError as error:
        return error
    return None
