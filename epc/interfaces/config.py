"""Configuration of transports that both ends of S1 have."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from picocell.epc.interfaces.sctp import Mode, SctpEndpoint, open_endpoint
from picocell.observe.config import Int, Port, Section


def address(value: str) -> str:
    """An IPv4 address in dotted form.

    Raises:
        ValueError: it is none.
    """
    parts = value.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and int(part) <= 255 for part in parts):
        raise ValueError("allowed is an IPv4 address such as 127.0.1.100")
    return ".".join(str(int(part)) for part in parts)


Address = Annotated[str, AfterValidator(address)]
"""An IPv4 address."""
PeerPort = Annotated[Int, Field(ge=1, le=65535)]
"""A port that is sent to."""
SctpMode = Literal["auto", "kernel", "native", "udp"]


_LIBRARY_MODES: Final[dict[SctpMode, Mode]] = {
    "auto": "auto",
    "kernel": "kernel",
    "native": "usrsctp",
    "udp": "usrsctp-udp",
}


class SctpConfig(Section):
    """SCTP; over UDP (RFC 6951) two programs on one address need different UDP ports."""

    mode: SctpMode = Field(
        default="auto",
        description="kernel; native: from user space, needs CAP_NET_RAW; udp; auto: the first that works",
    )
    udp_port: PeerPort | None = Field(
        default=None, description="udp: local port; null: 9899, or any where that is in use"
    )
    peer_udp_port: PeerPort | None = Field(default=None, description="udp: the peer's port; null: 9899")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.mode in ("kernel", "native") and (self.udp_port, self.peer_udp_port) != (None, None):
            raise ValueError(f"udp_port and peer_udp_port are for mode udp, not for mode {self.mode}")
        return self

    def open(self, address: str, port: int) -> SctpEndpoint:
        """An endpoint at an address and port of this machine.

        Raises:
            OSError: it cannot be had; one line says why.
        """
        return open_endpoint(_LIBRARY_MODES[self.mode], address, port, self.udp_port, self.peer_udp_port)


class GtpuConfig(Section):
    """GTP-U, the tunnels of user packets."""

    address: Address = Field(description="IPv4 address told to the peer")
    bind: Address | None = Field(
        default=None, description="address that the socket is bound to, such as 0.0.0.0; null: address"
    )
    port: Port = Field(default=2152, description="local UDP port")
    peer_port: PeerPort = Field(default=2152, description="UDP port of the peers")

    @property
    def bind_address(self) -> str:
        """Address that the socket is bound to."""
        return self.bind if self.bind is not None else self.address
