"""How much of what the radio grants TCP makes use of."""

from picocell import Cell, Network
from picocell.network import GATEWAY

N_BYTES = 400_000


def test_tcp_fills_half_of_the_granted_blocks_and_more() -> None:
    """Granted bytes are those of first transmissions; retransmissions carry nothing new."""
    with Network(Cell(n_prb=25), snr_db=25) as net:
        phone = net.phone()
        phone.attach()
        listener = net.tcp_listen(5001)
        socket = phone.tcp_connect(GATEWAY, 5001)
        served = listener.accept().connection

        data = bytes(range(256)) * (N_BYTES // 256)
        before = phone.metrics
        received, sent = bytearray(), 0

        def up() -> bool:
            nonlocal sent
            sent += socket.connection.send(data[sent : sent + 65536], net.now)
            received.extend(served.recv(1 << 20, net.now))
            return len(received) == len(data)

        up_ms = net.run_until(up, 5000)
        assert bytes(received) == data
        after = phone.metrics
        granted = after.ul_granted - before.ul_granted
        assert len(data) >= 0.5 * granted
        assert after.rates(before)[1] >= 8000 * len(data) / up_ms

        before = phone.metrics
        received.clear()
        sent = 0

        def down() -> bool:
            nonlocal sent
            sent += served.send(data[sent : sent + 65536], net.now)
            received.extend(socket.connection.recv(1 << 20, net.now))
            return len(received) == len(data)

        down_ms = net.run_until(down, 5000)
        assert bytes(received) == data
        after = phone.metrics
        granted = after.dl_granted - before.dl_granted
        assert len(data) >= 0.5 * granted
        # 25 PRB at 25 dB: several Mbit/s both ways
        assert 8 * len(data) / up_ms > 4000
        assert 8 * len(data) / down_ms > 6000
        assert socket.connection.retransmissions == served.retransmissions == 0


def test_acknowledgements_in_the_uplink_do_not_wait_for_a_timer() -> None:
    """Small packets fill blocks to the last byte but one, which leaves no room for a report that there are more."""
    with Network(Cell(n_prb=25), snr_db=30) as net:
        phone = net.phone()
        phone.attach()
        listener = net.tcp_listen(5001)
        socket = phone.tcp_connect(GATEWAY, 5001)
        served = listener.accept()
        socket.send(bytes(50_000))
        start = net.now
        served.send(bytes(200_000))
        assert 8 * 200_000 / (net.now - start) > 7000
        assert served.connection.retransmissions == 0
