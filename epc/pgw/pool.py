"""Addresses for phones (TS 23.401 5.3.1)."""

import heapq
from collections import deque
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network


class PoolEmptyError(Exception):
    """All dynamic addresses are in use."""


class AddressInUseError(Exception):
    """A static address is another phone's."""


class AddressPool:
    """Addresses of one IPv4 network: the lowest that has rested, so that one that was let go is not used at once.

    The first address is the gateway's; the network's own and the broadcast address are nobody's.
    """

    def __init__(self, network: str, *, reserved: Iterable[str] = (), rest_ms: int = 60_000) -> None:
        """Start with all addresses free.

        Args:
            network: such as ``172.16.0.0/24``; /30 is the smallest.
            reserved: addresses that are given out only as static ones.
            rest_ms: how long an address rests after use. It is used sooner where there is no other.

        Raises:
            ValueError: no such network.
        """
        self.network = IPv4Network(network)
        if self.network.prefixlen > 30:
            raise ValueError(f"address pool {network}; allowed are networks from /0 to /30")
        self.gateway = self.network[1]
        self._reserved = frozenset(int(IPv4Address(address)) for address in reserved)
        self._rest = rest_ms
        self._next, self._last = int(self.network[2]), int(self.network[-2])
        self._rested: list[int] = []
        self._resting: deque[tuple[int, int]] = deque()
        self._used: set[int] = set()

    def __len__(self) -> int:
        """How many addresses are in use."""
        return len(self._used)

    def allocate(self, now: int) -> IPv4Address:
        """A dynamic address.

        Raises:
            PoolEmptyError: there is none.
        """
        while self._resting and self._resting[0][1] <= now:
            heapq.heappush(self._rested, self._resting.popleft()[0])
        value = self._take_rested()
        while value is None and self._next <= self._last:
            candidate, self._next = self._next, self._next + 1
            value = candidate if self._is_free(candidate) else None
        while value is None and self._resting:
            candidate = self._resting.popleft()[0]
            value = candidate if self._is_free(candidate) else None
        if value is None:
            raise PoolEmptyError(f"all addresses of {self.network} are in use")
        self._used.add(value)
        return IPv4Address(value)

    def claim(self, address: IPv4Address) -> None:
        """Give out a static address, of the network or not.

        Raises:
            AddressInUseError: it is another phone's, or the gateway's.
        """
        if int(address) in self._used or address == self.gateway:
            raise AddressInUseError(f"static address {address} is in use")
        self._used.add(int(address))

    def release(self, address: IPv4Address, now: int) -> None:
        """Take an address back."""
        value = int(address)
        if value not in self._used:
            return
        self._used.discard(value)
        if address in self.network and value not in self._reserved and value < self._next:
            self._resting.append((value, now + self._rest))

    def _take_rested(self) -> int | None:
        while self._rested:
            value = heapq.heappop(self._rested)
            if self._is_free(value):
                return value
        return None

    def _is_free(self, value: int) -> bool:
        return value not in self._used and value not in self._reserved
