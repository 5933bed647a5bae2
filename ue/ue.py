"""A UE: USIM, NAS, RRC, bearers, MAC and PHY wired together, on a stream of samples and in the caller's time.

ue = Ue(UeSettings(), sample_rate=5.76e6, seed=1)
ue.switch_on()
ue.push(samples)              # a millisecond of them
for burst in ue.bursts(): ... # what it sends, and when
"""

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.mac.dedicated_config import BearerKind
from picocell.mac.ue_events import (
    PucchReleased,
    RandomAccessComplete,
    RandomAccessProblem,
    UeMacEvent,
)
from picocell.observe.stages import Stages
from picocell.rlc_pdcp import bearer as bearers
from picocell.rlc_pdcp.pdcp.config import MAX_SDU
from picocell.rrc_nas.nas import ue_events as nas_events
from picocell.rrc_nas.nas.ue import UeNas
from picocell.rrc_nas.nas.ue_core import EmmState
from picocell.rrc_nas.rrc import events as radio_events
from picocell.rrc_nas.rrc import ue_events as rrc_events
from picocell.rrc_nas.rrc.bearer_table import SRB0
from picocell.rrc_nas.rrc.states import RegisteredMme
from picocell.rrc_nas.rrc.ue import RrcState, UeIdentity, UeRrc, UeRrcSettings
from picocell.rrc_nas.rrc.ue_capability import capability
from picocell.rrc_nas.security.usim import Usim
from picocell.ue.access import UeAccess
from picocell.ue.phy import Burst, UePhy
from picocell.ue.radio import UeRadio
from picocell.ue.settings import UeSettings

_LOG: Final = logging.getLogger(__name__)

Tap = Callable[[str, bytes, int], Sequence[tuple[int, bytes]]]
"""Sees every NAS and RRC message: where it passes (``nas.uplink``, ``nas.downlink``, or ``rrc.uplink.1`` and so on,
the number being the SRB's), its bytes and the time. What it gives, delays in ms and bytes, is what goes on."""

UeEvent = UeMacEvent | rrc_events.UeRrcEvent | nas_events.Event
"""What a UE tells its owner: the events of its layers."""


