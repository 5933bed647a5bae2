"""The UE's MAC against the recorded attach: it hears what the recorded UE heard, and has to send what that one sent."""

import random
from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from picocell.mac import pdu, rar
from picocell.mac.control_elements import Direction, LongBsr, PowerHeadroom, ShortBsr
from picocell.mac.dedicated_config import DedicatedConfig
from picocell.mac.ue_mac import Preamble, RandomAccessComplete, UeMac
from picocell.phy.fapi import DciIndication, DlIndication, DlschIndication, HiIndication
from picocell.phy.lte import phich, prach, pusch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci, Dci0, Dci1, Dci1A, DciFormat
from picocell.phy.lte.grant import from_dci
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission
from picocell.rrc_nas.rrc.radio_config import rach_config, uplink_config
from picocell.rrc_nas.rrc.system_information import decode_system_information
from picocell.ue.rrc_observer import RrcObserver
from support.captures import capture
from support.ground_truth import PhyRow, mac_rows, phy_rows

CELL = Cell(pci=1, n_prb=6)
C_RNTI = 0x46
PREAMBLE_AT, PREAMBLE = 341, 43
CONFIGURED_AFTER = 6
"""Subframes after which the recorded UE follows a message, at least."""


@dataclass
class _Bytes:
    n_bytes: int


@dataclass
class RecordedChannel:
    """A logical channel that has the recorded SDUs, each from a subframe on."""

    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)

    def buffer_status(self, now: int) -> _Bytes:
        return _Bytes(sum(max(len(data) - 2, 1) for since, data in self.waiting if since <= now))

    def build_pdu(self, grant_bytes: int, now: int) -> bytes:
        if self.waiting and self.waiting[0][0] <= now and len(self.waiting[0][1]) <= grant_bytes:
            return self.waiting.pop(0)[1]
        return b""

    def receive_pdu(self, data: bytes, _now: int) -> None:
        self.received.append(data)


def _dci(row: PhyRow, rnti: int) -> Dci:
    """The log does not print the power command of a broadcast, whose low bit stands for N_PRB^1A 3 in this cell."""
    f = row.fields
    common = {"mcs": int(f["mcs"]), "ndi": int(f["ndi"])}
    if f["f"] == "0":
        return Dci0(riv=int(f["riv"]), tpc=int(f["tpc_pusch"]), cyclic_shift=int(f["dmrs_cs"]), **common)
    common |= {"harq_process": int(f["pid"]), "tpc": int(f["tpc_pucch"]) if rnti == C_RNTI else 1}
    if f["f"] == "1":
        return Dci1(resource_block_assignment=int(f["rbg"], 16), **common)
    return Dci1A(riv=int(f["riv"]), **common)


