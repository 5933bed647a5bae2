"""Uplink control information of a UE: PUCCH formats, scheduling requests, reports, and all of it on the PUSCH."""

from dataclasses import replace

import numpy as np
import pytest

from picocell.mac.dedicated_config import BetaOffsets, DedicatedConfig, UlControlDue
from picocell.mac.pdu import Sdu
from picocell.mac.uci_composition import Feedback, Report, on_pucch, on_pusch
from picocell.mac.ue_mac import PucchReleased, RandomAccessCause, RandomAccessStarted
from picocell.phy.lte import pucch, pusch
from picocell.phy.lte.cell import CyclicPrefix
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.phy.lte.ul_periodicity import cqi_periodicity, sr_periodicity
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission
from support.ue_mac_script import CELL, CONFIG, UL, ScriptedEnb, answer, downlink, grant, response

REPORT = (1, 0, 1, 1)
DUE = UlControlDue(sr_n_pucch=5, cqi_n_pucch=0, n_cqi=4)
ACK = Feedback((1,), 7)


@pytest.mark.parametrize(
    ("ack", "sr", "report", "together", "expected"),
    [
        (None, True, (), True, ("1", 5, ())),
        (ACK, False, (), True, ("1a", 19, (1,))),
        (Feedback((1, 0), 7), False, (), True, ("1b", 19, (1, 0))),
        (ACK, True, (), True, ("1a", 5, (1,))),
        (None, False, REPORT, True, ("2", 0, REPORT)),
        (ACK, False, REPORT, True, ("2a", 0, (*REPORT, 1))),
        (Feedback((1, 0), 7), False, REPORT, True, ("2b", 0, (*REPORT, 1, 0))),
        (ACK, False, REPORT, False, ("1a", 19, (1,))),
        (ACK, True, REPORT, True, ("1a", 5, (1,))),
        (None, True, REPORT, True, ("1", 5, ())),
        (None, False, (), True, None),
    ],
)
def test_what_goes_together_on_the_pucch(ack, sr, report, together, expected) -> None:
    found = on_pucch(UL, 0x46, DUE, ack=ack, sr=sr, report=report, ack_with_cqi=together)
    if expected is None:
        assert found is None
        return
    fmt, n_pucch, bits = expected
    assert found.sent == PucchTransmission(0x46, fmt, n_pucch, bits)
    grid = np.zeros((UL.n_symb, UL.n_sc), np.complex64)
    pucch.encode(CELL, UL, 3, 0x46, fmt, n_pucch, bits, grid)


def test_with_the_extended_prefix_an_acknowledgement_is_coded_with_the_report() -> None:
    ul = replace(UL, cp=CyclicPrefix.EXTENDED)
    found = on_pucch(ul, 0x46, DUE, ack=ACK, sr=False, report=REPORT, ack_with_cqi=True)
    assert found is not None
    assert found.sent == PucchTransmission(0x46, "2", 0, (*REPORT, 1))


def test_control_information_that_leaves_no_room_is_left_out() -> None:
    tiny = PuschGrant(0x46, (0, 0), 1, 4, 576)
    config = DedicatedConfig(beta=BetaOffsets(ack=10, ri=12, cqi=15))
    sent = on_pusch(UL, config, tiny, bytes(72), ACK, Report(cqi=(1,) * 120))
    assert (sent.ack, sent.cqi) == ((1,), ())
    grid = np.zeros((UL.n_symb, UL.n_sc), np.complex64)
    pusch.encode(CELL, UL, 3, sent.grant, sent.payload, grid, ack=sent.ack, cqi=sent.cqi)


def _connected(config: DedicatedConfig = CONFIG) -> ScriptedEnb:
    enb = ScriptedEnb()
    enb.connect(config=config)
    return enb


def test_new_data_asks_for_a_grant_at_the_next_opportunity_until_one_comes() -> None:
    enb = _connected(replace(CONFIG, cqi=None))
    enb.run(7)
    enb.channels[1].waiting = 20
    enb.run(50, hi=True)
    turns = [at for at in range(7, 57) if sr_periodicity(15).due(at)]
    assert sorted(enb.sent) == turns
    assert all(sent.sent == PucchTransmission(0x46, "1", 5) for sent in enb.sent.values())
    enb.step(grant(1))
    enb.run(60, hi=True)
    assert [at for at in enb.sent if at > 61] == []
    assert enb.content(61).sdus[0].lcid == 1


