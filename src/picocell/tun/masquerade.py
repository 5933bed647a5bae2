"""NAT: phones' packets leave the host with the host's address (nftables by netlink, so that no tool is needed)."""

import errno
import os
import socket
from pathlib import Path
from typing import Any, Final

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nftsocket import Cmp
from pyroute2.nftables import expressions
from pyroute2.nftables.main import NFTables

from picocell.ip_device import IpDeviceError, IpDeviceUnavailableError
from picocell.tun import owners
from picocell.tun.place import in_thread

_FORWARDING: Final = Path("/proc/sys/net/ipv4/ip_forward")
_CHAIN: Final = "postrouting"
_PRIORITY_SRCNAT: Final = 100


class Masquerade:
    """A rule in a table of its own that masquerades what leaves an IPv4 subnet, and forwarding switched on.

    It works in the network namespace of the calling thread. A firewall that forbids forwarding stays as it is.

    Args:
        subnet: "172.16.0.0/24".
        name: of the device, in the table's name.

    Attributes:
        table: name of the table.

    Raises:
        ValueError: a subnet of IPv6.
        IpDeviceUnavailableError: no right to do that, or a kernel without nftables.
    """

    def __init__(self, subnet: str, name: str = "tun_pico") -> None:
        if ":" in subnet:
            raise ValueError(f"NAT of {subnet}: IPv4 only")
        for table, note in owners.orphans(_kind()):
            _undo(table, note)
        self.table = f"picocell_{os.getpid()}_{name}"
        self._forwarding: str | None = None
        try:
            self._forwarding = _FORWARDING.read_text().strip()
            owners.claim(_kind(), self.table, self._forwarding)
            _FORWARDING.write_text("1")
            _call(lambda nft: _add(nft, self.table, subnet))
        except NetlinkError as error:
            self.close()
            raise _refused(subnet, error.code) from None
        except OSError as error:
            self.close()
            raise _refused(subnet, error.errno or 0) from None

    def close(self) -> None:
        """Remove the rule, and forwarding if it was not on; more calls do nothing."""
        if self._forwarding is not None:
            _undo(self.table, self._forwarding)
            self._forwarding = None


def _kind() -> str:
    """Of the record: what was left in another network namespace is not looked for here."""
    return f"nat{os.stat('/proc/thread-self/ns/net').st_ino}"


def _refused(subnet: str, code: int) -> IpDeviceUnavailableError:
    if code in (errno.EPERM, errno.EACCES, errno.EROFS):
        return IpDeviceUnavailableError(f"NAT of {subnet} needs CAP_NET_ADMIN (run as root)")
    return IpDeviceUnavailableError(f"NAT of {subnet}: the kernel's nftables refused: {os.strerror(code)}")


def _call(work: Any) -> None:
    """Netlink from a thread that has no event loop, in the namespace of the calling thread (threads inherit it)."""

    def run() -> None:
        with NFTables(nfgen_family=socket.AF_INET) as nft:
            work(nft)

    in_thread(run)


def _add(nft: NFTables, table: str, subnet: str) -> None:
    rule = [
        expressions.ipv4addr(src=subnet),
        expressions.ipv4addr(dst=subnet, op=Cmp.NFT_CMP_NEQ),
        expressions.masq(),
    ]
    nft.begin()
    nft.table("add", name=table)
    nft.chain("add", table=table, name=_CHAIN, type="nat", hook=_CHAIN, priority=_PRIORITY_SRCNAT, policy=1)
    nft.rule("add", table=table, chain=_CHAIN, expressions=rule)
    nft.commit()


def _undo(table: str, forwarding: str) -> None:
    def delete(nft: NFTables) -> None:
        if any(found.get_attr("NFTA_TABLE_NAME") == table for found in nft.get_tables()):
            nft.table("del", name=table)

    try:
        _call(delete)
        if forwarding == "0":
            _FORWARDING.write_text("0")
    except NetlinkError as error:
        raise IpDeviceError(f"cannot remove nftables table {table}: {os.strerror(error.code)}") from None
    except OSError as error:
        raise IpDeviceError(f"cannot undo NAT: {error.strerror}") from None
    owners.release(_kind(), table)
