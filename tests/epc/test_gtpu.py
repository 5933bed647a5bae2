"""GTP-U packets against the clause's figures, Wireshark, and themselves."""

import csv
import struct
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.gtpu import ExtensionHeader, GtpError, Packet
from support import tshark

TEIDS = st.integers(0, 0xFFFFFFFF)
EXTENSIONS = st.builds(
    ExtensionHeader,
    st.integers(1, 255),
    st.integers(0, 6).flatmap(lambda n: st.binary(min_size=4 * n + 2, max_size=4 * n + 2)),
)
PACKETS = st.builds(
    Packet,
    st.integers(0, 255),
    TEIDS,
    st.binary(max_size=50),
    st.none() | st.integers(0, 0xFFFF),
    st.none() | st.integers(0, 0xFF),
    st.lists(EXTENSIONS, max_size=4).map(tuple),
)
MESSAGES = st.one_of(
    st.builds(gtpu.EchoRequest, st.integers(0, 0xFFFF)),
    st.builds(gtpu.EchoResponse, st.integers(0, 0xFFFF), st.integers(0, 255)),
    st.builds(gtpu.ErrorIndication, TEIDS, st.ip_addresses(), st.integers(0, 0xFFFF)),
    st.builds(gtpu.EndMarker, TEIDS),
    st.builds(
        gtpu.SupportedExtensionHeaders, st.lists(st.integers(1, 255), max_size=9).map(tuple), st.integers(0, 0xFFFF)
    ),
)
IP_PACKET = bytes.fromhex("4500001c00010000401100000a0000010a000002") + struct.pack(">HHHH", 9, 9, 8, 0)


def constants() -> dict[str, str]:
    path = Path(gtpu.__file__).parent / "data" / "29281_gtpu.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {row["item"]: row["value"] for row in csv.DictReader(lines)}


def test_numbers_are_those_of_the_tables() -> None:
    table = constants()
    assert int(table["UDP port (GTP-U)"]) == gtpu.PORT
    names = {int(entry.split(" ", 1)[0]): entry.split(" ", 1)[1] for entry in table["message types"].split("; ")}
    assert names == {
        kind.value: kind.name.replace("_", " ").lower().replace("g pdu", "G-PDU") for kind in gtpu.MessageType
    }
    for kind in gtpu.ExtensionType:
        assert f"0x{kind.value:02X}" in table["extension header types"]


def test_a_g_pdu_is_eight_bytes_and_the_packet() -> None:
    assert gtpu.tunnel(0x01020304)(b"abc") == bytes.fromhex("30ff000301020304") + b"abc"
    assert gtpu.split(bytes.fromhex("30ff000301020304") + b"abc") == (0x01020304, b"abc")


@given(TEIDS, st.binary(max_size=100))
def test_the_short_way_agrees_with_the_long_one(teid: int, payload: bytes) -> None:
    packet = Packet(gtpu.MessageType.G_PDU, teid, payload)
    data = gtpu.tunnel(teid)(payload)
    assert data == gtpu.encode(packet)
    assert gtpu.split(data) == (teid, payload)
    assert gtpu.decode(data) == packet


@given(PACKETS)
def test_packets_survive(packet: Packet) -> None:
    assert gtpu.decode(gtpu.encode(packet)) == packet


@given(PACKETS)
def test_the_short_way_leaves_all_else_alone(packet: Packet) -> None:
    plain = packet.sequence is None and packet.n_pdu is None and not packet.extensions and packet.type == 255
    assert (gtpu.split(gtpu.encode(packet)) is not None) == plain


@given(MESSAGES)
def test_messages_survive(message: gtpu.Message) -> None:
    assert gtpu.message(gtpu.decode(gtpu.encode(message.packet()))) == message


@given(
    st.binary(max_size=60), st.sampled_from((b"", b"\x30\xff", b"\x34\xff\x00\x10", b"\x32\x1a\x00\x20", b"\x32\x02"))
)
@example(b"", bytes.fromhex("34ff0008000000010000004000000000"))
def test_random_bytes_raise_only_the_modules_error(tail: bytes, head: bytes) -> None:
    gtpu.split(head + tail)
    with suppress(GtpError):
        gtpu.message(gtpu.decode(head + tail))


@given(PACKETS, st.data())
def test_a_truncated_packet_is_refused(packet: Packet, data: st.DataObject) -> None:
    encoded = gtpu.encode(packet)
    with pytest.raises(GtpError):
        gtpu.decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@pytest.mark.parametrize("first", [0x10, 0x50, 0x20])
