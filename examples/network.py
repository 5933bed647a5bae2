"""A whole LTE network in this process: a phone attaches, pings, and moves data over TCP, through a fading channel.

python examples/network.py
"""

import picocell as pc

with pc.Network(cell=pc.Cell(n_prb=25), channel="EPA5", snr_db=20) as net:
    phone = net.phone(imsi="001010123456780")
    phone.attach()
    print(phone.ip, phone.ping("172.16.0.1", count=3))

    listener = net.tcp_listen(5001)
    socket = phone.tcp_connect("172.16.0.1", 5001)
    start = net.now
    socket.send(bytes(200_000))
    print(f"200 kB up in {net.now - start} ms of virtual time, {socket.connection.retransmissions} TCP retransmissions")

    metrics = phone.metrics
    print(f"CQI {metrics.cqi}, MCS {metrics.dl_mcs} down and {metrics.ul_mcs} up, {metrics.ul_snr_db:.1f} dB up")
    print(f"HARQ: {metrics.dl_retx} retransmissions down, {metrics.ul_retx} up; BLER {metrics.ul_bler:.1%} up")
    phone.detach()
    print(phone)
