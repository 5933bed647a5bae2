"""What the uplink's monitor expects after grants, HARQ indicators and RRC messages, true ones and garbage."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.phy.fapi import DciIndication
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0, Dci1A, DciFormat
from picocell.phy.lte.dci_sizes import riv_encode
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci, from_dci0
from picocell.phy.lte.uplink import PuschTransmission, UplinkTransmitter
from picocell.rrc_nas import asn1
from picocell.ue.monitor import Event
from picocell.ue.rnti_table import LIFETIME, RntiTable
from picocell.ue.uplink_monitor import UplinkMonitor

CELL = Cell(1, 6)
RNTI = 0x46
SI = bytes.fromhex("00800ce1bf788800ca01e00100000801829945ab9c30c6a6cc01c21462d84ea5a4")
SETUP = bytes.fromhex("60129b2e661e82f2e0ccc860d3000099020003e0")
SILENCE = np.zeros((1, 3 * 1920), np.complex64)
SI_RNTI = 0xFFFF


def monitor(si: bytes = SI) -> UplinkMonitor:
    """A monitor that has read SIB2."""
    made = UplinkMonitor(CELL, 128)
    made.downlink(Event(0, "PDSCH", SI_RNTI, True, si))
    return made


def setup(**changes: Any) -> Event:
    """RRCConnectionSetup as it is received, with changes to the physical channels' configuration."""
    value = asn1.decode("DL-CCCH", SETUP)
    body = value["message"][1][1]["criticalExtensions"][1][1]
    body["radioResourceConfigDedicated"]["physicalConfigDedicated"].update(changes)
    message = asn1.encode("DL-CCCH", value)
    pdu = bytes([0x3C, 0x20, len(message), 0x1F]) + bytes(6) + message
    return Event(359, "PDSCH", RNTI, True, pdu)


def grant(tti: int, *, ndi: int = 0, mcs: int = 6, n_prb: int = 3, cqi_request: int = 0) -> Event:
    dci = Dci0(riv=riv_encode(6, 1, n_prb), mcs=mcs, ndi=ndi, cqi_request=cqi_request)
    return Event(tti, "PDCCH", RNTI, found=DciIndication(RNTI, DciFormat.FORMAT_0, dci, 0, 4, 1.0))


def assignment(tti: int, cce: int = 0) -> Event:
    dci = Dci1A(riv=0, mcs=0, harq_process=0, ndi=0, rv=0)
    return Event(tti, "PDCCH", RNTI, found=DciIndication(RNTI, DciFormat.FORMAT_1A, dci, cce, 4, 1.0))


def hi(tti: int, ack: int) -> Event:
    return Event(tti, "PHICH", RNTI, details={"hi": ack})


def run(made: UplinkMonitor, events: list[Event], last: int) -> dict[int, tuple[int, int]]:
    """Number and redundancy version of the PUSCHs that were expected up to a TTI, with nothing on the air."""
    found = {}
    for tti in range(last + 1):
        for event in events:
            if event.tti == tti:
                made.downlink(event)
        for event in made.subframe(tti, SILENCE):
            if event.channel == "PUSCH":
                assert event.details["dtx"]
                found[tti] = (event.details["transmission"], event.details["rv"])
    return found


def test_every_nack_brings_the_next_redundancy_version_until_there_have_been_enough() -> None:
    """Without a configuration of its own a UE has as many transmissions as message 3, four in this cell."""
    events = [grant(10), *(hi(18 + 8 * n, 0) for n in range(8))]
    assert run(monitor(), events, 120) == {14: (1, 0), 22: (2, 2), 30: (3, 3), 38: (4, 1)}


def test_transmissions_beyond_the_fourth_are_counted_on() -> None:
    """The fifth has redundancy version 0 again, but is no first one; maxHARQ-Tx of the configuration ends them."""
    made = monitor()
    made.downlink(setup())
    config = made._rrc.config(RNTI)
    assert config is not None
    events = [grant(10), *(hi(18 + 8 * n, 0) for n in range(40))]
    found = run(made, events, 400)
    assert len(found) == config.ul_sch.max_harq_tx
    assert list(found) == [14 + 8 * n for n in range(len(found))]
    assert [number for number, _ in found.values()] == list(range(1, len(found) + 1))
    assert [rv for _, rv in found.values()] == [(0, 2, 3, 1)[n % 4] for n in range(len(found))]


def test_acknowledgement_ends_retransmissions() -> None:
    assert run(monitor(), [grant(10), hi(18, 1), hi(26, 0)], 60) == {14: (1, 0)}


