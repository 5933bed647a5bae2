"""Checks that configurations say the same of what two processes have to agree on."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from picocell.doctor.configurations import Named
from picocell.doctor.model import Context, Finding, check, failed, ok, warning
from picocell.doctor.network_checks import SCTP_OVER_UDP
from picocell.doctor.subscribers import known_subscribers
from picocell.epc.hss.algorithms import OperatorKey, functions
from picocell.epc.hss.subscribers import Subscriber
from picocell.phy.lte.bands import band_of, downlink_frequency
from picocell.ue.config import UeConfig, UsimConfig

_RAND: Final = bytes(range(16))


@check("agreement", "PLMN")
def plmn(context: Context) -> Iterator[Finding]:
    """Core, cell and phone are of one network."""
    for enb, epc in context.given.served():
        a, b = enb.config.enb.plmn, epc.config.mme.plmn
        if a == b:
            yield ok(f"{enb.name} and {epc.name}: {'/'.join(a)}")
        else:
            yield _differ(enb, "enb.plmn", "".join(a), epc, "mme.plmn", "".join(b))
    for ue in context.given.ues:
        wanted = _plmn_of(ue.config)
        for enb in context.given.enbs:
            there = enb.config.enb.plmn
            if wanted != there:
                key = "nas.plmn" if ue.config.nas.plmn is not None else "usim.imsi, its PLMN"
                yield _differ(ue, key, "".join(wanted), enb, "enb.plmn", "".join(there))


@check("agreement", "TAC")
def tac(context: Context) -> Iterator[Finding]:
    """The core serves the cell's tracking area."""
    for enb, epc in context.given.served():
        own, served = enb.config.enb.tac, epc.config.mme.tacs
        if not served or own in served:
            yield ok(f"{enb.name}: {own}")
        else:
            yield _differ(enb, "enb.tac", str(own), epc, "mme.tacs", str(list(served)))


@check("agreement", "S1")
def s1(context: Context) -> Iterator[Finding]:
    """The eNB finds the MME, over the same SCTP."""
    for enb, epc in context.given.served():
        bad = False
        a, b = enb.config.mme, epc.config.mme
        for key, mine, theirs in (("address", a.address, b.address), ("port", a.port, b.port)):
            if mine != theirs:
                bad = True
                yield _differ(enb, f"mme.{key}", str(mine), epc, f"mme.{key}", str(theirs))
        if a.sctp.mode != b.sctp.mode:
            bad = True
            say = warning if "auto" in (a.sctp.mode, b.sctp.mode) else failed
            text = f"{enb.name} mme.sctp.mode {a.sctp.mode}, {epc.name} {b.sctp.mode}"
            yield say(text, "the same mode at both ends")
        elif a.sctp.mode == "udp" and (a.sctp.peer_udp_port or SCTP_OVER_UDP) != (b.sctp.udp_port or SCTP_OVER_UDP):
            bad = True
            ports = str(a.sctp.peer_udp_port or SCTP_OVER_UDP), str(b.sctp.udp_port or SCTP_OVER_UDP)
            yield _differ(enb, "mme.sctp.peer_udp_port", ports[0], epc, "mme.sctp.udp_port", ports[1])
        if not bad:
            yield ok(f"{enb.name} to {epc.name}: {a.address}:{a.port}")


@check("agreement", "GTP-U")
def gtpu(context: Context) -> Iterator[Finding]:
    """Tunnels end at the ports that the other side sends to."""
    for enb, epc in context.given.served():
        a, b = enb.config.gtpu, epc.config.sgw
        bad = False
        if b.port and a.peer_port != b.port:
            bad = True
            yield _differ(enb, "gtpu.peer_port", str(a.peer_port), epc, "sgw.port", str(b.port))
        if a.port and b.peer_port != a.port:
            bad = True
            yield _differ(enb, "gtpu.port", str(a.port), epc, "sgw.peer_port", str(b.peer_port))
        if not bad:
            yield ok(f"{enb.name} {a.address}:{a.port}, {epc.name} {b.address}:{b.port}")


@check("agreement", "EARFCN")
def earfcn(context: Context) -> Iterator[Finding]:
    """A channel number is of the cell's band, and the phone's is the cell's."""
    for enb in context.given.enbs:
        number, own = enb.config.enb.earfcn, enb.config.enb.band
        band = band_of(number)
        if band is None or band.number != own:
            found = "of no band" if band is None else f"of band {band.number}"
            yield failed(f"{enb.name}: enb.earfcn {number} is {found}, enb.band is {own}", _in_band(own))
        elif band.duplex != "FDD":
            yield failed(f"{enb.name}: band {own} is {band.duplex}", "FDD is supported: such as band 7, EARFCN 3350")
        else:
            yield ok(f"{enb.name}: band {own}, {(downlink_frequency(number) or 0) / 1e6:g} MHz")
        for ue in context.given.ues:
            if ue.config.radio.earfcn != number:
                yield _differ(ue, "radio.earfcn", str(ue.config.radio.earfcn), enb, "enb.earfcn", str(number))


