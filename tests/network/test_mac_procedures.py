"""Procedures of the MAC between a phone and the cell: random access when connected, alignment, reports."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from picocell import Cell, Network, Phone
from picocell.mac.dedicated_config import DedicatedConfig, aperiodic_report
from picocell.mac.enb_settings import EnbMacSettings
from picocell.mac.ue_events import (
    PucchReleased,
    RandomAccessCause,
    RandomAccessComplete,
    RandomAccessStarted,
    TimeAlignmentExpired,
)
from picocell.network import GATEWAY
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission
from picocell.rrc_nas.rrc.enb_defaults import defaults

Samples = NDArray[np.complex64]


def _silence(samples: Samples, now: int) -> Samples:
    del now
    return np.zeros_like(samples)


def _attached(net: Network) -> Phone:
    phone = net.phone()
    phone.attach()
    net.run(200)
    return phone


def _causes(phone: Phone, since: int) -> list[RandomAccessCause]:
    return [event.cause for at, event in phone.events if at >= since and isinstance(event, RandomAccessStarted)]


def _came(phone: Phone, kind: type, since: int) -> bool:
    return any(at >= since and isinstance(event, kind) for at, event in phone.events)


def test_an_order_brings_random_access_and_the_phone_keeps_its_c_rnti() -> None:
    with Network(Cell(n_prb=6)) as net:
        phone = _attached(net)
        rnti, start = phone.c_rnti, net.now
        assert rnti is not None
        net.enb.mac.order_random_access(rnti, net.now)
        assert phone.wait_for(RandomAccessComplete, 500, since=start).c_rnti == rnti
        assert _causes(phone, start) == [RandomAccessCause.PDCCH_ORDER]
        assert net.enb.mac.rntis == (rnti,)
        assert phone.ping(GATEWAY, 2).received == 2


def test_scheduling_requests_that_nobody_hears_end_in_random_access() -> None:
    with Network(Cell(n_prb=6)) as net:
        phone = _attached(net)
        rnti, start = phone.c_rnti, net.now
        net.faults.uplink_samples(phone.imsi, _silence)
        host = phone.host
        assert host is not None
        host.ping(GATEWAY, 1, 0)
        net.run_until(lambda: _came(phone, PucchReleased, start), 4000)
        net.faults.clear()
        phone.wait_for(RandomAccessComplete, 1000, since=start)
        assert _causes(phone, start)[0] is RandomAccessCause.SR_FAILED
        net.run_until(lambda: bool(host.echo_replies), 1000)
        assert phone.c_rnti == rnti
        assert phone.ping(GATEWAY, 2).received == 2


def test_the_alignment_timer_is_restarted_in_time_and_else_costs_random_access() -> None:
    radio = defaults()
    radio["mac-MainConfig"]["timeAlignmentTimerDedicated"] = "sf500"
    with Network(Cell(n_prb=6, inactivity_ms=None, radio=radio)) as net:
        phone = _attached(net)
        start = net.now
        net.run(1500)
        assert not _came(phone, TimeAlignmentExpired, start)
        assert not _causes(phone, start)
        # a cell that believes that the timer runs for ever sends no more commands
        rnti = phone.c_rnti
        assert rnti is not None
        believed = replace(net.enb.mac.ue(rnti).config, time_alignment_timer=None)
        net.enb.mac.configure(rnti, believed, net.now)
        phone.wait_for(TimeAlignmentExpired, 1000, since=net.now)
        start = net.now
        assert phone.ping(GATEWAY, 2).received == 2
        assert _causes(phone, start)
        assert phone.connected


def test_reports_and_acknowledgements_go_with_data_where_there_are_data() -> None:
    """Periodic and requested reports and acknowledgements on the PUSCH, and on the PUCCH where there is none."""
    radio = defaults()
    radio["physicalConfigDedicated"]["cqi-ReportConfig"] = {"cqi-ReportModeAperiodic": "rm30"}
    mac = EnbMacSettings(ul_target_snr_db=None, pucch_target_snr_db=None, cqi_max_age=25)
    with Network(Cell(n_prb=15, mac=mac, radio=radio)) as net:
        phone = _attached(net)
        sent: list[Any] = []
        ue_mac = phone.ue.radio.mac
        assert ue_mac is not None
        transmit = ue_mac.uplink

        def spy(now: int) -> Any:
            found = transmit(now)
            if found is not None:
                sent.append(found.sent)
            return found

        ue_mac.uplink = spy  # type: ignore[method-assign]
        heard: list[int] = []
        receive = net.enb.mac.receive

        def listen(indication: Any, now: int) -> None:
            heard.extend(len(each.cqi) for each in indication.cqi)
            receive(indication, now)

        net.enb.mac.receive = listen  # type: ignore[method-assign]
        listener = net.tcp_listen(5001)
        socket = phone.tcp_connect(GATEWAY, 5001)
        served = listener.accept()
        socket.connection.send(b"u" * 60_000, net.now)
        served.connection.send(b"d" * 60_000, net.now)
        net.run(400)
        report = aperiodic_report(DedicatedConfig(aperiodic_cqi_mode="3-0"), n_prb=15, n_ports=1)
        assert report is not None
        pusch = [each for each in sent if isinstance(each, PuschTransmission)]
        pucch = [each for each in sent if isinstance(each, PucchTransmission)]
        assert sum(bool(each.ack) for each in pusch) > 10
        assert {len(each.cqi) for each in pusch} == {0, 4, report[0]}
        assert any(each.ack and each.cqi for each in pusch)
        assert any(each.format == "1a" for each in pucch)
        assert set(heard) == {4, report[0]}
        cqi = net.enb.mac.ue(phone.c_rnti or 0).cqi
        assert cqi is not None
        assert cqi >= 13
