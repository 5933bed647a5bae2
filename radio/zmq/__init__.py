"""The virtual radio: samples over ZeroMQ, as the open LTE stacks exchange them.

Each end binds a REP socket a transmit channel and connects a REQ socket a receive channel. A request is a byte, a reply
is one frame of bare complex float32 samples, and the number of samples is the clock.
"""

from picocell.radio.zmq.args import ZmqArgs
from picocell.radio.zmq.radio import Counters, ZmqRadio

__all__ = ["Counters", "ZmqArgs", "ZmqRadio"]
