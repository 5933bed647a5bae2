"""The base station's RRC and the UE's over their real bearers: attach, data, re-establishment, release.

Between the two stand RLC and PDCP of every bearer with real keys, and a link that loses some of the RLC PDUs.
"""

import random
from typing import Any

import pytest

from picocell.phy.lte.cell import Cell
from picocell.rlc_pdcp.bearer import IntegrityFailure, SduReceived
from picocell.rrc_nas.rrc.bearer_table import BearerTable
from picocell.rrc_nas.rrc.enb_context import UeState
from picocell.rrc_nas.rrc.enb_events import (
    ErabReleaseDone,
    ErabSetupDone,
    InitialContextSetupDone,
    InitialUeMessage,
    UeCapability,
    UeGone,
    UeRenamed,
    UplinkNas,
)
from picocell.rrc_nas.rrc.enb_settings import Erab, InitialContext, Paging
from picocell.rrc_nas.rrc.events import (
    ActivateSecurity,
    ConfigureRadio,
    ReestablishBearers,
    ReleaseRadio,
    SendSrb,
    UeEvent,
)
from picocell.rrc_nas.rrc.ue import RrcState
from picocell.rrc_nas.rrc.ue_events import (
    CellSelectionNeeded,
    ConnectionReleased,
    NasReceived,
    Paged,
    StartRandomAccess,
    SuspendBearers,
)
from picocell.rrc_nas.security.algorithms import Eea, Eia
from support.enb_rrc_harness import make
from support.ue_rrc import K_ENB, Phone, mib, si, sib1

PCI = 1
SDU = bytes(range(256))


class Pair:
    """A phone and a base station; a random access takes no time."""

    def __init__(self, *, loss: float = 0.0, **settings: Any) -> None:
        self.phone = Phone().camp()
        self.enb, self.resources = make(cell=Cell(PCI, 6), **settings)
        self.ue_bearers, self.enb_bearers = BearerTable(), BearerTable()
        self.phone.rrc.verify_last = self.ue_bearers.verify_last
        self.enb.verify_last = lambda _, keys: self.enb_bearers.verify_last(keys)
        self.rnti, self._next_rnti, self.now = 0, 70, 1000
        self.ue_events: list[Any] = []
        self.enb_events: list[Any] = []
        self.data: list[tuple[str, int, bytes]] = []
        self._loss, self._rng = loss, random.Random(2)

    def run(self, n_ms: int) -> None:
        for _ in range(n_ms):
            self._step()

    def _step(self) -> None:
        self.now += 1
        for table in (self.ue_bearers, self.enb_bearers):
            table.handle_timers(self.now)
        self.phone.rrc.handle_timers(self.now)
        self.enb.handle_timers(self.now)
        self._drain()
        self._carry(self.ue_bearers, self.enb_bearers)
        self._up()
        self._drain()
        self._carry(self.enb_bearers, self.ue_bearers)
        self._down()
        self._drain()

    def _carry(self, source: BearerTable, target: BearerTable) -> None:
        for lcid, bearer in list(source.bearers.items()):
            while lcid and (pdu := bearer.build_pdu(120, self.now)):
                if lcid in target.bearers and self._rng.random() >= self._loss:
                    target.bearers[lcid].receive_pdu(pdu, self.now)

    def _up(self) -> None:
        for lcid, event in self.enb_bearers.events():
            if isinstance(event, IntegrityFailure):
                self.enb.integrity_failure(self.rnti, self.now)
            elif isinstance(event, SduReceived) and lcid > 2:
                self.data.append(("up", lcid, event.sdu))
            elif isinstance(event, SduReceived):
                self.enb.receive_dcch(self.rnti, lcid, event.sdu, self.now)

    def _down(self) -> None:
        for lcid, event in self.ue_bearers.events():
            if isinstance(event, IntegrityFailure):
                self.phone.rrc.integrity_failure(self.now, lcid)
            elif isinstance(event, SduReceived) and lcid > 2:
                self.data.append(("down", lcid, event.sdu))
            elif isinstance(event, SduReceived):
                self.phone.rrc.receive_dcch(lcid, event.sdu, self.now)

    def _drain(self) -> None:
        while (event := self.phone.rrc.next_event()) is not None:
            self._ue_event(event)
        while (wrapped := self.enb.next_event()) is not None:
            if isinstance(wrapped, UeEvent):
                if wrapped.rnti == self.rnti:  # bearers of an earlier connection are not kept
                    self._enb_event(wrapped.event)
            else:
                self.enb_events.append(wrapped)
                if isinstance(wrapped, UeRenamed):
                    assert (wrapped.old_rnti, wrapped.new_rnti) == (self.rnti - 1, self.rnti)
        while self.phone.rrc.connection is not None and (event := self.phone.rrc.next_event()) is not None:
            self._ue_event(event)

    def _ue_event(self, event: Any) -> None:
        match event:
            case SendSrb(0, message):
                self.rnti, self._next_rnti = self._next_rnti, self._next_rnti + 1
                self.phone.rrc.random_access_complete(self.now, self.rnti)
                self.enb.receive_ccch(self.rnti, message, self.now)
            case StartRandomAccess():
                pass
            case SuspendBearers():
                self.ue_bearers.suspend()
            case CellSelectionNeeded():
                self.phone.rrc.mib(mib(), PCI, self.now)
                self.phone.rrc.measurement(self.now, -80.0, -8.0)
                self.phone.rrc.receive_bcch(sib1(), self.now)
                self.phone.rrc.receive_bcch(si(), self.now)
            case _:
                self._common(event, self.ue_bearers)
                self.ue_events.append(event)

    def _enb_event(self, event: Any) -> None:
        match event:
            case SendSrb(0, message):
                self.phone.rrc.receive_ccch(message, self.now)
            case _:
                self._common(event, self.enb_bearers)

    def _common(self, event: Any, table: BearerTable) -> None:
        match event:
            case SendSrb(srb, message):
                table.bearers[srb].write_sdu(message, self.now)
            case ConfigureRadio(_, changes):
                table.configure(changes, self.now)
            case ActivateSecurity():
                table.activate(event)
            case ReestablishBearers(keys):
                table.reestablish(keys, self.now)
            case ReleaseRadio():
                table.clear()

    def attach(self, *erabs: Erab) -> None:
        self.phone.rrc.connect(b"attach request", "mo-Signalling", self.now)
        self.run(100)
        assert self.seen(InitialUeMessage)[-1].nas == b"attach request"
        self.phone.rrc.set_security(K_ENB)
        wanted = erabs or (Erab(5, 9, b"attach accept"),)
        self.enb.initial_context_setup(self.rnti, InitialContext(K_ENB, 0xE000, 0xE000, wanted), self.now)
        self.run(600)

    def seen(self, kind: type) -> list[Any]:
        return [event for event in [*self.ue_events, *self.enb_events] if isinstance(event, kind)]

    def ping(self, lcid: int = 3, n: int = 5) -> None:
        """Packets both ways on a DRB."""
        self.data.clear()
        for i in range(n):
            self.ue_bearers.bearers[lcid].write_sdu(bytes([i]) + SDU, self.now)
            self.enb_bearers.bearers[lcid].write_sdu(bytes([i]) + SDU[::-1], self.now)
        self.run(400)
        assert [d for d in self.data if d[0] == "up"] == [("up", lcid, bytes([i]) + SDU) for i in range(n)]
        assert [d for d in self.data if d[0] == "down"] == [("down", lcid, bytes([i]) + SDU[::-1]) for i in range(n)]


