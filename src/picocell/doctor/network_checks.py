"""Checks of the network that processes need: devices, SCTP, addresses, ports, forwarding."""

import errno
import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from picocell.doctor.configurations import Given
from picocell.doctor.model import Context, Finding, check, failed, ok, warning

SCTP_OVER_UDP: Final = 9899
GTPU_HEADERS: Final = 36


class Place(NamedTuple):
    """A port that a configuration wants to itself."""

    kind: Literal["tcp", "udp"]
    address: str
    port: int
    name: str
    key: str


@check("network", "TUN")
def tun(context: Context) -> Iterator[Finding]:
    """The device through which packets of the kernel go into the network."""
    wanted = [name for name, kind, _ in context.given.devices() if kind == "tun"]
    error = context.machine.openable(context.machine.root / "dev/net/tun")
    if not error:
        yield ok("/dev/net/tun can be opened")
        return
    advice = "sudo modprobe tun" if error == errno.ENOENT else "run as root, or: sudo chmod 666 /dev/net/tun"
    text = f"/dev/net/tun: {os.strerror(error)}"
    if wanted:
        yield failed(f"{text}, but ip.kind is tun in {', '.join(wanted)}", f"{advice}; or ip.kind: auto")
    else:
        yield warning(f"{text}: IP hosts are inside the processes", advice)