class Ue:
    """One UE.

    Args:
        settings: who it is.
        sample_rate: of the samples pushed.
        seed: of everything random in it.
        start: position in the stream of the first sample that will be pushed.

    Attributes:
        nas: EPS mobility and session management.
        rrc: radio resource control.
        radio: PHY and MAC.
        bearers: radio bearers.
        stages: where the time of a subframe goes; the caller of `push` begins and ends it.
        dropped_packets: packets for which there was no room or no bearer, or of a size that PDCP does not take.
        tap: sees the messages; None for nobody.
    """

    def __init__(self, settings: UeSettings, sample_rate: float, *, seed: int = 0, start: int = 0) -> None:
        self.settings = settings
        self._sample_rate = sample_rate
        self._rng = random.Random(seed)
        self.stages = Stages("device", "search", "decode", "mac", "encode", "radio")
        self._usim = Usim(
            settings.imsi,
            settings.k,
            opc=settings.opc,
            op=settings.op,
            algorithm=settings.algorithm,
            mnc_digits=settings.mnc_digits,
        )
        self.dropped_packets = 0
        self.on = False
        self.tap: Tap | None = None
        self._events: deque[UeEvent] = deque(maxlen=10_000)
        self._power_up(start, 0, None)

    def _power_up(self, start: int, now: int, before: UeNas | None) -> None:
        """Layers that know nothing but what is kept without power: USIM, GUTI, and keys of a UE that had detached.

        Args:
            start: position in the stream of the next sample.
            now: ms.
            before: NAS of the time before; None where there was none.
        """
        settings = self.settings
        # keys are stored in EMM-DEREGISTERED, and marked invalid when it is left (TS 24.301 4.4.2.1)
        detached = before is not None and before.state in (EmmState.DEREGISTERED, EmmState.NULL)
        self.nas = UeNas(
            self._usim,
            imeisv=settings.imeisv,
            apn=settings.apn,
            pdn_type=settings.pdn_type,
            capabilities=(settings.eea, settings.eia),
            combined=settings.combined,
            guti=None if before is None else before.guti,
            last_tai=None if before is None else before.core.last_tai,
            tai_list=() if before is None else before.core.tai_list,
            security=before.core.security if before is not None and detached else None,
            rng=self._rng,
        )
        self.rrc = UeRrc(
            ue_identity=UeIdentity(settings.imsi, drx=settings.drx),
            capability=capability((7,), category=settings.category),
            selected_plmn=settings.plmn or self._usim.home_plmn,
            rng=self._rng,
            settings=UeRrcSettings(
                eea=frozenset(settings.eea), eia=frozenset(settings.eia), p_max_dbm=settings.p_max_dbm
            ),
        )
        guti = self.nas.guti
        self.rrc.ue_identity.s_tmsi = None if guti is None else guti.s_tmsi
        self.phy = UePhy(self._sample_rate, n_rx=settings.n_rx, start=start)
        self.radio = UeRadio(self.phy, self.rrc, settings.tx_ahead, self.stages)
        self.radio.now = now
        self._access = UeAccess(settings, self.radio, self.rrc, self.nas, self._rng)
        self.bearers = self._access.bearers
        self._delayed: list[tuple[int, Callable[[bytes], None], bytes]] = []
        self._received: deque[bytes] = deque()
        self._waiting: deque[bytes] = deque()

    # the user's side

    @property
    def now(self) -> int:
        """The UE's time in ms, which jumps when it finds a cell."""
        return self.radio.now

    @property
    def ip(self) -> str | None:
        """IPv4 address; None while there is none."""
        return self.nas.ip

    def switch_on(self) -> None:
        """Look for a cell and attach."""
        self.on = True
        self.nas.switch_on(self.now)
        self._drain()

    def switch_off(self) -> None:
        """Take the battery out: nothing more is sent, and all that was known goes but for what is kept without power.

        For leaving the network first there is `detach`.
        """
        self.on = False
        self._power_up(self.phy.end, self.now, self.nas)

    def attach(self) -> None:
        """Attach, where the UE is not; switches it on."""
        if not self.on:
            self.switch_on()
        else:
            self._finish_release()
            self.nas.attach(self.now)
            self._drain()

    def detach(self, *, switch_off: bool = False) -> None:
        """Leave the network."""
        self._finish_release()
        self.nas.detach(self.now, switch_off)
        self._drain()

    def send_ip(self, packet: bytes) -> None:
        """Send an IP packet; without a connection it waits for one, as long as there is room."""
        if not 0 < len(packet) <= MAX_SDU:
            self.dropped_packets += 1
            return
        self._finish_release()
        if not self._access.send_packet(packet):
            if len(self._waiting) >= self.settings.max_queued_packets or self.ip is None:
                self.dropped_packets += 1
                return
            self._waiting.append(packet)
            self.nas.uplink_data_pending(self.now)
            self._drain()

    def ip_packets(self) -> list[bytes]:
        """Packets that came, each given once."""
        found = list(self._received)
        self._received.clear()
        return found

    def next_event(self) -> UeEvent | None:
        """The oldest event that was not fetched."""
        return self._events.popleft() if self._events else None

    def tables(self) -> dict[str, int]:
        """Sizes of everything that a connection leaves behind."""
        return {
            "bearers": len(self.bearers.setups),
            "channels": len(self._access.channels),
            "EPS bearers": len(self.nas.bearers),
            "waiting packets": len(self._waiting),
            "RRC connection": int(self.rrc.connection is not None),
        }

    # the radio's side

    def listens(self) -> bool:
        """Whether the next millisecond of samples is of use: a camping UE sleeps between its paging occasions."""
        return self.on and (self.phy.cell is None or self.radio.listens())

    def push(self, samples: NDArray[np.complex64]) -> None:
        """Take the next samples, complex64 (n_rx, n), and do what follows from them; call it once a millisecond."""
        if not self.on:
            return
        before = self.radio.now
        self.phy.push(samples)
        while self.radio.step():
            self._drain()
            self._handle_timers()
        if self.radio.now == before and self.phy.cell is None:
            self.radio.now += 1
            self._handle_timers()
        self._drain()
        if self.radio.now != before:
            self.radio.send()
        self._drain()

    def bursts(self) -> list[Burst]:
        """What is to be sent, given once."""
        return self.radio.bursts()

    def lose_cell(self, n: int) -> None:
        """So many samples were lost that the cell has to be found again."""
        self.phy.skip(n)
        self.rrc.cell_lost(self.now)
        self.radio.lose_cell()
        self._drain()

    def miss(self, n: int) -> None:
        """So many samples were lost; the cell is followed by its clock, and heard again behind them."""
        self.phy.miss(n)

    def skip(self, n: int) -> None:
        """Samples passed that a UE that is switched off did not hear."""
        self.phy.skip(n)

    # inside

    def _finish_release(self) -> None:
        """What the user wants does not go out over a connection that the network has released already.

        The delay before the release acts is only for its acknowledgement (TS 36.331 5.3.8.3).
        """
        if self.rrc.state is RrcState.RELEASING:
            self.rrc.release_locally(self.now)
            self._drain()

    def _pass(self, where: str, message: bytes, go_on: Callable[[bytes], None]) -> None:
        """Let the tap see a message, and go on with what it gives."""
        if self.tap is None:
            go_on(message)
            return
        for delay, data in self.tap(where, message, self.now):
            if delay:
                self._delayed.append((self.now + delay, go_on, data))
            else:
                go_on(data)

    def _handle_timers(self) -> None:
        now = self.now
        if self._delayed:
            ready = [item for item in self._delayed if item[0] <= now]
            self._delayed = [item for item in self._delayed if item[0] > now]
            for _, go_on, data in ready:
                go_on(data)
        self.bearers.handle_timers(now)
        for layer in (self.rrc, self.nas):
            due = layer.next_timer()
            if due is not None and due <= now:
                layer.handle_timers(now)
        self._drain()

    def _drain(self) -> None:
        """Pass events between the layers until all is quiet."""
        while True:
            busy = False
            if self.radio.mac is not None:
                while (mac_event := self.radio.mac.next_event()) is not None:
                    busy = True
                    self._mac_event(mac_event)
            for lcid, bearer_event in self.bearers.events():
                busy = True
                self._bearer_event(lcid, bearer_event)
            while (rrc_event := self.rrc.next_event()) is not None:
                busy = True
                self._rrc_event(rrc_event)
            while (nas_event := self.nas.next_event()) is not None:
                busy = True
                self._nas_event(nas_event)
            if not busy:
                return

    def _mac_event(self, event: UeMacEvent) -> None:
        self._events.append(event)
        match event:
            case RandomAccessComplete(c_rnti):
                self.rrc.random_access_complete(self.now, c_rnti)
            case RandomAccessProblem():
                self.rrc.random_access_problem(self.now)
            case PucchReleased():
                _LOG.info("%s: scheduling requests went unanswered", self.settings.imsi)

    def _bearer_event(self, lcid: int, event: bearers.Event) -> None:
        now = self.now
        match event:
            case bearers.SduReceived(sdu):
                if lcid == SRB0:
                    self._pass("rrc.downlink.0", sdu, lambda data: self.rrc.receive_ccch(data, self.now))
                elif self.bearers.setups[lcid].bearer.kind is BearerKind.SRB:
                    receive = partial(self._receive_dcch, lcid)
                    self._pass(f"rrc.downlink.{lcid}", sdu, receive)
                else:
                    self._received.append(sdu)
            case bearers.IntegrityFailure():
                self.rrc.integrity_failure(now, lcid)
            case bearers.MaxRetxReached():
                self.rrc.max_retx_reached(lcid, now)
            case bearers.CountExhausted():
                _LOG.warning("%s: the COUNT of bearer %d nears its end", self.settings.imsi, lcid)

    # RRC

    def _rrc_event(self, event: rrc_events.UeRrcEvent) -> None:
        now = self.now
        self._events.append(event)
        match event:
            case radio_events.SendSrb(srb, message):
                self._pass(f"rrc.uplink.{srb}", message, partial(self._access.send_srb, srb))
            case radio_events.ConfigureRadio():
                self._access.configure(event)
                self._send_waiting()
            case radio_events.ActivateSecurity():
                self.bearers.activate(event)
            case radio_events.ReestablishBearers(keys):
                self.bearers.reestablish(keys, now)
            case radio_events.ResetMac():
                if self.radio.mac is not None:
                    self.radio.mac.reset(now)
            case radio_events.ReleaseRadio():
                self._access.release()
            case rrc_events.SuspendBearers():
                self.bearers.suspend()
            case rrc_events.StartRandomAccess():
                if self.radio.mac is not None:
                    self.radio.mac.start_random_access(now)
            case rrc_events.SystemInformationReady():
                self._access.serve(event)
            case _:
                self._rrc_event_for_nas(event)

    def _rrc_event_for_nas(self, event: rrc_events.UeRrcEvent) -> None:
        now = self.now
        match event:
            case rrc_events.Camped():
                self.nas.cell(event.plmn, event.tac, event.cell_identity, now)
            case rrc_events.CellSelectionNeeded() | rrc_events.CellBarred():
                if isinstance(event, rrc_events.CellSelectionNeeded):
                    self.radio.lose_cell()
                if not self.rrc.state.connected:  # a re-establishment is none of NAS' business
                    self.nas.cell_lost(now)
            case rrc_events.NasReceived(pdu):
                self._pass("nas.downlink", pdu, lambda data: self.nas.receive(data, self.now))
            case rrc_events.ConnectionEstablished():
                self.nas.connection_established(now)
            case rrc_events.ConnectionFailed(reason, wait_s):
                self.nas.connection_failed(now, reason, None if wait_s is None else ceil(wait_s))
            case rrc_events.BarringAlleviated():
                self.nas.barring_alleviated(now)
                if self._waiting:
                    self.nas.uplink_data_pending(now)
            case rrc_events.ConnectionReleased(cause):
                if cause == "RRC connection failure":
                    self.nas.radio_link_failed(now, data_pending=bool(self._waiting))
                else:
                    settled = self.nas.state is EmmState.REGISTERED
                    self.nas.connection_released(now, cause)
                    if settled and self._waiting:  # packets that came while the connection was for signalling alone
                        self.nas.uplink_data_pending(now)
            case rrc_events.Paged(identity, _):
                self.nas.paged(now, identity)

    def _receive_dcch(self, srb: int, message: bytes) -> None:
        self.rrc.receive_dcch(srb, message, self.now)

    # NAS

    def _nas_event(self, event: nas_events.Event) -> None:
        now = self.now
        self._events.append(event)
        match event:
            case nas_events.Connect(nas):
                self._pass("nas.uplink", nas, partial(self._connect, event))
            case nas_events.SendNas(pdu):
                self._pass("nas.uplink", pdu, lambda data: self.rrc.send_nas(data, self.now))
            case nas_events.KeysReady(k_enb):
                self.rrc.set_security(k_enb)
            case nas_events.ReleaseConnection():
                if not self.rrc.release_locally(now):  # RRC never heard of it, or has lost it already
                    self.nas.connection_released(now, "there was no connection")
            case nas_events.IdentityChanged(guti):
                self.rrc.ue_identity.s_tmsi = None if guti is None else (guti.mme_code, guti.m_tmsi)
            case nas_events.Detached() | nas_events.AttachRejected():
                self._waiting.clear()

    def _connect(self, event: nas_events.Connect, nas: bytes) -> None:
        mme = None
        if event.registered_mme is not None:
            plmn, group, code = event.registered_mme
            mme = RegisteredMme(group, code, (plmn.mcc, plmn.mnc))
        self.rrc.connect(nas, event.establishment_cause, self.now, s_tmsi=event.s_tmsi, registered_mme=mme)

    # packets

    def _send_waiting(self) -> None:
        while self._waiting and self._access.send_packet(self._waiting[0]):
            self._waiting.popleft()