def test_grant_overrides_the_indicator() -> None:
    """A retransmission that a grant asks for counts once, whether a NACK comes with it or not."""
    for indicator in ([], [hi(18, 0)]):
        assert run(monitor(), [grant(10), *indicator, grant(18, mcs=30)], 40) == {14: (1, 0), 22: (2, 2)}
        assert run(monitor(), [grant(10), *indicator, grant(18, ndi=1)], 40) == {14: (1, 0), 22: (1, 0)}


def test_retransmission_of_what_was_not_seen_is_passed_over() -> None:
    assert run(monitor(), [grant(10, mcs=30), hi(18, 0)], 40) == {}


def test_report_alone_leaves_the_block_of_its_process() -> None:
    """Its size is not known here, so it is not looked for; nor does it end the process's block."""
    events = [grant(10), grant(18, mcs=29, cqi_request=1, n_prb=1), grant(26, mcs=30)]
    assert run(monitor(), events, 60) == {14: (1, 0), 30: (2, 2)}


def test_what_was_due_in_subframes_not_seen_is_forgotten() -> None:
    made = monitor()
    made.downlink(grant(10))
    made.downlink(assignment(10))
    assert made.subframe(40, SILENCE) == []
    assert not made._pusch
    assert not made._ack
    assert made.subframe(14, SILENCE) == []


def test_acknowledgement_goes_with_the_block() -> None:
    made = monitor()
    made.downlink(setup())
    made.downlink(grant(10))
    made.downlink(assignment(10))
    (event,) = [event for event in made.subframe(14, SILENCE) if event.rnti == RNTI]
    assert event.channel == "PUSCH"
    assert event.details["ack"] is None


@pytest.mark.parametrize(("mcs", "n_prb", "ack"), [(9, 6, False), (9, 6, True), (29, 4, False), (29, 4, True)])
def test_report_that_a_grant_asks_for(mcs: int, n_prb: int, ack: bool) -> None:
    """Mode 3-0 at 25 PRB: 4 + 2 * 7 bits, with a transport block or alone, and with an answer."""
    value = asn1.decode("BCCH-DL-SCH", SI)
    sib2 = value["message"][1][1]["criticalExtensions"][1]["sib-TypeAndInfo"][0][1]
    sib2["freqInfo"].pop("ul-Bandwidth")
    made = UplinkMonitor(Cell(1, 25), 512)
    made.downlink(Event(0, "PDSCH", SI_RNTI, True, asn1.encode("BCCH-DL-SCH", value)))
    made.downlink(setup(**{"cqi-ReportConfig": {"cqi-ReportModeAperiodic": "rm30", "nomPDSCH-RS-EPRE-Offset": 0}}))
    assert made.ul is not None
    dci = Dci0(riv=riv_encode(25, 2, n_prb), mcs=mcs, cqi_request=1)
    made.downlink(Event(400, "PDCCH", RNTI, found=DciIndication(RNTI, DciFormat.FORMAT_0, dci, 0, 4, 1.0)))
    if ack:
        made.downlink(assignment(400))
    config = made._rrc.config(RNTI)
    assert config is not None
    beta = config.beta
    uci = PuschUci(n_ack=int(ack), n_cqi=18, beta_ack=beta.ack, beta_ri=beta.ri, beta_cqi=beta.cqi)
    grant = replace(from_dci0(Cell(1, 25), made.ul, 404, RNTI, dci), uci=uci)
    report, payload = tuple(int(bit) for bit in f"{123456:018b}"), bytes(range(256))[: grant.tbs // 8]
    sent = PuschTransmission(grant, payload, ack=(1,) * ack, cqi=report)
    samples = UplinkTransmitter(Cell(1, 25), made.ul).subframe(404, sent)
    (event,) = [event for event in made.subframe(404, samples) if event.rnti == RNTI]
    assert event.channel == "PUSCH"
    assert not event.details["dtx"]
    assert event.details["cqi"] == 123456
    assert event.details.get("ack") == ([1] if ack else None)
    assert (event.crc, event.payload) == ((True, payload) if mcs < 29 else (None, None))


@pytest.mark.parametrize(
    "changes",
    [
        {"pusch-ConfigDedicated": {"betaOffset-ACK-Index": 15, "betaOffset-RI-Index": 15, "betaOffset-CQI-Index": 0}},
        {"schedulingRequestConfig": ("setup", {
            "sr-PUCCH-ResourceIndex": 2047, "sr-ConfigIndex": 155, "dsr-TransMax": "n4"})},
        {"schedulingRequestConfig": ("setup", {
            "sr-PUCCH-ResourceIndex": 12, "sr-ConfigIndex": 155, "dsr-TransMax": "n4"})},
        {"cqi-ReportConfig": {"nomPDSCH-RS-EPRE-Offset": 0, "cqi-ReportPeriodic": ("setup", {
            "cqi-PUCCH-ResourceIndex": 1185, "cqi-pmi-ConfigIndex": 0,
            "cqi-FormatIndicatorPeriodic": ("widebandCQI", 0), "simultaneousAckNackAndCQI": False})}},
    ],
)  # fmt: skip
def test_configurations_that_cannot_be_are_survived(changes: dict[str, Any]) -> None:
    """Reserved offsets, resources that the cell does not have, and the same resource twice."""
    made = monitor()
    made.downlink(setup(**changes))
    assert made._rrc.config(RNTI) is not None
    for tti in range(360, 420):
        made.downlink(grant(tti - 4) if tti % 3 else assignment(tti - 4))
        if tti % 5 == 0:
            made.downlink(assignment(tti - 4, cce=80))
        made.subframe(tti, SILENCE)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 8 * len(SI) - 1), st.sampled_from([SI_RNTI, 2, RNTI]))
