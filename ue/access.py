"""A UE's access to its cell: MAC, logical channels and radio bearers, as RRC orders them."""

import logging
import random
from typing import Final

from picocell.mac.ue_mac import UeMac
from picocell.rlc_pdcp.pdcp.config import MAX_SDU
from picocell.rrc_nas.nas.ue import UeNas
from picocell.rrc_nas.rrc import events as radio_events
from picocell.rrc_nas.rrc import ue_events as rrc_events
from picocell.rrc_nas.rrc.bearer_table import SRB0, BearerTable
from picocell.rrc_nas.rrc.ue import UeRrc
from picocell.ue.radio import UeRadio
from picocell.ue.settings import UeSettings

_LOG: Final = logging.getLogger(__name__)


class UeAccess:
    """What carries a UE's messages and packets.

    Args:
        settings: who the UE is.
        radio: PHY and MAC.
        rrc: whose orders are followed.
        nas: hears which EPS bearers have a radio bearer.
        rng: of everything random in the MAC.

    Attributes:
        bearers: radio bearers.
        channels: logical channels that the MAC serves.
    """

    def __init__(self, settings: UeSettings, radio: UeRadio, rrc: UeRrc, nas: UeNas, rng: random.Random) -> None:
        self._settings, self._radio, self._rrc, self._nas, self._rng = settings, radio, rrc, nas, rng
        self.bearers = BearerTable()
        self.channels: set[int] = set()
        rrc.verify_last = self.bearers.verify_last
        rrc.drb_counts = lambda: self.bearers.counts(uplink_is_transmit=True)

    def serve(self, event: rrc_events.SystemInformationReady) -> None:
        """A cell's configuration is known, or has changed: a MAC for it, with the connection's bearers."""
        p_max = self._settings.p_max_dbm if event.p_max_dbm is None else min(self._settings.p_max_dbm, event.p_max_dbm)
        self._radio.phy.set_uplink(event.ul)
        old = self._radio.mac
        mac = UeMac(
            event.cell,
            event.ul,
            event.rach,
            rng=self._rng,
            ue_category=self._settings.category,
            p_max_dbm=p_max,
            reference_signal_power_dbm=event.pdsch.reference_signal_power_dbm,
            time_alignment_timer_common=event.time_alignment_timer_common,
        )
        self._radio.serve(mac, event.pdsch.reference_signal_power_dbm)
        connection = self._rrc.connection
        if connection is not None:
            mac.configure(connection.config, self._radio.now)
            mac.set_c_rnti(old.c_rnti if old is not None else None)
        channels, self.channels = self.channels | {SRB0}, set()
        for lcid in channels:
            self._add_channel(lcid)

    def configure(self, event: radio_events.ConfigureRadio) -> None:
        """MAC and bearers follow RRC; NAS hears which EPS bearers have a radio bearer now."""
        now, mac = self._radio.now, self._radio.mac
        assert mac is not None
        released = {lcid: self.bearers.setups[lcid] for lcid in event.changes.release if lcid in self.bearers.setups}
        for lcid in event.changes.release:
            self._remove_channel(lcid)
        self.bearers.configure(event.changes, now)
        mac.configure(event.config, now)
        for setup in event.changes.add:
            self._add_channel(setup.lcid)
        for setup in event.changes.add:
            if setup.bearer.eps_bearer is not None:
                self._nas.drb_established(setup.bearer.eps_bearer, now)
        kept = {setup.bearer.eps_bearer for setup in event.changes.add}
        for setup in released.values():
            if setup.bearer.eps_bearer is not None and setup.bearer.eps_bearer not in kept:
                self._nas.drb_released(setup.bearer.eps_bearer, now)

    def release(self) -> None:
        """Back to RRC_IDLE: the MAC keeps nothing but the cell's configuration."""
        for lcid in tuple(self.channels):
            self._remove_channel(lcid)
        self.bearers.clear()
        if self._radio.mac is not None:
            self._radio.mac.reset(self._radio.now)
            self._radio.mac.set_c_rnti(None)
            self._add_channel(SRB0)

    def send_srb(self, srb: int, message: bytes) -> None:
        found = self.bearers.bearers.get(srb)
        if found is None:
            _LOG.warning("%s: no SRB%d for an RRC message", self._settings.imsi, srb)
            return
        if len(message) > MAX_SDU:
            _LOG.warning("%s: an RRC message of %d bytes is dropped", self._settings.imsi, len(message))
            return
        found.write_sdu(message, self._radio.now)
        if self._radio.mac is not None and SRB0 not in self.channels:
            self._add_channel(SRB0)

    def send_packet(self, packet: bytes) -> bool:
        """Hand a packet to the bearer that it belongs to; whether that is connected."""
        if not self._rrc.state.connected:
            return False
        ebi = self._nas.bearer_for(packet)
        drb = None if ebi is None else self.bearers.drb_of(ebi)
        if drb is None:
            return False
        drb.write_sdu(packet, self._radio.now)
        return True

    def _add_channel(self, lcid: int) -> None:
        assert self._radio.mac is not None
        if lcid in self.channels:
            self._radio.mac.remove_channel(lcid)
        self._radio.mac.add_channel(lcid, self.bearers.bearers[lcid])
        self.channels.add(lcid)

    def _remove_channel(self, lcid: int) -> None:
        if lcid in self.channels and self._radio.mac is not None:
            self._radio.mac.remove_channel(lcid)
        self.channels.discard(lcid)
