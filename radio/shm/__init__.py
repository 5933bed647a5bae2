"""Samples through shared memory between two programs on one host: the zmq radio's rules without a socket in between."""

from picocell.radio.shm.args import ShmArgs
from picocell.radio.shm.radio import ShmRadio

__all__ = ["ShmArgs", "ShmRadio"]