@pytest.mark.parametrize("eea", Eea)
@pytest.mark.parametrize("eia", [Eia.EIA1, Eia.EIA2, Eia.EIA3])
def test_attach_with_every_algorithm(eea: Eea, eia: Eia) -> None:
    pair = Pair(eea=(eea,), eia=(eia,))
    pair.attach()
    assert pair.seen(InitialContextSetupDone) == [InitialContextSetupDone(pair.rnti, (5,))]
    assert len(pair.seen(UeCapability)) == 1
    assert [event.pdu for event in pair.seen(NasReceived)] == [b"attach accept"]
    assert pair.enb_bearers.keys == pair.ue_bearers.keys
    assert pair.enb_bearers.keys is not None
    assert (pair.enb_bearers.keys.eea, pair.enb_bearers.keys.eia) == (eea, eia)
    pair.ping()
    assert not pair.enb.counters


def test_nas_both_ways_over_a_lossy_link() -> None:
    pair = Pair(loss=0.2, eea=(Eea.EEA2,))
    pair.attach()
    for i in range(10):
        pair.enb.downlink_nas(pair.rnti, b"down %d" % i, pair.now)
        pair.phone.rrc.send_nas(b"up %d" % i, pair.now)
        pair.run(20)
    pair.run(1000)
    assert [e.pdu for e in pair.seen(NasReceived)] == [b"attach accept", *(b"down %d" % i for i in range(10))]
    assert [e.nas for e in pair.seen(UplinkNas)] == [b"up %d" % i for i in range(10)]