class Conversation:
    """The recorded log by subframe, as a receiver would indicate it."""

    def __init__(self) -> None:
        self.rows = phy_rows(capture("lte6_phy.csv"))
        self.down = {(tti, rnti): data for tti, rnti, data in mac_rows(capture("lte6_mac.csv"), "DL")}
        self.up = {tti: data for tti, _, data in mac_rows(capture("lte6_mac.csv"), "UL")}
        self.by_tti: dict[int, list[PhyRow]] = defaultdict(list)
        for row in self.rows:
            self.by_tti[row.tti].append(row)
        self.sib2 = next(
            found[2]
            for (_, rnti), data in self.down.items()
            if rnti == 0xFFFF and 2 in (found := decode_system_information(data))
        )

    def indication(self, tti: int) -> DlIndication:
        result = DlIndication(tti, 3, 1.0, 1.0, 30.0, 1e-3, 1.0)
        rnti = next((r for r in (0xFFFF, 2, C_RNTI) if (tti, r) in self.down), C_RNTI)
        for row in self.by_tti[tti]:
            if row.channel == "PDCCH":
                dci = _dci(row, rnti)
                result.dci.append(DciIndication(rnti, DciFormat(row.fields["f"]), dci, int(row.fields["cce"]), 1, 1.0))
                if not isinstance(dci, Dci0):
                    grant = from_dci(CELL, tti % 10, 3, rnti, dci)
                    payload = self.down[tti, rnti]
                    assert len(payload) == grant.tbs // 8
                    result.dlsch.append(DlschIndication(grant, payload, True, 1.0, 0))
            if row.channel == "PHICH":
                place = phich.resource(CELL, int(row.fields["I_lowest"]), int(row.fields["n_dmrs"]))
                result.hi.append(HiIndication(*place, row.fields["hi"] == "1", 1.0))
        return result

    def channels(self) -> dict[int, RecordedChannel]:
        """Each recorded SDU is there from the request or the PUSCH before it on."""
        moments = sorted(
            row.tti for row in self.rows if row.channel == "PUSCH" or (row.channel == "PUCCH" and "sr" in row.fields)
        )
        channels: dict[int, RecordedChannel] = defaultdict(RecordedChannel)
        for tti, data in sorted(self.up.items()):
            asked = [row.tti for row in self.rows if row.fields.get("sr") == "yes" and row.tti < tti]
            sent = [moment for moment in moments if moment < tti]
            since = 0 if not sent else max(asked[-1:] or [0])
            for sdu in pdu.parse(data, Direction.UPLINK).sdus:
                channels[sdu.lcid].waiting.append((since, sdu.data))
        return channels


class _Rng(random.Random):
    """Chooses the recorded preamble."""

    def randrange(self, *_args: int) -> int:  # type: ignore[override]
        return PREAMBLE


@pytest.fixture(scope="module")
def sent() -> tuple[Conversation, dict[int, object], dict[int, RecordedChannel], list[object], list[int]]:
    talk = Conversation()
    ul = uplink_config(talk.sib2, CELL.n_prb)
    mac = UeMac(CELL, ul, rach_config(talk.sib2), rng=_Rng())
    mac.measured(300, rsrp_dbm=-70.0, path_loss_db=60.0, sinr_db=35.0)
    channels, observer = talk.channels(), RrcObserver(n_ports=1, pci=1)
    for lcid in (0, 1, 2, 3):
        mac.add_channel(lcid, channels[lcid])
    config: DedicatedConfig | None = None
    change_at = -1
    out: dict[int, object] = {}
    unasked: list[int] = []
    for now in range(330, 1400):
        if now == PREAMBLE_AT - 4:
            mac.start_random_access(now)
        wanted = {search.rnti for search in mac.searches(now)}
        indication = talk.indication(now)
        if any(found.rnti not in wanted | {0xFFFF} for found in indication.dci):
            unasked.append(now)
        places = [(hi.n_group, hi.n_seq) for hi in indication.hi]
        if places != mac.phich_due(now)[: len(places)]:
            unasked.append(now)
        mac.receive(indication, now)
        if (now, C_RNTI) in talk.down:
            observer.receive_pdu(now, Direction.DOWNLINK, C_RNTI, talk.down[now, C_RNTI])
            if observer.config(C_RNTI) != config:
                config, change_at = observer.config(C_RNTI), now + CONFIGURED_AFTER
        if now == change_at and config is not None:
            mac.configure(config, now)
        transmission = mac.uplink(now)
        if transmission is not None:
            out[now] = transmission.sent
        if now in talk.up:
            observer.receive_pdu(now, Direction.UPLINK, C_RNTI, talk.up[now])
    events = []
    while (event := mac.next_event()) is not None:
        events.append(event)
    return talk, out, channels, events, unasked


def test_it_looks_for_everything_that_was_heard(sent) -> None:
    assert sent[4] == []


