"""Whatever a base station sends that is legal on the air, a UE's MAC does not fail and keeps its rules."""

import random
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac import pdu
from picocell.mac.control_elements import ContentionResolution, Direction, TimingAdvance
from picocell.mac.dedicated_config import DedicatedConfig
from picocell.mac.pdu import Sdu
from picocell.mac.ue_mac import Preamble
from picocell.mac.ue_random_access import RaState
from picocell.phy.fapi import DlIndication, HiIndication
from picocell.phy.lte import prach
from picocell.phy.lte.dci import Dci0, Dci3, Dci3A, DciPdcchOrder
from picocell.phy.lte.timing_advance import MAX_N_TA
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission, UplinkTransmitter
from support.ue_mac_script import (
    CCCH_SDU,
    CELL,
    CONFIG,
    UL,
    ScriptedEnb,
    SduChannel,
    answer,
    downlink,
    order,
    raw_response,
    response,
)

RNTIS = (0x46, 0x50, 0x51)


def _random_message(rng: random.Random, last_preamble: tuple[int, int]):  # type: ignore[no-untyped-def]
    rnti = rng.choice(RNTIS)
    match rng.randrange(10):
        case 0 | 1 | 2:
            fields = {"riv": rng.randrange(325), "mcs": rng.randrange(32), "ndi": rng.randrange(2)}
            more = {"tpc": rng.randrange(4), "cyclic_shift": rng.randrange(8), "cqi_request": rng.randrange(2)}
            return order(Dci0(**fields, **more, hopping=rng.randrange(2)), rnti)
        case 3 | 4:
            elements = rng.choice(
                [
                    [Sdu(rng.randrange(6), bytes(rng.randrange(1, 20)))],
                    [TimingAdvance(rng.randrange(64), rng.randrange(2))],
                    [ContentionResolution(rng.choice([CCCH_SDU, b"someon"])), Sdu(0, b"setup")],
                    [],
                ]
            )
            process, ndi = rng.randrange(8), rng.randrange(2)
            return downlink(
                elements, rnti=rnti, process=process, ndi=ndi, crc_ok=rng.random() < 0.8, cce=rng.randrange(40)
            )
        case 5:
            at, number = last_preamble
            rapid = number if rng.random() < 0.8 else rng.randrange(64)
            grant = {"n_prb": rng.choice([1, 3, 6]), "mcs": rng.randrange(8), "tpc": rng.randrange(8)}
            timing = rng.randrange(1500)
            found = answer(rapid, rng.choice(RNTIS), timing_advance=timing, **grant)
            return response(at, [found], rng.choice([None, 0, 3]))
        case 6:
            return raw_response(last_preamble[0], rng.randbytes(rng.randrange(1, 12)))
        case 7:
            return order(DciPdcchOrder(preamble_index=rng.randrange(64), prach_mask_index=rng.randrange(16)), rnti)
        case 8:
            kind = Dci3 if rng.random() < 0.5 else Dci3A
            return order(kind(tpc=tuple(rng.randrange(2) for _ in range(12))), rng.choice([0x90, 0x91, 0x46]))
        case _:
            block = downlink([], rnti=rnti, process=rng.randrange(16))
            return None, block[1]


def _random_config(rng: random.Random) -> DedicatedConfig:
    return replace(
        CONFIG,
        sr=rng.choice([None, CONFIG.sr]),
        cqi=rng.choice([None, CONFIG.cqi]),
        phr=rng.choice([None, CONFIG.phr]),
        aperiodic_cqi_mode=rng.choice([None, "3-0"]),
        time_alignment_timer=rng.choice([None, 40, 500]),
    )