def test_bearers_come_and_go() -> None:
    pair = Pair(eea=(Eea.EEA1,))
    pair.attach()
    pair.enb.erab_setup(pair.rnti, (Erab(6, 1), Erab(7, 5, b"session")), None, pair.now)
    pair.run(200)
    assert pair.seen(ErabSetupDone) == [ErabSetupDone(pair.rnti, (6, 7))]
    for lcid in (3, 4, 5):
        pair.ping(lcid)
    pair.enb.erab_release(pair.rnti, (6,), b"gone", pair.now)
    pair.run(200)
    assert pair.seen(ErabReleaseDone) == [ErabReleaseDone(pair.rnti, (6,))]
    assert set(pair.ue_bearers.bearers) == set(pair.enb_bearers.bearers) == {0, 1, 2, 3, 5}
    pair.ping(5)


@pytest.mark.parametrize("noticed", [True, False])
def test_re_establishment(noticed: bool) -> None:
    pair = Pair(eea=(Eea.EEA2,))
    pair.attach()
    pair.ping()
    for round_ in range(2):
        before = pair.enb_bearers.keys
        if noticed:
            pair.enb.radio_link_failure(pair.rnti, "no uplink", pair.now)
        pair.enb.downlink_nas(pair.rnti, b"waiting", pair.now) if noticed else None
        pair.phone.rrc.random_access_problem(pair.now)
        pair.run(300)
        assert len(pair.seen(UeRenamed)) == round_ + 1
        assert pair.phone.rrc.state is RrcState.CONNECTED
        assert pair.enb.ues[pair.rnti].state is UeState.SECURED
        assert pair.enb_bearers.keys == pair.ue_bearers.keys != before
        assert list(pair.resources.taken) == [pair.rnti]
        pair.ping()
        pair.phone.rrc.send_nas(b"still here", pair.now)
        pair.run(50)
        assert pair.seen(UplinkNas)[-1].nas == b"still here"
        assert len(pair.seen(NasReceived)) == (2 + round_ if noticed else 1)


def test_release_and_paging() -> None:
    pair = Pair()
    pair.attach()
    pair.enb.release(pair.rnti, ("nas", "normal-release"), pair.now)
    pair.run(400)
    assert pair.seen(UeGone) == [UeGone(pair.rnti, ("nas", "normal-release"), True, True)]
    assert pair.seen(ConnectionReleased) == [ConnectionReleased("other")]
    assert not pair.enb.ues
    assert not pair.resources.taken
    identity = pair.phone.rrc.ue_identity
    identity.s_tmsi = (1, 0xC0FFEE)
    pair.enb.page(Paging(identity.index, identity.s_tmsi), pair.now)
    due = pair.phone.rrc.next_paging_occasion(pair.now)
    sent = {now: message for now in range(pair.now, pair.now + 400) if (message := pair.enb.paging(now)) is not None}
    assert list(sent) == [due]
    pair.phone.rrc.receive_pcch(sent[due], due)
    pair.run(1)
    assert pair.seen(Paged) == [Paged("s_tmsi", "ps")]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_both_ends_come_to_rest(seed: int) -> None:
    rng = random.Random(seed)
    pair = Pair(loss=rng.choice([0.0, 0.1, 0.3]), eea=(rng.choice(list(Eea)),))
    rrc = pair.phone.rrc
    for _ in range(30):
        match rng.randrange(8):
            case 0:
                rrc.random_access_problem(pair.now)
            case 1:
                pair.enb.downlink_nas(pair.rnti, b"down", pair.now)
            case 2 if rrc.state is RrcState.CONNECTED:
                rrc.send_nas(b"up", pair.now)
            case 3:
                rrc.set_security(K_ENB)
                pair.enb.initial_context_setup(
                    pair.rnti, InitialContext(K_ENB, 0xE000, 0xE000, (Erab(5, 9),)), pair.now
                )
            case 4:
                pair.enb.erab_setup(pair.rnti, (Erab(rng.randrange(5, 12), rng.randrange(1, 10)),), None, pair.now)
            case 5:
                pair.enb.erab_release(pair.rnti, (rng.randrange(5, 12),), None, pair.now)
            case 6 if rrc.camped:
                pair.enb_bearers.clear()
                pair.ue_bearers.clear()
                rrc.connect(b"again", "mo-Data", pair.now)
            case 7:
                pair.enb.radio_link_failure(pair.rnti, "test", pair.now)
        pair.run(rng.choice([1, 5, 50, 200]))
    for rnti in tuple(pair.enb.ues):
        pair.enb.release(rnti, ("nas", "normal-release"), pair.now)
    pair.run(200)
    assert not pair.enb.ues
    assert not pair.resources.taken
    assert pair.enb.next_timer() is None
