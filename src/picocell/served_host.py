"""The host behind a core's gateway where there is no TUN: it answers pings, and has the simple services."""

from collections.abc import Sequence

from picocell.inet.services import SimpleServices
from picocell.tun import HostDevice
from picocell.tun.host import monotonic_ms


class ServedHost(HostDevice):
    """A host in this process with echo, discard and character generator at its TCP ports 7, 9 and 19."""

    description = "a host in this process, with the TCP services echo, discard and chargen"

    def __init__(self) -> None:
        super().__init__()
        self._services: SimpleServices | None = None

    def configure(
        self, address: str, prefix: int, mtu: int, *, peer: str | None = None, routes: Sequence[str] | None = None
    ) -> None:
        """Give the host its address; its services begin anew.

        Raises:
            ValueError: an address, prefix, MTU or route that is none.
        """
        super().configure(address, prefix, mtu, peer=peer, routes=routes)
        self._services = SimpleServices(self.host)

    def read(self) -> list[bytes]:
        """Packets that the host sends, after its services have had their turn."""
        if self._services is not None:
            self._services.serve(monotonic_ms())
        return super().read()