@check("agreement", "subscribers")
def subscribers(context: Context) -> Iterator[Finding]:
    """The core knows each phone, by the same keys."""
    for imsi, n in Counter(ue.config.usim.imsi for ue in context.given.ues).items():
        if n > 1:
            yield failed(f"IMSI {imsi} is that of {n} phones", "give each phone one of its own")
    for epc in context.given.epcs:
        known, problem = known_subscribers(epc.config)
        if problem:
            yield warning(f"{epc.name}: {problem}")
        for ue in context.given.ues:
            one = known.get(ue.config.usim.imsi)
            if one is None:
                advice = f"add it to hss.subscribers of {epc.name}, or: picocell subscriber add"
                yield failed(f"{ue.name}: IMSI {ue.config.usim.imsi} is not known to {epc.name}", advice)
            else:
                yield _same_keys(ue, ue.config.usim, epc, one)


@check("agreement", "APN")
def apn(context: Context) -> Iterator[Finding]:
    """The access point that a phone asks for is one of its own, and of the gateway."""
    for epc in context.given.epcs:
        served = epc.config.pgw.apns
        known, _ = known_subscribers(epc.config)
        for ue in context.given.ues:
            one = known.get(ue.config.usim.imsi)
            if one is None:
                continue
            wanted = ue.config.nas.apn or one.apns[0]
            if wanted not in one.apns and "*" not in one.apns:
                yield _differ(ue, "nas.apn", wanted, epc, "the subscriber's apns", ", ".join(one.apns))
            elif wanted not in served and "*" not in served:
                yield _differ(ue, "the APN", wanted, epc, "pgw.apns", ", ".join(served))
            else:
                yield ok(f"{ue.name}: {wanted}")


@check("agreement", "algorithms")
def algorithms(context: Context) -> Iterator[Finding]:
    """Phone, core and cell have algorithms in common."""
    for ue in context.given.ues:
        for kind in ("eea", "eia"):
            mine = set(getattr(ue.config.nas, kind))
            sides = [(epc, "mme", getattr(epc.config.mme, kind)) for epc in context.given.epcs]
            sides += [(enb, "enb", getattr(enb.config.enb, kind)) for enb in context.given.enbs]  # type: ignore[misc]
            for other, section, theirs in sides:
                if not mine & set(theirs):
                    names = [", ".join(one.name for one in sorted(some)) for some in (mine, theirs)]
                    yield _differ(ue, f"nas.{kind}", names[0], other, f"{section}.{kind}", names[1])


def _same_keys(ue: Named[UeConfig], usim: UsimConfig, epc: Named[Any], one: Subscriber) -> Finding:
    """Whether both sides compute the same; if not, what is different. No key is shown."""
    kind = OperatorKey.OPC if usim.opc is not None else OperatorKey.OP
    if usim.algorithm != one.algorithm.value:
        return _differ(ue, "usim.algorithm", usim.algorithm, epc, "the subscriber's algorithm", one.algorithm.value)
    if usim.k != one.k:
        return failed(f"K of IMSI {one.imsi} differs: {ue.name} usim.k, {epc.name}", "give both the same K")
    mine = functions(one.algorithm, usim.k, kind, usim.opc or usim.op or b"")
    if mine.f2345(_RAND) != one.functions().f2345(_RAND):
        return failed(
            f"OPc of IMSI {one.imsi} differs: {ue.name} usim.{kind.value.lower()}, {epc.name}", "the same OPc"
        )
    if not one.enabled:
        return failed(f"IMSI {one.imsi} is barred in {epc.name}", "enable the subscriber")
    return ok(f"{ue.name}: IMSI {one.imsi}, K and OPc are those of {epc.name}")


def _plmn_of(config: UeConfig) -> tuple[str, str]:
    """The network that a phone looks for."""
    if config.nas.plmn is not None:
        return config.nas.plmn
    return config.usim.imsi[:3], config.usim.imsi[3 : 3 + config.usim.mnc_digits]


def _in_band(number: int) -> str:
    from picocell.phy.lte.bands import bands

    band = next((band for band in bands() if band.number == number), None)
    if band is None:
        return "there is no such band"
    return f"band {number} has {band.downlink_earfcns.start} to {band.downlink_earfcns.stop - 1}"


def _differ(a: Named[Any], key_a: str, value_a: str, b: Named[Any], key_b: str, value_b: str) -> Finding:
    return failed(f"{a.name} {key_a} is {value_a}, {b.name} {key_b} is {value_b}", "make them agree")
