"""What the standard answers to phones and cells that do not belong, and what the log says of it."""

import logging
from dataclasses import replace

import pytest

from picocell import Cell, Network, PhoneError, TimeoutInNetwork
from picocell.epc.epc import EpcSettings
from picocell.epc.hss.subscribers import SubscriberStore
from picocell.epc.mme.settings import MmeSettings
from picocell.network import GATEWAY, TEST_OPC
from picocell.rrc_nas.nas import ue_events
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.rrc import ue_events as rrc_events

CELL = Cell(n_prb=6)


def _log(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)


def test_wrong_key(caplog: pytest.LogCaptureFixture) -> None:
    with Network(CELL) as net:
        net.add_subscriber("001010123456781", k="00" * 16, opc=TEST_OPC)
        phone = net.phone("001010123456781", k="11" * 16)
        with pytest.raises(PhoneError, match="authentication rejected"):
            phone.attach()
        assert "001010123456781" in _log(caplog)
        assert "MAC failure (#20)" in _log(caplog)
        net.run(300)
        assert not phone.connected
        # the card is of no use until the phone is switched off
        phone.attach(wait=False)
        net.run(300)
        assert not phone.connected


def test_unknown_imsi(caplog: pytest.LogCaptureFixture) -> None:
    with Network(CELL) as net:
        phone = net.phone("001010123456781", subscribe=False)
        with pytest.raises(PhoneError, match="#8"):
            phone.attach()
        assert "IMSI 001010123456781 is not in the subscriber database; USER_UNKNOWN (5001)" in _log(caplog)
        # the core is as it was, and serves others
        other = net.phone()
        other.attach()
        assert other.ping(GATEWAY, 1).received == 1


def test_a_cell_of_another_network_is_refused_by_the_mme(caplog: pytest.LogCaptureFixture) -> None:
    with Network(replace(CELL, mme_plmn=("901", "70"))) as net:
        net.run(50)
        assert not net.enb.s1ap.ready
        text = _log(caplog)
        assert "unknown-PLMN" in text
        assert "PLMN 001/01 (0x00f110)" in text
        assert "TAC 7 (0x0007)" in text
        assert "PLMN 901/70 (0x09f107)" in text
        phone = net.phone()
        with pytest.raises(TimeoutInNetwork, match="attach"):
            phone.attach(400)


def test_a_cell_of_another_tracking_area_is_refused_by_the_mme(caplog: pytest.LogCaptureFixture) -> None:
    epc = EpcSettings(mme=MmeSettings(nas=MmeNasSettings(tacs=(258,))))
    with Network(CELL, epc=epc) as net:
        net.run(50)
        assert not net.enb.s1ap.ready
        text = _log(caplog)
        assert "TAC 7 (0x0007)" in text
        assert "258 (0x0102)" in text


def test_a_phone_of_another_network_does_not_camp(caplog: pytest.LogCaptureFixture) -> None:
    with Network(CELL) as net:
        phone = net.phone("310150123456789", mnc_digits=3)
        with pytest.raises(TimeoutInNetwork, match="no cell"):
            phone.attach(400)
        assert "networks 001-01: the selected one, 310-150, is not among them" in _log(caplog)
        assert not any(isinstance(event, rrc_events.StartRandomAccess) for _, event in phone.events)
        assert net.enb.mac.rntis == ()


def test_a_roamer_that_selects_the_network_is_refused_by_its_home(caplog: pytest.LogCaptureFixture) -> None:
    with Network(CELL) as net:
        phone = net.phone("310150123456789", mnc_digits=3, plmn=("001", "01"), subscribe=False)
        with pytest.raises(PhoneError, match="#8"):
            phone.attach()
        assert "310150123456789" in _log(caplog)


def test_sequence_number_of_the_usim_is_ahead(caplog: pytest.LogCaptureFixture) -> None:
    with Network(CELL) as net:
        phone = net.phone()
        usim = phone.ue.nas.core.usim
        usim.sqn = replace(usim.sqn, seq=(5000,) * len(usim.sqn.seq))
        phone.attach()
        assert phone.ping(GATEWAY, 1).received == 1
        assert "Synch failure (#21): the USIM asks for resynchronisation" in _log(caplog)
        assert max(usim.sqn.seq) > 5000
        sent = [e.pdu[:2] for _, e in phone.events if isinstance(e, ue_events.SendNas)]
        assert sent.count(b"\x07\x5c") == 1  # one authentication failure, then all is well


def test_a_network_with_its_own_database() -> None:
    store = SubscriberStore(":memory:")
    with Network(CELL, subscribers=store) as net:
        net.phone().attach()
    assert store.get("001010123456780").imsi == "001010123456780"
    with Network(CELL, subscribers=store) as net:
        # the sequence numbers of the first network are remembered
        net.phone().attach()
    store.close()
