"""A computer for the doctor on which all is well, and the configurations of the examples, to be spoilt by tests."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import picocell
from picocell.config import load
from picocell.doctor.checks import CHECKS
from picocell.doctor.configurations import Given, Named
from picocell.doctor.machine import Machine
from picocell.doctor.model import Context, Result, examine
from picocell.enb.config import EnbConfig
from picocell.epc.config import EpcConfig
from picocell.ue.config import UeConfig

EXAMPLES = Path(picocell.__file__).parents[2] / "examples" / "config"

FILES = {
    "proc/self/ns/net": "",
    "proc/sys/user/max_user_namespaces": "1000",
    "proc/sys/net/ipv4/ip_forward": "1",
    "proc/sys/kernel/osrelease": "6.1",
    "lib/modules/6.1/modules.dep": "kernel/net/sctp/sctp.ko.xz: kernel/lib/libcrc32c.ko.xz",
    "sys/class/net/lo/mtu": "65536",
    "sys/class/net/eth0/mtu": "1500",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance",
}


def machine(root: Path, files: dict[str, str] | None = None, **changes: Any) -> Machine:
    """A computer below a folder; ``files`` are added, and its other properties changed."""
    for name, text in (FILES | (files or {})).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    good: dict[str, Any] = {
        "root": root,
        "cores": 4,
        "uid": 1000,
        "limit": lambda _kind: -1,
        "port": lambda _kind, _address, _port: 0,
        "openable": lambda _path: 0,
        "netfilter": lambda: True,
        "library": lambda _name: True,
        "module": lambda name: name == "zmq",
        "installed": lambda _name: "99.1",
        "requirements": lambda: ["numpy>=2.0", "ruff>=0.9; extra == 'dev'"],
        "instruction_sets": lambda: ("avx2", ("base", "avx2")),
    }
    return Machine(**(good | changes))


def epc(*words: str, name: str = "epc.yaml") -> Named[EpcConfig]:
    """The example of a core, with keys changed as on the command line."""
    return Named(name, load(EpcConfig, EXAMPLES / "epc.yaml", ["--hss.database", ":memory:", *words]))


def enb(*words: str, name: str = "enb.yaml") -> Named[EnbConfig]:
    """The example of an eNB, likewise."""
    return Named(name, load(EnbConfig, EXAMPLES / "enb.yaml", list(words)))


def ue(*words: str, name: str = "ue.yaml") -> Named[UeConfig]:
    """The example of a phone, likewise."""
    return Named(name, load(UeConfig, EXAMPLES / "ue.yaml", list(words)))


def examples() -> Given:
    """The three examples."""
    return Given((epc(),), (enb(),), (ue(),))


def results(machine: Machine, given: Given | None = None, check: str | None = None, **changes: Any) -> list[Result]:
    """What the doctor finds, all of it or of one check; ``changes`` are other configurations."""
    context = Context(machine, replace(given if given is not None else examples(), **changes))
    return examine(context, [one for one in CHECKS if check in (None, one.name)])


def bad(found: list[Result]) -> list[Result]:
    """Those that are not well."""
    return [one for one in found if one.status != "ok"]
