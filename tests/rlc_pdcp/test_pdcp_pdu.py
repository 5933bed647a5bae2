"""PDCP PDUs against the figures of TS 36.323 6.2, drawn as bit strings, and the configuration's checks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.rlc_pdcp.pdcp import AmConfig, AmEntity, Direction, PdcpState, SrbConfig, UmConfig
from picocell.rlc_pdcp.pdcp.pdu import (
    PdcpPduError,
    StatusReport,
    build_status_report,
    control_type,
    data_header,
    parse_drb,
    parse_srb,
    parse_status_report,
    status_bitmap,
)

HEADERS = {5: "000{sn:05b}", 7: "1{sn:07b}", 12: "1000{sn:012b}", 15: "1{sn:015b}", 18: "100000{sn:018b}"}
"""R R R | SN; D/C | SN; D/C R R R | SN; D/C | SN; D/C P R R R R | SN."""

STATUS = {12: "0000{fms:012b}", 15: "0000" + "00000" + "{fms:015b}", 18: "0000" + "00" + "{fms:018b}"}
"""D/C and PDU type, reserved bits, FMS."""


def packed(bits: str) -> bytes:
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@given(st.sampled_from(sorted(HEADERS)), st.data())
def test_header_of_a_data_pdu(sn_bits: int, data: st.DataObject) -> None:
    sn = data.draw(st.integers(0, (1 << sn_bits) - 1))
    header = data_header(sn, sn_bits)
    assert header == packed(HEADERS[sn_bits].format(sn=sn))
    if sn_bits == 5:
        parsed = parse_srb(header + b"data" + b"MACI")
        assert (parsed.sn, parsed.data, parsed.mac_i) == (sn, b"data", b"MACI")
    else:
        assert parse_drb(header + b"data", sn_bits) == (sn, b"data")
        assert control_type(header) is None


@given(st.sampled_from(sorted(STATUS)), st.data())
def test_status_report(sn_bits: int, data: st.DataObject) -> None:
    report = StatusReport(data.draw(st.integers(0, (1 << sn_bits) - 1)), data.draw(st.binary(max_size=20)))
    pdu = build_status_report(report, sn_bits)
    assert pdu == packed(STATUS[sn_bits].format(fms=report.fms)) + report.bitmap
    assert parse_status_report(pdu, sn_bits) == report
    assert control_type(pdu) == 0


@given(st.integers(0, 5000), st.sets(st.integers(1, 300)))
def test_bitmap_tells_what_was_received(first: int, offsets: set[int]) -> None:
    """Bit n, from 1, is SN FMS + n; the last one received is in the last byte (TS 36.323 5.3.1, 6.3.10)."""
    bitmap = status_bitmap(first, [first + offset for offset in offsets], 8186)
    bits = "".join(f"{byte:08b}" for byte in bitmap)
    assert {place + 1 for place, bit in enumerate(bits) if bit == "1"} == offsets
    assert len(bitmap) == -(-max(offsets, default=0) // 8)
    report = StatusReport(first & 0xFFF, bitmap)
    assert {offset for offset in range(400) if report.received(offset)} == offsets
    assert report.received(-1)
    assert not report.received(0)


def test_bitmap_stops_where_the_largest_control_pdu_does() -> None:
    assert status_bitmap(0, [1, 8, 9, 16, 17], 2) == bytes.fromhex("8181")


@pytest.mark.parametrize(("sn_bits", "pdu"), [(7, "80"), (12, "8000"), (12, ""), (18, "800000"), (12, "000000")])
def test_malformed_data_pdu_is_an_error(sn_bits: int, pdu: str) -> None:
    with pytest.raises(PdcpPduError):
        parse_drb(bytes.fromhex(pdu), sn_bits)


@pytest.mark.parametrize(("sn_bits", "pdu"), [(12, ""), (12, "00"), (15, "0000"), (12, "1000"), (12, "8000")])
def test_malformed_status_report_is_an_error(sn_bits: int, pdu: str) -> None:
    with pytest.raises(PdcpPduError):
        parse_status_report(bytes.fromhex(pdu), sn_bits)


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(PdcpPduError, match=r"0\.\.31"):
        data_header(32, 5)
    with pytest.raises(PdcpPduError, match="10 bits"):
        data_header(0, 10)
    with pytest.raises(PdcpPduError, match="7 bits"):
        build_status_report(StatusReport(0), 7)
    with pytest.raises(PdcpPduError, match="4095"):
        build_status_report(StatusReport(4096), 12)
    with pytest.raises(PdcpPduError, match="8186"):
        build_status_report(StatusReport(0, bytes(8187)), 12)
    with pytest.raises(PdcpPduError, match="more than 5"):
        parse_srb(bytes(5))
    with pytest.raises(PdcpPduError, match="empty"):
        control_type(b"")


def test_configuration_is_checked() -> None:
    with pytest.raises(ValueError, match=r"0\.\.31"):
        SrbConfig(32, Direction.UPLINK)
    with pytest.raises(ValueError, match="count_margin"):
        SrbConfig(0, Direction.UPLINK, count_margin=0)
    with pytest.raises(ValueError, match=r"\(7, 12\)"):
        UmConfig(0, Direction.UPLINK, sn_bits=15)
    with pytest.raises(ValueError, match=r"\(12, 15, 18\)"):
        AmConfig(0, Direction.UPLINK, sn_bits=7)
    with pytest.raises(ValueError, match="discardTimer"):
        UmConfig(0, Direction.UPLINK, discard_timer=0)
    with pytest.raises(ValueError, match="max_queued"):
        UmConfig(0, Direction.UPLINK, max_queued_sdus=0)
    with pytest.raises(ValueError, match="t-Reordering"):
        AmConfig(0, Direction.UPLINK, t_reordering=-1)
    with pytest.raises(ValueError, match="Next_PDCP_TX_SN 4096"):
        AmEntity(AmConfig(0, Direction.UPLINK)).set_state(PdcpState(Next_PDCP_TX_SN=4096))
