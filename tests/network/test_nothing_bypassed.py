"""What is changed on the way arrives changed: no layer takes a short cut."""

import logging

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell import Cell, Network, TimeoutInNetwork
from picocell.network import GATEWAY

CELL = Cell(n_prb=6)
Samples = NDArray[np.complex64]


def _conjugate(samples: Samples, now: int) -> Samples:
    del now
    return np.conj(samples)


def test_uplink_samples() -> None:
    """With its uplink mirrored in frequency a phone is not understood; undone, it is."""
    with Network(CELL) as net:
        phone = net.phone()
        net.faults.uplink_samples(phone.imsi, _conjugate)
        with pytest.raises(TimeoutInNetwork):
            phone.attach(250)
        assert net.epc.tables()["MME ues"] == 0
        net.faults.clear()
        net.run_until(lambda: phone.attached, 5000)


def test_downlink_samples() -> None:
    with Network(CELL) as net:
        phone = net.phone()
        net.faults.downlink_samples(phone.imsi, _conjugate)
        with pytest.raises(TimeoutInNetwork):
            phone.attach(250)
        assert phone.ue.phy.cell is None


def test_one_uplink_subframe_is_repeated() -> None:
    """A subframe whose samples are turned upside down costs a retransmission, which the cell counts."""
    with Network(CELL) as net:
        phone = net.phone()
        phone.attach()
        net.run(100)
        assert phone.metrics.ul_retx == 0
        hit: list[int] = []

        def noise(samples: Samples, now: int) -> Samples:
            if net.enb.uplink(now).ulsch and not phone.metrics.ul_retx and len(hit) < 20:
                hit.append(now)
                return samples[:, ::-1]
            return samples

        net.faults.uplink_samples(phone.imsi, noise)
        assert phone.ping(GATEWAY, 3).received == 3
        assert 1 <= len(hit) < 20
        assert phone.metrics.ul_retx >= 1
        assert phone.metrics.ul_bler > 0


def test_an_octet_of_s1ap(caplog: pytest.LogCaptureFixture) -> None:
    with Network(CELL) as net:
        phone = net.phone()
        fault = net.faults.mutate("s1ap.InitialContextSetupRequest", lambda data: _flip(data, 40))
        with pytest.raises(TimeoutInNetwork):
            phone.attach(400)
        assert fault.hits == 1
        assert any(r.levelno >= logging.WARNING and "InitialContextSetup" in r.getMessage() for r in caplog.records)
        assert not phone.attached
        net.run_until(lambda: phone.attached, 60_000)


def test_an_octet_of_protected_nas(caplog: pytest.LogCaptureFixture) -> None:
    """Integrity is checked: the message is dropped, and the procedure's timer repeats it."""
    with Network(CELL) as net:
        phone = net.phone()
        net.faults.mutate("nas.downlink.security mode command", lambda data: _flip(data, len(data) - 1))
        with pytest.raises(TimeoutInNetwork):
            phone.attach(400)
        assert "security mode" in caplog.text.lower()


def test_an_octet_of_user_data() -> None:
    """The checksum of IP catches what GTP-U and the radio carry as it is."""
    with Network(CELL) as net:
        phone = net.phone()
        phone.attach()
        fault = net.faults.mutate("s1u.data", lambda data: _flip(data, len(data) - 1), nth=2)
        result = phone.ping(GATEWAY, 3, timeout_ms=300)
        assert fault.hits == 1
        assert result.lost == 1


def test_messages_dropped_repeated_and_delayed() -> None:
    with Network(CELL) as net:
        phone = net.phone()
        dropped = net.faults.drop("s11.CreateSessionRequest")
        repeated = net.faults.repeat("s6a.AuthenticationInformationRequest")
        delayed = net.faults.delay("s1ap.DownlinkNASTransport", 60)
        phone.attach()
        assert net.now > 3000  # T3-RESPONSE of the MME
        assert (dropped.hits, repeated.hits, delayed.hits) == (1, 1, 1)
        net.faults.recording = True
        assert phone.ping(GATEWAY, 1).received == 1
        kinds = [kind for _, kind in net.faults.log]
        assert kinds.count("s1u.data") == 2
        phone.detach()
        net.run(300)
        assert net.epc.tables()["MME sessions"] == 0


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