@check("network", "namespaces")
def namespaces(context: Context) -> Iterator[Finding]:
    """Network namespaces keep phones apart; user namespaces give a TUN without root."""
    machine, problems = context.machine, []
    wanted = [name for name, _, netns in context.given.devices() if netns is not None]
    if not os.path.lexists(machine.root / "proc/self/ns/net"):
        text = "the kernel has no network namespaces"
        yield failed(f"{text}, but ip.netns is given in {', '.join(wanted)}") if wanted else warning(text)
        return
    if wanted and machine.uid != 0:
        yield failed(f"ip.netns in {', '.join(wanted)} needs root", "run as root, or ip.kind: auto without ip.netns")
        return
    if machine.read("proc/sys/user/max_user_namespaces") == "0":
        problems.append("sudo sysctl user.max_user_namespaces=10000")
    if machine.read("proc/sys/kernel/unprivileged_userns_clone") == "0":
        problems.append("sudo sysctl kernel.unprivileged_userns_clone=1")
    if machine.read("proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        problems.append("sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0")
    if problems and machine.uid != 0:
        yield warning("user namespaces are not allowed: no TUN without root", "; ".join(problems))
    else:
        yield ok("network and user namespaces")


@check("network", "SCTP")
def sctp(context: Context) -> Iterator[Finding]:
    """S1AP runs over it: the kernel's, or that of a library."""
    kernel, library = context.machine.kernel_sctp, context.machine.usrsctp
    install = "sudo apt-get install libusrsctp2"
    bad = False
    for name, one in context.given.sctp():
        if one.mode == "kernel" and not kernel:
            bad = True
            yield failed(f"{name}: mme.sctp.mode is kernel, but this kernel has no SCTP", "mme.sctp.mode: auto")
        elif one.mode in ("native", "udp") and not library:
            bad = True
            yield failed(f"{name}: mme.sctp.mode is {one.mode}, but there is no usrsctp", install)
        elif one.mode == "native" and context.machine.uid != 0:
            bad = True
            yield failed(f"{name}: mme.sctp.mode native needs root", "mme.sctp.mode: udp, at both ends")
    if kernel or library:
        if not bad:
            yield ok(" and ".join(name for name, there in (("kernel", kernel), ("usrsctp", library)) if there))
    else:
        yield failed("neither the kernel has SCTP nor is there usrsctp: no eNB reaches a core", install)


@check("network", "addresses")
def addresses(context: Context) -> Iterator[Finding]:
    """Addresses that processes bind to have to be this machine's."""
    wanted = list(dict.fromkeys((place.address, f"{place.name} {place.key}") for place in _places(context.given)))
    wanted += [(enb.config.mme.bind, f"{enb.name} mme.bind") for enb in context.given.enbs]
    bad = False
    for address, where in wanted:
        if context.machine.port("udp", address, 0) == errno.EADDRNOTAVAIL:
            bad = True
            yield failed(
                f"{where}: {address} is no address of this machine",
                f"sudo ip address add {address}/32 dev lo, or another address in {where.split()[0]}",
            )
    if wanted and not bad:
        yield ok(", ".join(sorted({address for address, _ in wanted})))


@check("network", "ports")
def ports(context: Context) -> Iterator[Finding]:
    """Ports have to be free, and each wanted once."""
    places = _places(context.given)
    bad = False
    owners: dict[tuple[str, int], list[Place]] = defaultdict(list)
    for place in places:
        owners[place.kind, place.port].append(place)
    for (kind, port), found in owners.items():
        for other in found[1:]:
            if other.address == found[0].address or "0.0.0.0" in (other.address, found[0].address):
                bad = True
                yield failed(
                    f"{other.name} {other.key} and {found[0].name} {found[0].key} both want {kind} port {port}",
                    f"give {other.name} another one",
                )
    for place in places:
        error = context.machine.port(place.kind, place.address, place.port)
        if error and error != errno.EADDRNOTAVAIL:
            bad = True
            yield failed(
                f"{place.name} {place.key}: {place.kind} {place.address}:{place.port}: {os.strerror(error)}",
                f"end what uses it (ss -{place.kind[0]}lnp), or change {place.key}",
            )
    if places and not bad:
        yield ok(", ".join(f"{kind} {port}" for kind, port in owners) + " are free")


@check("network", "NAT")
def nat(context: Context) -> Iterator[Finding]:
    """Phones reach the Internet through the core's address translation."""
    machine = context.machine
    for epc in context.given.epcs:
        if not epc.config.ip.nat:
            yield ok(f"{epc.name}: ip.nat is off: phones reach the core's host and no further")
            continue
        problems = []
        if machine.uid != 0:
            problems.append(failed(f"{epc.name}: ip.nat needs root", "run the core as root, or ip.nat: false"))
        if not machine.netfilter():
            problems.append(failed(f"{epc.name}: the kernel has no nftables", "sudo modprobe nf_tables"))
        if machine.read("proc/sys/net/ipv4/ip_forward") != "1":
            problems.append(
                warning(
                    f"{epc.name}: IPv4 is not forwarded yet", "sudo sysctl net.ipv4.ip_forward=1 (root: by the core)"
                )
            )
        yield from problems or [ok(f"{epc.name}: nftables and forwarding")]


@check("network", "MTU")
def mtu(context: Context) -> Iterator[Finding]:
    """Packets of phones and the headers of their tunnel have to fit between eNB and core."""
    sizes = {}
    for file in (context.machine.root / "sys/class/net").glob("*/mtu"):
        if file.parent.name != "lo" and (text := file.read_text().strip()).isdigit():
            sizes[file.parent.name] = int(text)
    for epc in context.given.epcs:
        needed = epc.config.pgw.mtu + GTPU_HEADERS
        if epc.config.sgw.address.startswith("127."):
            yield ok(f"{epc.name}: {needed} bytes with the tunnel's headers, on the loopback")
            continue
        small = {name: size for name, size in sizes.items() if 576 <= size < needed and not name.startswith("tun")}
        if small:
            name, size = min(small.items(), key=lambda item: item[1])
            yield warning(
                f"{epc.name}: pgw.mtu {epc.config.pgw.mtu} and {GTPU_HEADERS} bytes do not fit {name} of {size}",
                f"pgw.mtu: {size - GTPU_HEADERS}, if eNBs are reached by {name}",
            )
        else:
            yield ok(f"{epc.name}: {needed} bytes fit every interface")


def _places(given: Given) -> list[Place]:
    """Ports that the configurations want; where the system chooses there is nothing to say."""
    found: list[Place] = []
    for epc in given.epcs:
        mme, sgw = epc.config.mme, epc.config.sgw
        found.append(Place("udp", sgw.bind_address, sgw.port, epc.name, "sgw.port"))
        if mme.sctp.mode == "udp":
            port = mme.sctp.udp_port or SCTP_OVER_UDP
            found.append(Place("udp", mme.address, port, epc.name, "mme.sctp.udp_port"))
    for enb in given.enbs:
        gtpu = enb.config.gtpu
        found.append(Place("udp", gtpu.bind_address, gtpu.port, enb.name, "gtpu.port"))
        if enb.config.mme.sctp.mode == "udp" and enb.config.mme.sctp.udp_port is not None:
            place = Place("udp", enb.config.mme.bind, enb.config.mme.sctp.udp_port, enb.name, "mme.sctp.udp_port")
            found.append(place)
    for radio in given.radios():
        for endpoint in radio.tx:
            if endpoint.startswith("tcp://") and not endpoint.endswith(":*"):
                parts = urlsplit(endpoint.replace("*", "0.0.0.0"))
                host = parts.hostname or "0.0.0.0"
                address = "127.0.0.1" if host == "localhost" else host
                if address.replace(".", "").isdigit():  # names and IPv6 are left to the radio
                    found.append(Place("tcp", address, parts.port or 0, radio.name, "tx_port"))
    return [place for place in found if place.port]
