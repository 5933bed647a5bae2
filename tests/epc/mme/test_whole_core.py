"""A phone's NAS through our eNB end, MME, HSS, SGW and PGW: no neighbour is scripted."""

import random
from typing import Any

import pytest

from picocell.enb import s1ap_events as enb_events
from picocell.enb.s1ap import EnbS1ap
from picocell.enb.system_information import Identity
from picocell.epc.hss.hss import Hss
from picocell.epc.hss.subscribers import Subscriber, SubscriberStore
from picocell.epc.interfaces.transport import Interface
from picocell.epc.mme.mme import Mme
from picocell.epc.mme.settings import MmeSettings
from picocell.epc.pgw.pgw import Pgw
from picocell.epc.sgw.sgw import Sgw
from picocell.rrc_nas.nas import ue_events
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.nas.ue import UeNas
from picocell.rrc_nas.nas.ue_core import EmmState
from picocell.rrc_nas.rrc.states import RegisteredMme
from picocell.rrc_nas.security.usim import Usim
from support.mme_neighbours import ENB, HSS, IMSI, MME, PGW, SGW

K = bytes.fromhex("00112233445566778899aabbccddeeff")
OPC = bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")
RNTI = 0x46


class Core:
    """All nodes, the phone's NAS hanging on the eNB's end of S1AP."""

    def __init__(self, k: bytes = K) -> None:
        store = SubscriberStore()
        store.add(Subscriber(imsi=IMSI, k=K, operator_key=OPC))
        rng = random.Random(1)
        settings = MmeSettings(nas=MmeNasSettings(tacs=(7,)))
        self.mme = Mme(settings, MME, HSS, SGW, PGW, rng)
        self.hss, self.sgw, self.pgw = Hss(store, HSS, rng=rng), Sgw(SGW), Pgw(PGW)
        self.enb = EnbS1ap(Identity(), 411, "enb", ENB, MME, ENB)
        self.phone = UeNas(Usim(IMSI, k, opc=OPC), imeisv="1234567890123456", apn="internet")
        self.nodes: dict[str, Any] = {MME: self.mme, HSS: self.hss, SGW: self.sgw, PGW: self.pgw, ENB: self.enb}
        self.now = 0
        self.phone_events: list[Any] = []
        self.k_enbs: list[bytes] = []
        self.pages = 0
        self.deaf = False
        self.arrived = 0
        self.enb.connect(0)
        self.run()

    def run(self) -> None:
        for _ in range(100):
            if not (self._carry() | self._radio() | self._phone()):
                return
        raise AssertionError("the nodes do not come to rest")

    def _carry(self) -> bool:
        moved = False
        for node in self.nodes.values():
            for message in node.messages_to_send():
                moved = True
                if message.interface is Interface.S1U and message.destination == ENB:
                    self.arrived += 1
                else:
                    self.nodes[message.destination].receive(message, self.now)
        return moved

    def _radio(self) -> bool:
        moved = False
        while (event := self.enb.next_event()) is not None:
            moved = True
            match event:
                case enb_events.DownlinkNas(nas=nas):
                    self.phone.receive(nas, self.now)
                case enb_events.InitialContextSetupRequest():
                    self.k_enbs.append(event.k_enb)
                    ends = [(erab.erab_id, erab.erab_id, ENB) for erab in event.erabs]
                    self.enb.initial_context_setup_response(RNTI, ends)
                    for erab in event.erabs:
                        self.phone.drb_established(erab.erab_id, self.now)
                        if erab.nas is not None:
                            self.phone.receive(erab.nas, self.now)
                case enb_events.ReleaseCommand():
                    self.enb.release_complete(RNTI)
                    if not self.deaf:
                        self.phone.connection_released(self.now)
                case enb_events.PagingRequest():
                    self.pages += 1
                    if not self.deaf:
                        self.phone.paged(self.now, "s-TMSI")
        return moved

    def _phone(self) -> bool:
        moved = False
        while (event := self.phone.next_event()) is not None:
            moved = True
            self.phone_events.append(event)
            match event:
                case ue_events.Connect(nas=nas, establishment_cause=cause, s_tmsi=s_tmsi):
                    mme = event.registered_mme
                    registered = None if mme is None else RegisteredMme(mme[1], mme[2], mme[0])
                    self.enb.initial_ue_message(RNTI, nas, cause, s_tmsi, registered, self.now)
                    self.phone.connection_established(self.now)
                case ue_events.SendNas(pdu=pdu):
                    self.enb.uplink_nas(RNTI, pdu)
        return moved

    def attach(self) -> None:
        self.phone.cell(("001", "01"), 7, 0x19B01, self.now)
        self.phone.switch_on(self.now)
        self.run()

    def seen(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.phone_events if isinstance(event, kind)]


