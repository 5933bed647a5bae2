"""The radio bearers of one UE at either end, as RRC's events make, key, suspend and release them (TS 36.331 5.3.10)."""

from collections.abc import Iterator, Sequence
from typing import cast

from picocell.mac.dedicated_config import BearerKind, RlcMode
from picocell.rlc_pdcp import bearer, pdcp, rlc
from picocell.rlc_pdcp.bearer import RadioBearer
from picocell.rrc_nas.rrc.bearer_config import BearerChanges, BearerSetup
from picocell.rrc_nas.rrc.events import ActivateSecurity
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.security.algorithms import Cipher, Eea, Eia, Integrity

SRB0 = 0
"""Logical channel of the CCCH."""


class BearerTable:
    """A UE's bearers by logical channel.

    Attributes:
        bearers: by LCID; 0 is SRB0, which is always there.
        setups: configuration of all but SRB0, by LCID.
        keys: keys in use; None before security is activated.
    """

    def __init__(self) -> None:
        self.bearers: dict[int, RadioBearer] = {SRB0: RadioBearer(rlc.TmEntity())}
        self.setups: dict[int, BearerSetup] = {}
        self.keys: SecurityKeys | None = None
        self._cipher: Cipher | None = None
        self._srb_cipher: Cipher | None = None
        self._integrity: Integrity | None = None

    # RRC's events

    def configure(self, changes: BearerChanges, now: int) -> None:
        """Release, add and change bearers; those that were suspended go on."""
        for lcid in changes.release:
            self.bearers.pop(lcid, None)
            self.setups.pop(lcid, None)
        for setup in changes.add:
            self.bearers[setup.lcid] = self._make(setup)
        for setup in (*changes.add, *changes.modify):
            self.setups[setup.lcid] = setup
        for entity in self.bearers.values():
            entity.suspended = False
            entity.handle_timers(now)

    def activate(self, event: ActivateSecurity) -> None:
        """Use keys in the SRBs that are there, and in all bearers to come (TS 36.331 5.3.4.3)."""
        self._set_keys(event.keys)
        for srb in self._srbs():
            if self._integrity is not None and (event.integrity_tx or event.integrity_rx):
                srb.activate_integrity(self._integrity, transmit=event.integrity_tx, receive=event.integrity_rx)
            if self._srb_cipher is not None and (event.ciphering_tx or event.ciphering_rx):
                srb.activate_ciphering(self._srb_cipher, transmit=event.ciphering_tx, receive=event.ciphering_rx)

    def reestablish(self, keys: SecurityKeys, now: int) -> None:
        """Re-establish all bearers under new keys; all but SRB1 stay suspended (TS 36.331 5.3.7.5)."""
        self._set_keys(keys)
        for lcid, setup in self.setups.items():
            entity = self.bearers[lcid]
            if setup.bearer.kind is BearerKind.SRB:
                entity.reestablish(now, cipher=self._srb_cipher, integrity=self._integrity)
            else:
                entity.reestablish(now, cipher=self._cipher)
            entity.suspended = lcid != 1

    def suspend(self) -> None:
        """Hold all but SRB0 (TS 36.331 5.3.7.2)."""
        for lcid, entity in self.bearers.items():
            entity.suspended = lcid != SRB0

    def clear(self) -> None:
        """Release everything and forget the keys."""
        self.bearers = {SRB0: RadioBearer(rlc.TmEntity())}
        self.setups.clear()
        self.keys = self._cipher = self._srb_cipher = self._integrity = None

    # what passes through

    def drb_of(self, ebi: int) -> RadioBearer | None:
        """DRB of an EPS bearer; None where it has none."""
        for lcid, setup in self.setups.items():
            if setup.bearer.eps_bearer == ebi:
                return self.bearers[lcid]
        return None

    def verify_last(self, keys: SecurityKeys) -> bool:
        """Whether the last message on SRB1 is genuine under keys that are not in use yet."""
        srb1 = self.bearers.get(1)
        if srb1 is None or not isinstance(srb1.pdcp, pdcp.SrbEntity):
            return False
        return srb1.pdcp.verify_last_received(Integrity(keys.eia, keys.k_rrc_int))

    def counts(self, *, uplink_is_transmit: bool) -> dict[int, tuple[int, int]]:
        """Uplink and downlink COUNT of the last PDU of each DRB, by DRB identity (TS 36.331 5.3.6)."""
        found = {}
        for lcid, setup in self.setups.items():
            entity = self.bearers[lcid].pdcp
            if setup.bearer.kind is BearerKind.DRB and entity is not None:
                state = entity.get_state()
                bits = setup.bearer.pdcp_sn_bits
                tx = state.TX_HFN << bits | state.Next_PDCP_TX_SN
                rx = state.RX_HFN << bits | state.Next_PDCP_RX_SN
                pair = (tx, rx) if uplink_is_transmit else (rx, tx)
                found[setup.bearer.identity] = (max(pair[0] - 1, 0), max(pair[1] - 1, 0))
        return found

    def events(self) -> Sequence[tuple[int, bearer.Event]]:
        """Everything that the bearers have to tell, with the LCID."""
        found: list[tuple[int, bearer.Event]] = []
        for lcid, entity in self.bearers.items():
            if entity.events:
                found += [(lcid, event) for event in entity.events]
                entity.events.clear()
        return found

    def handle_timers(self, now: int) -> None:
        """Timers of the bearers that are due."""
        for entity in self.bearers.values():
            entity.handle_due_timers(now)

    # inside

    def _set_keys(self, keys: SecurityKeys) -> None:
        self.keys = keys
        ciphered = keys.eea is not Eea.EEA0
        self._cipher = Cipher(keys.eea, keys.k_up_enc) if ciphered else None
        self._srb_cipher = Cipher(keys.eea, keys.k_rrc_enc) if ciphered else None
        self._integrity = Integrity(keys.eia, keys.k_rrc_int) if keys.eia is not Eia.EIA0 else None

    def _srbs(self) -> Iterator[pdcp.SrbEntity]:
        for entity in self.bearers.values():
            if isinstance(entity.pdcp, pdcp.SrbEntity):
                yield entity.pdcp

    def _make(self, setup: BearerSetup) -> RadioBearer:
        return RadioBearer(_rlc_entity(setup), self._pdcp_entity(setup))

    def _pdcp_entity(self, setup: BearerSetup) -> bearer.PdcpEntity:
        match setup.pdcp:
            case pdcp.SrbConfig() as srb_config:
                srb = pdcp.SrbEntity(srb_config)
                if self._integrity is not None:
                    srb.activate_integrity(self._integrity)
                if self._srb_cipher is not None:
                    srb.activate_ciphering(self._srb_cipher)
                return srb
            case pdcp.AmConfig() as am_config:
                return pdcp.AmEntity(am_config, self._cipher)
            case um_config:
                return pdcp.UmEntity(um_config, self._cipher)


def _rlc_entity(setup: BearerSetup) -> bearer.RlcEntity:
    tx, rx = setup.rlc_tx, setup.rlc_rx
    if setup.bearer.rlc is RlcMode.AM:
        if not isinstance(tx, rlc.AmTxConfig) or not isinstance(rx, rlc.AmRxConfig):
            raise ValueError(f"{setup.bearer.name} has no RLC AM configuration of both directions")
        return rlc.AmEntity(tx, rx)
    one_way = [config for config in (tx, rx) if config is not None]
    if not all(isinstance(config, rlc.UmConfig) for config in one_way):
        raise ValueError(f"{setup.bearer.name} is RLC UM with a configuration of RLC AM")
    return rlc.UmEntity(cast("rlc.UmConfig | None", tx), cast("rlc.UmConfig | None", rx))