def test_requests_without_answer_end_in_random_access() -> None:
    enb = _connected(replace(CONFIG, cqi=None))
    enb.channels[1].waiting = 20
    enb.run(120)
    requests = [at for at, sent in enb.sent.items() if isinstance(sent.sent, PucchTransmission)]
    assert len(requests) == 4
    assert enb.events_of(PucchReleased) == [PucchReleased()]
    assert enb.events_of(RandomAccessStarted) == [RandomAccessStarted(RandomAccessCause.SR_FAILED)]
    enb.preamble()


def test_a_request_takes_the_acknowledgement_along() -> None:
    enb = _connected(replace(CONFIG, cqi=None))
    turn = next(at for at in range(10, 100) if sr_periodicity(15).due(at))
    enb.run(turn - 4)
    enb.step(downlink([Sdu(1, b"x")]))
    enb.channels[1].waiting = 5
    enb.run(6)
    assert enb.sent[turn].sent == PucchTransmission(0x46, "1a", 5, (1,))


def test_reports_come_when_due_and_with_acknowledgements() -> None:
    enb = _connected()
    turns = [at for at in range(120) if cqi_periodicity(38).due(at)]
    enb.run(turns[1] - 4)
    enb.step(downlink([Sdu(1, b"x")]))
    enb.run(100)
    assert [at for at in enb.sent if enb.sent[at].sent.format == "2"] == [turns[0], *turns[2:], 121]
    assert enb.sent[turns[1]].sent.format == "2a"
    assert enb.sent[turns[1]].sent.bits[4:] == (1,)


def test_everything_goes_on_the_pusch_where_there_is_one() -> None:
    enb = _connected()
    turn = next(at for at in range(10, 100) if cqi_periodicity(38).due(at))
    enb.run(turn - 4)
    enb.step(downlink([Sdu(1, b"x")], crc_ok=False), grant(1))
    enb.run(6)
    sent = enb.pusch(turn)
    assert sent.ack == (0,)
    assert len(sent.cqi) == 4
    assert (sent.grant.uci.n_ack, sent.grant.uci.n_cqi) == (1, 4)
    grid = np.zeros((UL.n_symb, UL.n_sc), np.complex64)
    pusch.encode(CELL, UL, turn % 10, sent.grant, sent.payload, grid, ack=sent.ack, ri=sent.ri, cqi=sent.cqi)


def test_message_3_carries_no_control_information() -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, sr=None))
    enb.channels[3].waiting = 30
    at, number = enb.preamble()
    enb.run(at + 3 - enb.now)
    enb.step(response(at, [answer(number, 0x50)]))
    enb.run(1)
    enb.step(downlink([Sdu(1, b"x")]))
    enb.run(6)
    assert enb.pusch(at + 9).grant.rnti == 0x50
    assert not enb.pusch(at + 9).grant.uci
    assert enb.pusch(at + 9).ack == ()


def test_a_grant_may_ask_for_a_report_of_mode_3_0() -> None:
    enb = _connected(replace(CONFIG, aperiodic_cqi_mode="3-0", cqi=None))
    enb.mac.measured(1, rsrp_dbm=-80.0, path_loss_db=90.0, sinr_db=9.5, subband_sinr_db=np.linspace(0.0, 30.0, 25))
    enb.step(grant(1, cqi_request=1))
    enb.run(6)
    report = enb.pusch(4).cqi
    assert len(report) == 4 + 2 * 7
    assert report[4:6] == (1, 1)
    assert report[-2:] == (1, 0)
    assert enb.pusch(4).payload


def test_a_grant_of_mcs_29_asks_for_a_report_alone_and_leaves_the_process_as_it_is() -> None:
    enb = _connected(replace(CONFIG, aperiodic_cqi_mode="3-0", cqi=None))
    enb.channels[3].waiting = 50
    enb.step(grant(1))
    enb.run(7)
    enb.step(grant(0, mcs=29, n_prb=4, cqi_request=1), downlink([Sdu(1, b"x")]), hi=False)
    enb.run(12)
    alone = enb.pusch(12)
    assert (alone.grant.tbs, alone.payload, len(alone.cqi), alone.ack) == (0, b"", 18, (1,))
    grid = np.zeros((UL.n_symb, UL.n_sc), np.complex64)
    pusch.encode(CELL, UL, 2, alone.grant, b"", grid, ack=alone.ack, cqi=alone.cqi)
    assert isinstance(enb.sent[20].sent, PuschTransmission)
    assert enb.pusch(20).payload == enb.pusch(4).payload


def test_an_acknowledgement_on_a_resource_that_the_cell_lacks_is_not_sent() -> None:
    enb = _connected(replace(CONFIG, cqi=None))
    enb.step(downlink([Sdu(1, b"x")], cce=5000))
    enb.run(6)
    assert enb.sent == {}