def test_random_access_is_the_recorded_one(sent) -> None:
    talk, out, _, events, _ = sent
    ul = uplink_config(talk.sib2, CELL.n_prb)
    assert out[PREAMBLE_AT] == Preamble(PREAMBLE)
    assert prach.is_opportunity(ul, PREAMBLE_AT // 10, PREAMBLE_AT % 10)
    (answer,) = rar.parse(talk.down[346, 2]).responses
    message_3 = out[352]
    assert isinstance(message_3, PuschTransmission)
    assert (message_3.grant.rnti, answer.tc_rnti) == (C_RNTI, C_RNTI)
    assert message_3.payload == talk.up[352]
    assert RandomAccessComplete(C_RNTI) in events


def test_it_sends_in_the_recorded_subframes_and_no_others(sent) -> None:
    talk, out, *_ = sent
    recorded = {row.tti for row in talk.rows if row.channel in ("PRACH", "PUSCH", "PUCCH")}
    assert sorted(out) == sorted(recorded)


def test_every_pusch_has_the_recorded_resources_and_control_information(sent) -> None:
    talk, out, *_ = sent
    ul = uplink_config(talk.sib2, CELL.n_prb)
    rows = [row for row in talk.rows if row.channel == "PUSCH"]
    for row in rows:
        found, f = out[row.tti], row.fields
        assert isinstance(found, PuschTransmission)
        grant = found.grant
        assert f["rb"] == f"({grant.prb_start[0]},{grant.n_prb})"
        assert (grant.tbs // 8, grant.q_m, grant.rv) == (
            int(f["tbs_bytes"]),
            int(f["bits_per_symbol"]),
            int(f["rv"]),
        )
        assert int(f["nof_re"]) == pusch.n_re(ul, grant)
        assert found.ack == ((int(f["ack"]),) if "ack" in f else ())
        assert found.cqi == ()
    assert len(rows) == 16


def test_every_pucch_has_the_recorded_format_resource_and_bits(sent) -> None:
    talk, out, *_ = sent
    rows = [row for row in talk.rows if row.channel == "PUCCH"]
    for row in rows:
        found, f = out[row.tti], row.fields
        assert isinstance(found, PucchTransmission)
        assert (found.rnti, found.format, found.n_pucch) == (C_RNTI, f["f"], int(f["n_pucch"])), row
        if f["f"] == "1a":
            assert found.bits == (int(f["ack"]),)
        if f["f"] == "2":
            assert found.bits == (1, 1, 1, 1)
    assert len(rows) > 40


def _told(content: pdu.MacPdu) -> tuple[int, dict[int, int], bool]:
    """Number of buffer status reports, the groups with data that they tell, whether the power headroom is told."""
    sizes: dict[int, int] = {}
    reports = [e for e in content.control_elements if isinstance(e, ShortBsr | LongBsr)]
    for report in reports:
        entries = enumerate(report.indices) if isinstance(report, LongBsr) else [(report.lcg, report.index)]
        sizes |= {lcg: index for lcg, index in entries if index}
    return len(reports), sizes, any(isinstance(e, PowerHeadroom) for e in content.control_elements)


def test_every_transport_block_has_the_recorded_sdus_and_reports(sent) -> None:
    """The recorded UE tells empty buffers by a long report, even where a short one was triggered.

    How much of the data radio bearer's data is left is not in the recording.
    """
    talk, out, channels, *_ = sent
    for tti, data in talk.up.items():
        found = out[tti]
        assert isinstance(found, PuschTransmission)
        mine, theirs = pdu.parse(found.payload, Direction.UPLINK), pdu.parse(data, Direction.UPLINK)
        assert len(found.payload) == len(data)
        assert mine.sdus == theirs.sdus
        assert _told(mine)[::2] == _told(theirs)[::2], tti
        if not any(sdu.lcid > 2 for sdu in mine.sdus):
            assert _told(mine)[1] == _told(theirs)[1], tti
    assert not any(channel.waiting for channel in channels.values())


def test_everything_that_was_received_went_up_once(sent) -> None:
    talk, _, channels, *_ = sent
    expected = defaultdict(list)
    for (_, rnti), data in talk.down.items():
        if rnti == C_RNTI:
            for sdu in pdu.parse(data, Direction.DOWNLINK).sdus:
                expected[sdu.lcid].append(sdu.data)
    assert {lcid: channels[lcid].received for lcid in expected} == dict(expected)
