"""The air between many radios, as an object and as a process."""

from picocell.air.links import Link, Member
from picocell.air.members import Endpoint, LocalEndpoint, ZmqEndpoint
from picocell.air.model import Air, AirEvent
from picocell.air.shm_member import ShmEndpoint

__all__ = ["Air", "AirEvent", "Endpoint", "Link", "LocalEndpoint", "Member", "ShmEndpoint", "ZmqEndpoint"]