@pytest.fixture
def core() -> Core:
    made = Core()
    made.attach()
    return made


def test_a_phone_attaches_and_gets_its_address(core: Core) -> None:
    (attached,) = core.seen(ue_events.Attached)
    assert attached.ip is not None
    assert attached.ip.startswith("172.16.0.")
    assert core.seen(ue_events.KeysReady)[-1].k_enb == core.k_enbs[-1]
    assert core.mme.tables()["sessions"] == 1


def test_an_idle_phone_comes_back_by_service_request_with_new_keys(core: Core) -> None:
    core.enb.release_request(RNTI, ("radioNetwork", "user-inactivity"), core.now)
    core.run()
    assert core.mme.tables()["s1_connections"] == 0
    core.phone.uplink_data_pending(core.now)
    core.run()
    assert len(core.k_enbs) == 2
    assert core.k_enbs[0] != core.k_enbs[1]
    assert core.seen(ue_events.KeysReady)[-1].k_enb == core.k_enbs[-1]


def test_a_packet_for_an_idle_phone_pages_it(core: Core) -> None:
    address = core.seen(ue_events.Attached)[0].ip
    core.enb.release_request(RNTI, ("radioNetwork", "user-inactivity"), core.now)
    core.run()
    header = bytes.fromhex("450000140001000040110000") + bytes((8, 8, 8, 8)) + bytes(map(int, address.split(".")))
    assert core.pgw.send_sgi(header, core.now)
    core.run()
    assert core.pages == 1
    assert core.mme.tables()["s1_connections"] == 1
    assert core.mme.tables()["paging"] == 0


def test_a_phone_that_updates_its_tracking_area_while_it_is_paged_gets_its_data(core: Core) -> None:
    """The network has lost the phone before the phone has: it does not hear the paging, and comes back by itself."""
    address = core.seen(ue_events.Attached)[0].ip
    core.deaf = True
    core.enb.release_request(RNTI, ("radioNetwork", "radio-connection-with-ue-lost"), core.now)
    core.run()
    header = bytes.fromhex("450000140001000040110000") + bytes((8, 8, 8, 8)) + bytes(map(int, address.split(".")))
    assert core.pgw.send_sgi(header, core.now)
    core.run()
    assert (core.pages, core.mme.tables()["paging"], core.arrived) == (1, 1, 0)
    core.phone.radio_link_failed(core.now, data_pending=False)
    core.run()
    assert core.phone.state is EmmState.REGISTERED
    assert (core.mme.tables()["s1_connections"], core.mme.tables()["paging"], core.arrived) == (1, 0, 1)


def test_a_detached_phone_leaves_every_node_empty(core: Core) -> None:
    core.phone.detach(core.now)
    core.run()
    tables = core.mme.tables()
    assert {name for name, size in tables.items() if size} == {"associations"}
    assert not any(core.enb.tables().values())
    assert core.pgw.address_of(IMSI) is None


def test_a_subscriber_who_is_withdrawn_is_detached(core: Core) -> None:
    core.hss.withdraw(IMSI, core.now)
    core.run()
    assert core.seen(ue_events.Detached)
    assert {name for name, size in core.mme.tables().items() if size} == {"associations"}


def test_a_phone_with_a_wrong_key_is_refused() -> None:
    core = Core(bytes(16))
    core.attach()
    assert core.seen(ue_events.Attached) == []
    assert core.mme.tables()["sessions"] == 0
