"""A UE's RRC against a base station's, over PDCP entities with real keys: attach, release, paging, re-establishment."""

from typing import Any

import pytest

from picocell.mac.dedicated_config import PeriodicCqi, SchedulingRequest
from picocell.phy.lte.cell import Cell
from picocell.rlc_pdcp.pdcp import Direction, IntegrityFailure, SduReceived, SrbConfig, SrbEntity
from picocell.rrc_nas.rrc import events
from picocell.rrc_nas.rrc.enb import EnbRrc
from picocell.rrc_nas.rrc.enb_events import (
    InitialContextSetupDone,
    InitialUeMessage,
    MeasurementReport,
    UeGone,
    UplinkNas,
)
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings, Erab, InitialContext, Paging
from picocell.rrc_nas.rrc.states import STmsi
from picocell.rrc_nas.rrc.ue import RrcState, UeIdentity
from picocell.rrc_nas.rrc.ue_events import ConnectionFailed, ConnectionReleased, NasReceived, Paged, StartRandomAccess
from picocell.rrc_nas.security.algorithms import Cipher, Eea, Eia, Integrity
from support.ue_rrc import IMSI, K_ENB, Phone, mib, sib1

ATTACH, ACCEPT = b"\x07\x41attach", b"\x07\x42accept"
S_TMSI = STmsi(0x1A, 0xAABB6363)


class Allocation:
    sr = SchedulingRequest(0, 15, 64)
    cqi = PeriodicCqi(0, 38, simultaneous_ack_nack=True)


class Resources:
    def allocate(self, rnti: int) -> Allocation:  # noqa: ARG002 (the protocol's)
        return Allocation()

    def release(self, rnti: int) -> None:
        pass


class End:
    """PDCP of one end's SRBs."""

    def __init__(self, transmit: Direction) -> None:
        self._transmit = transmit
        self.clear()

    def clear(self) -> None:
        self.srbs = {srb: SrbEntity(SrbConfig(srb - 1, self._transmit)) for srb in (1, 2)}

    def follow(self, event: Any) -> None:
        """What RRC asks of PDCP."""
        match event:
            case events.ActivateSecurity(keys):
                for entity in self.srbs.values():
                    tx, rx = event.integrity_tx, event.integrity_rx
                    entity.activate_integrity(Integrity(keys.eia, keys.k_rrc_int), transmit=tx, receive=rx)
                    tx, rx = event.ciphering_tx, event.ciphering_rx
                    entity.activate_ciphering(Cipher(keys.eea, keys.k_rrc_enc), transmit=tx, receive=rx)
            case events.ReestablishBearers(keys):
                for entity in self.srbs.values():
                    cipher, integrity = Cipher(keys.eea, keys.k_rrc_enc), Integrity(keys.eia, keys.k_rrc_int)
                    entity.reestablish(0, cipher=cipher, integrity=integrity)
            case events.ReleaseRadio():
                self.clear()


