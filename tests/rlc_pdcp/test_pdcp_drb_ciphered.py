"""PDCP of DRBs: a recorded bearer, every ciphering algorithm, and RLC AM over lost and late transport blocks."""

import csv
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac import pdu as mac_pdu
from picocell.mac.control_elements import Direction as MacDirection
from picocell.rlc_pdcp.pdcp import (
    AmConfig,
    AmEntity,
    Direction,
    UmConfig,
    UmEntity,
)
from picocell.rlc_pdcp.rlc.am import AmEntity as RlcAm
from picocell.rlc_pdcp.rlc.events import SduDelivered as RlcSduDelivered
from picocell.rlc_pdcp.rlc.events import SduReceived as RlcSduReceived
from picocell.rrc_nas.security.algorithms import Cipher, Eea
from support.captures import capture
from support.oracle_pdcp import Eea2, pdus, sdus
from support.pdcp_drb_ends import KEYS, SEEDS, am_ends


def test_recorded_drb() -> None:
    """A default bearer on RLC UM with SNs of 10 bits, PDCP SNs of 12 and EEA0: each PDU carries one IP packet."""
    config = {MacDirection.UPLINK: Direction.UPLINK, MacDirection.DOWNLINK: Direction.DOWNLINK}
    senders = {direction: UmEntity(UmConfig(0, way)) for direction, way in config.items()}
    receivers = {direction: UmEntity(UmConfig(0, way.opposite)) for direction, way in config.items()}
    packets = 0
    with capture("lte6_mac.csv").open() as file:
        for row in csv.DictReader(file):
            direction = MacDirection(row["direction"])
            if row["rnti_type"] != "C_RNTI":
                continue
            for sdu in mac_pdu.parse(bytes.fromhex(row["mac_pdu_hex"]), direction).sdus:
                if sdu.lcid < 3:
                    continue
                assert sdu.data[0] == 0  # a whole SDU, no length indicators
                pdu = sdu.data[2:]
                receivers[direction].receive_pdu(pdu, 0)
                (packet,) = sdus(receivers[direction])
                assert packet[0] == 0x45
                assert int.from_bytes(packet[2:4], "big") == len(packet)
                senders[direction].write_sdu(packet, 0)
                assert pdus(senders[direction]) == [pdu]
                packets += 1
    assert packets >= 4


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_every_ciphering_algorithm(number: int) -> None:
    """The network's own algorithms, EEA2 against the oracle, on packets of all lengths about a block's."""
    cipher = Cipher(Eea(number), KEYS[5])
    pairs = [
        (AmEntity(AmConfig(7, Direction.UPLINK), cipher), AmEntity(AmConfig(7, Direction.DOWNLINK), cipher)),
        (UmEntity(UmConfig(7, Direction.UPLINK), cipher), UmEntity(UmConfig(7, Direction.DOWNLINK), cipher)),
    ]
    rng = random.Random(number)
    for ue, enb in pairs:
        for count, size in enumerate([*range(1, 40), 1500, 8188]):
            sdu = rng.randbytes(size)
            ue.write_sdu(sdu, 0)
            (pdu,) = pdus(ue)
            assert (pdu[2:] == sdu) == (number == 0)
            if number == 2:
                assert pdu[2:] == Eea2(KEYS[5]).apply(count, 7, 0, sdu)
            enb.receive_pdu(pdu, 0)
            assert sdus(enb) == [sdu]


class Stack:
    """PDCP over RLC AM at one end."""

    def __init__(self, pdcp: AmEntity) -> None:
        self.pdcp, self.rlc = pdcp, RlcAm()
        self.arrived: list[bytes] = []

    def pump(self, now: int, reestablishment: bool = False) -> None:
        """Carry events and PDUs between the two entities."""
        while (event := self.rlc.next_event()) is not None:
            if isinstance(event, RlcSduReceived):
                self.pdcp.receive_pdu(event.sdu, now, reestablishment=reestablishment)
            elif isinstance(event, RlcSduDelivered):
                self.pdcp.delivered(event.sdu_id)
        self.arrived += sdus(self.pdcp)
        while not reestablishment and (item := self.pdcp.next_pdu()) is not None:
            self.rlc.write_sdu(item[0], now, item[1])

    def reestablish(self, now: int, key: int) -> None:
        self.pump(now)
        self.rlc.reestablish(now)
        self.pump(now, reestablishment=True)
        self.pdcp.reestablish(now, cipher=Eea2(KEYS[key]))


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.booleans())
def test_over_rlc_am_with_lost_and_late_transport_blocks(seed: int, report: bool) -> None:
    """20 % of the transport blocks lost, the others out of order, RLC re-established three times."""
    rng = random.Random(seed)
    ue, enb = (Stack(entity) for entity in am_ends(status_report=report))
    written: dict[int, list[bytes]] = {0: [], 1: []}
    air: list[tuple[int, Stack, bytes]] = []
    for now in range(1200):
        for side, stack in enumerate((ue, enb)):
            if now < 800 and rng.random() < 0.3:
                sdu = len(written[side]).to_bytes(2, "big") + rng.randbytes(rng.randrange(120))
                written[side].append(sdu)
                stack.pdcp.write_sdu(sdu, now)
            stack.pump(now)
            stack.rlc.handle_timers(now)
            pdu = stack.rlc.build_pdu(rng.randrange(10, 150), now)
            if pdu and (rng.random() >= 0.2 or now >= 800):
                air.append((now + rng.randrange(1, 20), enb if stack is ue else ue, pdu))
        for _, receiver, pdu in [item for item in air if item[0] <= now]:
            receiver.rlc.receive_pdu(pdu, now)
        air = [item for item in air if item[0] > now]
        if now in (200, 450, 700):
            air = []
            for stack in (ue, enb):
                stack.reestablish(now, 1 + now // 200)
    assert (enb.arrived, ue.arrived) == (written[0], written[1])
