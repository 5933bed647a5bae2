"""A UE's bearers at both ends under RRC's events: keys take hold, suspension holds, re-establishment loses nothing."""

import pytest

from picocell.mac.dedicated_config import Bearer, BearerKind, RlcMode
from picocell.rlc_pdcp import pdcp
from picocell.rlc_pdcp.bearer import IntegrityFailure, SduReceived
from picocell.rlc_pdcp.pdcp import Direction
from picocell.rlc_pdcp.rlc import AmRxConfig, AmTxConfig, UmConfig
from picocell.rrc_nas.rrc.bearer_config import BearerChanges, BearerSetup
from picocell.rrc_nas.rrc.bearer_table import SRB0, BearerTable
from picocell.rrc_nas.rrc.events import ActivateSecurity
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.security.algorithms import Eea, Eia

K_ENB = bytes(range(32))


def changes(transmit: Direction) -> BearerChanges:
    srb1 = Bearer(BearerKind.SRB, 1, 1, pdcp_sn_bits=5)
    drb1 = Bearer(BearerKind.DRB, 1, 3, RlcMode.AM, eps_bearer=5)
    drb2 = Bearer(BearerKind.DRB, 2, 4, RlcMode.UM, eps_bearer=6)
    return BearerChanges(
        (
            BearerSetup(srb1, AmTxConfig(), AmRxConfig(), pdcp.SrbConfig(0, transmit)),
            BearerSetup(drb1, AmTxConfig(), AmRxConfig(), pdcp.AmConfig(0, transmit)),
            BearerSetup(drb2, UmConfig(), UmConfig(), pdcp.UmConfig(1, transmit)),
        )
    )


def ends(eea: Eea = Eea.EEA2, k_enb: bytes = K_ENB) -> tuple[BearerTable, BearerTable]:
    phone, enb = BearerTable(), BearerTable()
    for table, direction in ((phone, Direction.UPLINK), (enb, Direction.DOWNLINK)):
        table.activate(ActivateSecurity(SecurityKeys.derive(k_enb, eea, Eia.EIA2)))
        table.configure(changes(direction), 0)
    return phone, enb


def pass_all(a: BearerTable, b: BearerTable, start: int, ms: int = 20) -> list[tuple[int, object]]:
    """Exchange PDUs; what came out at either end."""
    found: list[tuple[int, object]] = []
    for now in range(start, start + ms):
        for sender, receiver in ((a, b), (b, a)):
            for lcid, entity in list(sender.bearers.items()):
                pdu = entity.build_pdu(200, now)
                if pdu:
                    receiver.bearers[lcid].receive_pdu(pdu, now)
            sender.handle_timers(now)
            found += list(receiver.events())
    return found


@pytest.mark.parametrize("eea", list(Eea))
def test_every_bearer_carries_both_ways(eea: Eea) -> None:
    phone, enb = ends(eea)
    for lcid in (SRB0, 1, 3, 4):
        phone.bearers[lcid].write_sdu(b"up %d" % lcid, 0)
        enb.bearers[lcid].write_sdu(b"down %d" % lcid, 0)
    found = pass_all(phone, enb, 0)
    expected = [(n, SduReceived(word % n)) for n in (0, 1, 3, 4) for word in (b"up %d", b"down %d")]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_wrong_keys_are_noticed_on_an_srb() -> None:
    phone, enb = ends()
    enb.activate(ActivateSecurity(SecurityKeys.derive(bytes(32), Eea.EEA2, Eia.EIA2)))
    phone.bearers[1].write_sdu(b"message", 0)
    assert pass_all(phone, enb, 0) == [(1, IntegrityFailure(0))]


def test_the_last_message_is_verified_under_keys_to_come() -> None:
    phone, enb = BearerTable(), BearerTable()
    for table, direction in ((phone, Direction.UPLINK), (enb, Direction.DOWNLINK)):
        table.configure(changes(direction), 0)
    keys = SecurityKeys.derive(K_ENB, Eea.EEA0, Eia.EIA2)
    enb.activate(ActivateSecurity(keys, integrity_rx=False, ciphering_tx=False, ciphering_rx=False))
    enb.bearers[1].write_sdu(b"securityModeCommand", 0)
    assert pass_all(phone, enb, 0) == [(1, SduReceived(b"securityModeCommand"))]
    assert phone.verify_last(keys)
    assert not phone.verify_last(SecurityKeys.derive(bytes(32), Eea.EEA0, Eia.EIA2))


def test_suspended_bearers_are_silent_until_the_next_configuration() -> None:
    phone, enb = ends()
    phone.suspend()
    for lcid in (1, 3):
        phone.bearers[lcid].write_sdu(b"later", 0)
        assert phone.bearers[lcid].buffer_status(0).n_bytes == 0
    assert pass_all(phone, enb, 0) == []
    phone.configure(BearerChanges(), 20)
    assert sorted(lcid for lcid, _ in pass_all(phone, enb, 20)) == [1, 3]


def test_reestablishment_under_new_keys_goes_on_with_srb1_first() -> None:
    phone, enb = ends()
    phone.bearers[3].write_sdu(b"under way", 0)
    phone.bearers[3].build_pdu(200, 0)  # lost
    keys = SecurityKeys.derive(bytes(32), Eea.EEA1, Eia.EIA1)
    for table in (phone, enb):
        table.reestablish(keys, 10)
    phone.bearers[1].write_sdu(b"complete", 10)
    assert pass_all(phone, enb, 10) == [(1, SduReceived(b"complete"))]
    for table in (phone, enb):
        table.configure(BearerChanges(), 30)
    assert pass_all(phone, enb, 30) == [(3, SduReceived(b"under way"))]


def test_counts_and_eps_bearers() -> None:
    phone, enb = ends()
    for _ in range(3):
        phone.bearers[3].write_sdu(b"x", 0)
    pass_all(phone, enb, 0)
    assert phone.counts(uplink_is_transmit=True)[1] == (2, 0)
    assert enb.counts(uplink_is_transmit=False)[1] == (2, 0)
    assert phone.drb_of(5) is phone.bearers[3]
    assert phone.drb_of(9) is None


def test_clearing_leaves_srb0_alone() -> None:
    phone, _ = ends()
    phone.clear()
    assert (set(phone.bearers), phone.setups, phone.keys) == ({SRB0}, {}, None)