class Air:
    """One UE and one base station; a message takes 4 ms."""

    def __init__(self, **settings: Any) -> None:
        sib2 = Phone().camp().rrc.sib2
        assert sib2 is not None
        self.phone = Phone(identity=UeIdentity(IMSI, S_TMSI)).camp()
        self.enb = EnbRrc(Cell(1), sib2=sib2, resources=Resources(), settings=EnbRrcSettings(**settings))
        self.ue_pdcp, self.enb_pdcp = End(Direction.UPLINK), End(Direction.DOWNLINK)
        self.phone.rrc.verify_last = lambda keys: self.ue_pdcp.srbs[1].verify_last_received(
            Integrity(keys.eia, keys.k_rrc_int)
        )
        self.now, self.rnti = 100, 0x46
        self.seen: list[Any] = []
        self.reached: list[Any] = []
        self.forged = 0

    def run(self, duration: int = 200) -> None:
        for _ in range(duration // 4):
            self.now += 4
            self.phone.run(self.now)
            if (due := self.enb.next_timer()) is not None and due <= self.now:
                self.enb.handle_timers(self.now)
            for event in self.phone.events():
                self.seen.append(event)
                self.ue_pdcp.follow(event)
                if isinstance(event, events.SendSrb):
                    self.uplink(event)
            while (found := self.enb.next_event()) is not None:
                if isinstance(found, events.UeEvent):
                    self.enb_pdcp.follow(found.event)
                    if isinstance(found.event, events.SendSrb):
                        self.downlink(found.event)
                else:
                    self.reached.append(found)

    def uplink(self, event: events.SendSrb) -> None:
        if event.srb == 0:
            self.rnti += 1
            self.enb.receive_ccch(self.rnti, event.message, self.now)
            self.phone.rrc.random_access_complete(self.now, self.rnti)
            return
        for sdu in self.carried(self.ue_pdcp, self.enb_pdcp, event):
            self.enb.receive_dcch(self.rnti, event.srb, sdu, self.now)

    def downlink(self, event: events.SendSrb) -> None:
        if event.srb == 0:
            self.phone.rrc.receive_ccch(event.message, self.now)
            return
        for sdu in self.carried(self.enb_pdcp, self.ue_pdcp, event):
            self.phone.rrc.receive_dcch(event.srb, sdu, self.now)

    def carried(self, source: End, sink: End, event: events.SendSrb) -> list[bytes]:
        """SDUs that come out of PDCP at the other end."""
        source.srbs[event.srb].write_sdu(event.message, self.now)
        found = []
        while (pdu := source.srbs[event.srb].next_pdu()) is not None:
            sink.srbs[event.srb].receive_pdu(pdu[0], self.now)
        while (out := sink.srbs[event.srb].next_event()) is not None:
            self.forged += isinstance(out, IntegrityFailure)
            found += [out.sdu] if isinstance(out, SduReceived) else []
        return found

    def reports(self, kind: type) -> list[Any]:
        return [event for event in self.reached if isinstance(event, kind)]

    def attach(self) -> "Air":
        self.phone.rrc.set_security(K_ENB)
        self.phone.rrc.connect(ATTACH, "mo-Signalling", self.now)
        self.run()
        context = InitialContext(K_ENB, 0xE000, 0xE000, (Erab(5, 9, ACCEPT),))
        self.enb.initial_context_setup(self.rnti, context, self.now)
        self.run()
        return self


@pytest.mark.parametrize("eea", list(Eea))
@pytest.mark.parametrize("eia", [Eia.EIA1, Eia.EIA2, Eia.EIA3])
def test_attach(eea: Eea, eia: Eia) -> None:
    air = Air(eea=(eea,), eia=(eia,)).attach()
    (initial,) = air.reports(InitialUeMessage)
    assert (initial.nas, initial.establishment_cause) == (ATTACH, "mo-Signalling")
    assert air.reports(InitialContextSetupDone) == [InitialContextSetupDone(air.rnti, (5,))]
    assert [event.pdu for event in air.seen if isinstance(event, NasReceived)] == [ACCEPT]
    air.phone.rrc.send_nas(b"\x07\x43complete", air.now)
    air.enb.downlink_nas(air.rnti, b"\x07\x61information", air.now)
    air.run()
    assert air.reports(UplinkNas) == [UplinkNas(air.rnti, b"\x07\x43complete")]
    assert air.seen[-1] == NasReceived(b"\x07\x61information")
    connection, context = air.phone.rrc.connection, air.enb.ues[air.rnti]
    assert connection is not None
    assert (connection.config, connection.keys) == (context.config, context.keys)
    assert [setup.bearer.name for setup in connection.bearers] == ["SRB1", "SRB2", "DRB1"]
    assert (air.forged, air.phone.rrc.refused.total()) == (0, 0)


def test_release_and_paging() -> None:
    air = Air().attach()
    air.enb.release(air.rnti, ("nas", "normal-release"), air.now)
    air.run(400)
    assert ConnectionReleased("other") in air.seen
    assert air.phone.rrc.camped
    assert air.reports(UeGone)
    air.enb.page(Paging(int(IMSI) % 1024, S_TMSI), air.now)
    found = 0
    for now in range(air.now, air.now + 1300):
        if now == air.phone.rrc.next_paging_occasion(now):
            message = air.enb.paging(now)
            if message is not None:
                air.phone.rrc.receive_pcch(message, now)
                found += 1
        else:
            assert air.enb.paging(now) is None
    assert found == 1
    assert air.phone.event(Paged) == Paged("s_tmsi", "ps")
    air.phone.rrc.connect(b"\xc7", "mt-Access", air.now, s_tmsi=S_TMSI)
    air.run()
    assert air.reports(InitialUeMessage)[-1].s_tmsi == S_TMSI


@pytest.mark.parametrize("times", [1, 3])
def test_reestablishment(times: int) -> None:
    air = Air(eea=(Eea.EEA2,)).attach()
    for _ in range(times):
        air.phone.rrc.max_retx_reached(1, air.now)
        air.run(40)
        assert air.phone.rrc.state is RrcState.SELECTING
        air.phone.rrc.mib(mib(), 1, air.now)
        air.phone.rrc.measurement(air.now, -80.0, -8.0)
        air.phone.rrc.receive_bcch(sib1(), air.now)
        air.run()
        assert air.phone.rrc.state is RrcState.CONNECTED
        connection, context = air.phone.rrc.connection, air.enb.ues[air.rnti]
        assert connection is not None
        assert (connection.keys, connection.c_rnti) == (context.keys, air.rnti)
        assert not connection.suspended
        air.phone.rrc.send_nas(b"\x07\x43", air.now)
        air.run()
        assert air.reports(UplinkNas)[-1] == UplinkNas(air.rnti, b"\x07\x43")
    assert (air.forged, air.phone.rrc.refused.total()) == (0, 0)


def test_reestablishment_at_a_base_station_that_does_not_know_the_ue() -> None:
    air = Air().attach()
    air.enb = Air().enb
    air.phone.rrc.max_retx_reached(1, air.now)
    air.phone.rrc.mib(mib(), 1, air.now)
    air.phone.rrc.measurement(air.now, -80.0, -8.0)
    air.phone.rrc.receive_bcch(sib1(), air.now)
    air.run()
    assert ConnectionReleased("RRC connection failure") in air.seen
    assert air.phone.rrc.camped


def test_reject_and_another_attempt() -> None:
    air = Air(wait_time_s=1)
    air.enb.accepting = False
    air.phone.rrc.connect(ATTACH, "mo-Data", air.now)
    air.run()
    assert ConnectionFailed("rejected by the network", 1.0, barred=True) in air.seen
    air.enb.accepting = True
    air.run(1000)
    air.attach()
    assert air.reports(InitialContextSetupDone)
    assert sum(isinstance(event, StartRandomAccess) for event in air.seen) == 2


def test_measurement_object_alone_causes_no_reports() -> None:
    air = Air().attach()
    air.phone.rrc.measurement(air.now, -80.0, -8.0)
    air.run()
    assert air.reports(MeasurementReport) == []