class Rules:
    """What has to hold for everything that is sent."""

    def __init__(self, enb: ScriptedEnb) -> None:
        self.enb = enb
        self.transmitter = UplinkTransmitter(CELL, UL)

    def check(self, now: int, with_phy: bool) -> None:
        sent = self.enb.sent.get(now)
        mac = self.enb.mac
        assert all(group >= 0 and 0 <= sequence < 8 for group, sequence in mac.phich_due(self.enb.now))
        rntis = [search.rnti for search in mac.searches(self.enb.now)]
        assert len(rntis) == len(set(rntis)) <= 4
        if sent is None:
            return
        assert sent.power_dbm <= 23.0
        assert 0 <= sent.n_ta <= MAX_N_TA
        assert np.isfinite(sent.power_dbm)
        what = sent.sent
        if isinstance(what, Preamble):
            assert prach.is_opportunity(UL, now // 10 % 1024, now % 10)
            assert mac.access_state is RaState.RESPONSE
            return
        assert mac.synchronised
        if isinstance(what, PuschTransmission):
            assert len(what.payload) == what.grant.tbs // 8
            assert (len(what.ack), len(what.cqi)) == (what.grant.uci.n_ack, what.grant.uci.n_cqi)
            if what.payload:
                pdu.parse(what.payload, Direction.UPLINK)
        else:
            assert isinstance(what, PucchTransmission)
            assert what.rnti == mac.c_rnti
        if with_phy:
            self.transmitter.subframe(now % 10240, what)


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=40, derandomize=True, deadline=None)
def test_no_sequence_of_indications_fails_or_breaks_the_rules(seed: int, connected: bool) -> None:
    rng = random.Random(seed)
    enb = ScriptedEnb(seed=seed)
    enb.now = rng.randrange(20000)
    if connected:
        enb.connect(config=_random_config(rng))
    rules, last_preamble = Rules(enb), (enb.now, 0)
    for _ in range(300):
        now = enb.now
        if rng.random() < 0.02:
            channel = enb.channels[0]
            assert isinstance(channel, SduChannel)
            channel.sdu = CCCH_SDU
            enb.mac.start_random_access(now)
        if connected and rng.random() < 0.1:
            enb.channels[rng.choice([1, 2, 3])].waiting += rng.randrange(1, 600)
        if rng.random() < 0.005:
            enb.mac.configure(_random_config(rng), now)
        if rng.random() < 0.003:
            enb.mac.reset(now)
        messages = [_random_message(rng, last_preamble) for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))]
        hi = rng.choice([None, True, False])
        if rng.random() < 0.05:
            enb.mac.receive(
                DlIndication(now % 10240, 1, 1, 1, 1, 1, 1, hi=[HiIndication(0, rng.randrange(8), True, 1.0)]), now
            )
        sent = enb.step(*messages, hi=hi)
        if sent is not None and isinstance(sent.sent, Preamble):
            last_preamble = (now, sent.sent.number)
        rules.check(now, with_phy=rng.random() < 0.2)


@given(st.lists(st.tuples(st.integers(0, 324), st.integers(0, 28), st.integers(0, 3000)), min_size=1, max_size=30))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_every_block_has_exactly_the_size_of_its_grant(grants: list[tuple[int, int, int]]) -> None:
    enb = ScriptedEnb()
    enb.connect(config=replace(CONFIG, cqi=None))
    for k, (riv, mcs, waiting) in enumerate(grants):
        enb.channels[1 + k % 3].waiting = waiting
        enb.step(order(Dci0(riv=riv, mcs=mcs, ndi=(k // 8) & 1, tpc=1)), hi=True)
    enb.run(8, hi=True)
    taken = 0
    for at, sent in enb.sent.items():
        if isinstance(sent.sent, PuschTransmission):
            taken += 1
            assert len(sent.sent.payload) == sent.sent.grant.tbs // 8
            content = enb.content(at)
            assert pdu.packed_size(content.elements) <= len(sent.sent.payload)
    built = [len(data) for channel in enb.channels.values() for data in channel.built]
    sdus = [
        len(sdu.data)
        for at in sorted(enb.sent)
        if isinstance(enb.sent[at].sent, PuschTransmission) and enb.pusch(at).grant.rv == 0
        for sdu in enb.content(at).sdus
    ]
    assert sum(built) <= sum(sdus)
