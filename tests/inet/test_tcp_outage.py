"""A connection whose segments are all lost for a while goes on afterwards, whatever both ends had under way."""

import random

import pytest

from picocell.inet import IpHost, TcpConnection

DELAY_MS = 20
UNDER_WAY = 24_000


@pytest.mark.parametrize("outage_ms", [300, 2000, 7000])
@pytest.mark.parametrize("seed", range(4))
def test_a_connection_goes_on_after_an_outage(outage_ms: int, seed: int) -> None:
    """Both ends send at once, so that after the outage both send again what the other one may have already."""
    one, other = (IpHost(f"10.0.0.{i}", rng=random.Random(seed + i)) for i in (1, 2))
    other.listen(7)
    near, far = one.connect("10.0.0.2", 7, 0), None
    lost = range(1000 + seed, 1000 + seed + outage_ms)
    wire: list[tuple[int, IpHost, bytes]] = []
    echoed: list[int] = []
    under_way = 0
    for now in range(lost.stop + 20_000):
        for at, host, packet in wire:
            if at == now:
                host.receive(packet, now)
        wire = [item for item in wire if item[0] > now]
        far = far or other.accept(7)
        if isinstance(far, TcpConnection) and (data := far.recv(1 << 16, now)):
            far.send(data, now)
        if near.established:
            n = len(near.recv(1 << 16, now))
            echoed.append(n)
            under_way -= n
            if under_way < UNDER_WAY:
                under_way += near.send(bytes(4000), now)
        for sender, host in ((one, other), (other, one)):
            sender.handle_timers(now)
            wire += [(now + DELAY_MS, host, packet) for packet in sender.packets_to_send() if now not in lost]
    assert sum(echoed[-1000:]) > 100_000, "nothing moves any more"
