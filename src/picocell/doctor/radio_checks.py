"""Checks of radios: drivers, and whether both ends of each wire fit."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from picocell.doctor.configurations import RadioOf
from picocell.doctor.model import Context, Finding, check, failed, ok
from picocell.radio.key_values import key_values
from picocell.radio.shm.args import is_shm
from picocell.radio.short_form import expand_short

_DRIVERS = {
    "zmq": ("zmq", "pip install pyzmq", "radios over ZeroMQ"),
    "soapy": ("SoapySDR", "sudo apt-get install python3-soapysdr", "SDRs through SoapySDR"),
    "uhd": ("uhd", "sudo apt-get install python3-uhd", "USRPs"),
}


@check("radio", "packages")
def packages(context: Context) -> Iterator[Finding]:
    """Python modules of the drivers; only those of drivers that are used have to be there."""
    used = {}
    for name, args, _ in context.given.device_args():
        args = expand_short(args)
        values = key_values(args)
        used[values.get("driver") or values.get("device_name") or ("shm" if is_shm(args) else "zmq")] = name
    for driver, (module, install, what) in _DRIVERS.items():
        if context.machine.module(module):
            yield ok(f"{module}: {what}")
        elif driver in used or driver == "zmq":
            whose = f", which {used[driver]} uses" if driver in used else ""
            yield failed(f"{module} is not installed{whose}", install)
        else:
            yield ok(f"{module} is not installed; for {what}: {install}")


@check("radio", "ports are crossed")
def crossed(context: Context) -> Iterator[Finding]:
    """What one sends at its tx_port another asks for at its rx_port, both ways."""
    radios = list(context.given.radios())
    if len({radio.kind for radio in radios}) < 2:
        return
    bad = False
    for radio in radios:
        for endpoint in radio.rx:
            if _same_side(radio, endpoint):
                bad = True
                yield failed(f"{radio.name}: rx_port {endpoint} is its own tx_port", "it is the other's tx_port")
            elif not any(_meets(endpoint, tx) for other in _others(radio, radios) for tx in other.tx):
                bad = True
                there = ", ".join(f"{o.name} {tx}" for o in _others(radio, radios) for tx in o.tx)
                yield failed(f"{radio.name}: nobody sends at its rx_port {endpoint}", f"tx_port there is: {there}")
    for radio in radios:
        peers = _peers(radio, radios)
        if not bad and len(peers) > 1:
            bad = True
            names = " and ".join(peer.name for peer in peers)
            yield failed(f"{radio.name}: both {names} ask for its samples", "picocell air between them shares a cell")
    if not bad:
        yield ok(", ".join(f"{radio.name} – {peer.name}" for radio, peer in _pairs(radios)))


@check("radio", "base_srate")
def base_rate(context: Context) -> Iterator[Finding]:
    """Both ends of a wire count the same samples a second."""
    bad = False
    pairs = _pairs(list(context.given.radios()))
    for one, other in pairs:
        if one.base_srate != other.base_srate:
            bad = True
            rates = f"{one.base_srate / 1e6:g}e6, {other.name} {other.base_srate / 1e6:g}e6"
            yield failed(f"base_srate differs: {one.name} {rates}", "give both the same")
    if pairs and not bad:
        yield ok(", ".join(sorted({f"{one.base_srate / 1e6:g} Msps" for one, _ in pairs})))


@check("radio", "sample rate")
def sample_rate(context: Context) -> Iterator[Finding]:
    """The phone's radio has to hold the cell's bandwidth."""
    bad, found = False, False
    for enb in context.given.enbs:
        for ue in context.given.ues:
            radio = next((radio for radio in context.given.radios() if radio.name == ue.name), None)
            if radio is None:
                continue
            found = True
            if radio.base_srate < enb.config.sample_rate:
                bad = True
                needed = f"{enb.config.sample_rate / 1e6:g}e6"
                yield failed(
                    f"{ue.name}: base_srate={radio.base_srate / 1e6:g}e6 is below the cell's {needed} of {enb.name}",
                    f"base_srate={needed}",
                )
    if found and not bad:
        yield ok("the phones' radios hold the cell")


def _others(radio: RadioOf, radios: list[RadioOf]) -> list[RadioOf]:
    """Radios that one may be connected to: an air's to the processes', an eNB's to phones' or an air's."""
    return [other for other in radios if other.kind != radio.kind]


def _peers(radio: RadioOf, radios: list[RadioOf]) -> list[RadioOf]:
    """Who asks for a radio's samples."""
    return [other for other in _others(radio, radios) if any(_meets(rx, tx) for rx in other.rx for tx in radio.tx)]


def _pairs(radios: list[RadioOf]) -> list[tuple[RadioOf, RadioOf]]:
    """Radios that are connected, each pair once."""
    found = []
    for n, radio in enumerate(radios):
        found += [(radio, peer) for peer in _peers(radio, radios) if radios.index(peer) > n]
    return found


def _same_side(radio: RadioOf, endpoint: str) -> bool:
    return any(_meets(endpoint, tx) for tx in radio.tx)


def _meets(rx: str, tx: str) -> bool:
    """Whether who connects to ``rx`` finds who is bound to ``tx``; hosts of other machines may be anybody's."""
    if not rx.startswith("tcp://") or not tx.startswith("tcp://"):
        return rx == tx
    a, b = urlsplit(rx), urlsplit(tx.replace("*", "0.0.0.0", 1))
    if rx.rpartition(":")[2] != tx.rpartition(":")[2]:
        return False
    near = ("localhost", "127.0.0.1")
    return b.hostname == "0.0.0.0" or a.hostname == b.hostname or (a.hostname in near and b.hostname in near)
