"""An IP endpoint in this process, without sockets or a clock: ICMP echo, UDP and TCP over packets of bytes.

It stands at both ends of the network where no TUN device is: in a phone, and behind the PDN gateway.
"""

from picocell.inet.host import EchoReply, IpHost, PortInUseError
from picocell.inet.tcp import TcpConnection
from picocell.inet.tcp_state import ConnectionFailedError, TcpState
from picocell.inet.udp import UdpSocket

__all__ = [
    "ConnectionFailedError",
    "EchoReply",
    "IpHost",
    "PortInUseError",
    "TcpConnection",
    "TcpState",
    "UdpSocket",
]