def test_garbage_from_the_downlink_is_survived(data: bytes, flipped: int, rnti: int) -> None:
    """Random bytes, and messages with a bit turned, that a CRC let pass."""
    made = monitor((int.from_bytes(SI, "big") ^ 1 << flipped).to_bytes(len(SI), "big"))
    made.downlink(setup())
    made.downlink(Event(5, "PDSCH", rnti, True, data))
    made.downlink(grant(6))
    made.downlink(assignment(7))
    for tti in range(8, 18):
        made.subframe(tti, SILENCE)
    assert (made.ul is None) <= (made.problem is not None or made.samples_needed == 0)


def test_uplink_that_is_not_supported_says_why() -> None:
    value = asn1.decode("BCCH-DL-SCH", SI)
    sib2 = value["message"][1][1]["criticalExtensions"][1]["sib-TypeAndInfo"][0][1]
    sib2["radioResourceConfigCommon"]["prach-Config"]["prach-ConfigInfo"]["highSpeedFlag"] = True
    made = monitor(asn1.encode("BCCH-DL-SCH", value))
    assert made.ul is None
    assert made.problem
    assert made.subframe(1, SILENCE) == []
    made.downlink(Event(80, "PDSCH", SI_RNTI, True, SI))
    assert made.ul is not None
    assert made.problem is None


def test_preambles_are_not_denied_where_samples_are_missing() -> None:
    """A recording that ends within a preamble of format 2, which takes two subframes, says nothing about it."""
    value = asn1.decode("BCCH-DL-SCH", SI)
    sib2 = value["message"][1][1]["criticalExtensions"][1]["sib-TypeAndInfo"][0][1]
    sib2["radioResourceConfigCommon"]["prach-Config"]["prach-ConfigInfo"]["prach-ConfigIndex"] = 35
    made = monitor(asn1.encode("BCCH-DL-SCH", value))
    assert 1920 < made.samples_needed <= 2 * 1920
    assert made.subframe(11, SILENCE[:, :1920]) == []
    assert made.hypotheses["PRACH"] == 0
    (event,) = made.subframe(21, SILENCE)
    assert event.details == {"dtx": True}
    assert made.hypotheses["PRACH"] == 64


def test_nothing_is_kept_of_users_that_are_gone() -> None:
    """Thousands of RNTIs come and go; only those of the table's lifetime are remembered."""
    made, table = monitor(), RntiTable[Event]()
    sender = UplinkTransmitter(CELL, made.ul) if made.ul is not None else None
    assert sender is not None
    for n in range(120):
        rnti, tti = 100 + n, 100 * n % 10240
        table.add(tti, rnti)
        dci = Dci0(riv=riv_encode(6, 1, 3), mcs=6)
        made.downlink(Event(tti, "PDCCH", rnti, found=DciIndication(rnti, DciFormat.FORMAT_0, dci, 0, 4, 1.0)))
        made.downlink(Event(tti, "PDSCH", rnti, True, setup().payload))
        due = (tti + 4) % 10240
        sent = PuschTransmission(PuschGrant(rnti, (1, 1), 3, 2, 328), bytes(41))
        heard = [event for event in made.subframe(due, sender.subframe(due, sent)) if event.channel == "PUSCH"]
        assert [(event.rnti, event.crc) for event in heard] == [(rnti, True)]
        for expired in table.expire(due):
            made.forget(expired)
    most = LIFETIME // 100 + 1
    assert len(made._rrc.configs) <= most
    assert len({rnti for rnti, _ in made._last}) <= most
    assert len(made._soft) <= most


def test_given_rntis_do_not_expire() -> None:
    table = RntiTable[Event]((RNTI,))
    table.add(0, RNTI)
    table.add(0, 99)
    assert table.expire(LIFETIME - 1) == []
    assert table.expire(LIFETIME) == [99]
    assert RNTI in table
    assert table.expire(LIFETIME + 1) == []