def test_other_versions_and_gtp_prime_are_refused(first: int) -> None:
    with pytest.raises(GtpError, match="GTP"):
        gtpu.decode(bytes((first, 255, 0, 0, 0, 0, 0, 1)))


def test_bytes_after_the_stated_length_are_not_looked_at() -> None:
    assert gtpu.decode(bytes.fromhex("30ff000100000001aabb")).payload == b"\xaa"


@pytest.mark.parametrize(("kind", "required"), [(0x20, False), (0x40, False), (0x85, True), (0xC0, True), (0x9F, True)])
def test_comprehension_of_extension_headers(kind: int, required: bool) -> None:
    packet = gtpu.decode(gtpu.encode(Packet(255, 1, b"x", extensions=(ExtensionHeader(kind, b"\x00\x00"),))))
    assert packet.extensions[0].comprehension_required == required
    assert packet.unsupported(frozenset()) == ((kind,) if required else ())
    assert packet.unsupported(frozenset({kind})) == ()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: gtpu.tunnel(1 << 32),
        lambda: Packet(256, 0),
        lambda: Packet(255, 0, sequence=1 << 16),
        lambda: ExtensionHeader(0, b"ab"),
        lambda: ExtensionHeader(1, b"abc"),
        lambda: gtpu.encode(Packet(255, 0, bytes(0x10000))),
        lambda: gtpu.EchoResponse(1, 256).packet(),
        lambda: gtpu.ErrorIndication(-1, IPv4Address("1.2.3.4")).packet(),
    ],
)
def test_values_that_do_not_fit_are_refused(bad: object) -> None:
    with pytest.raises(GtpError):
        bad()  # type: ignore[operator]


def test_wireshark_reads_every_message(tmp_path: Path) -> None:
    extension = ExtensionHeader(gtpu.ExtensionType.PDCP_PDU_NUMBER, b"\x01\x23")
    udp_port = ExtensionHeader(gtpu.ExtensionType.UDP_PORT, b"\x08\x68")
    indications = [
        gtpu.ErrorIndication(0xCAFE0001, ip_address("10.1.2.3"), 5),
        gtpu.ErrorIndication(0xCAFE0002, IPv6Address("2001:db8::7"), 6),
    ]
    packets = [
        Packet(255, 0x11223344, IP_PACKET),
        Packet(255, 1, IP_PACKET, sequence=0x1234),
        Packet(255, 2, IP_PACKET, sequence=3, n_pdu=0x56, extensions=(udp_port, extension)),
        gtpu.EchoRequest(7).packet(),
        gtpu.EchoResponse(7, 9).packet(),
        *(indication.packet() for indication in indications),
        gtpu.EndMarker(0xABCDEF01).packet(),
        gtpu.SupportedExtensionHeaders((0x40, 0xC0), 8).packet(),
    ]
    seen = tshark.dissect(tmp_path, gtpu.PORT, [gtpu.encode(packet) for packet in packets])
    for packet, fields in zip(packets, seen, strict=True):
        assert not tshark.complaints(fields)
        assert [int(v, 16) for v in tshark.values(fields, "gtp.message")] == [packet.type]
        assert [int(v, 16) for v in tshark.values(fields, "gtp.teid")] == [packet.teid]
        if packet.sequence is not None:
            assert [int(v, 0) for v in tshark.values(fields, "gtp.seq_number")] == [packet.sequence]
    assert [int(v, 0) for v in tshark.values(seen[2], "gtp.npdu_number")] == [0x56]
    assert [int(v, 0) for v in tshark.values(seen[2], "gtp.ext_hdr.pdcp_sn")] == [0x123]
    assert tshark.values(seen[4], "gtp.recovery") == ["9"]
    for indication, fields in zip(indications, seen[5:7], strict=True):
        assert [int(v, 16) for v in tshark.values(fields, "gtp.teid_data")] == [indication.teid]
        assert str(indication.address) in {value for _, value in fields}


def test_wireshark_complains_where_it_should(tmp_path: Path) -> None:
    broken = [b"\x32\x1a\x00\x08" + bytes(4) + b"\x00\x01\x00\x00" + b"\x10\x00\x00\x00"]
    assert tshark.complaints(tshark.dissect(tmp_path, gtpu.PORT, broken)[0])
