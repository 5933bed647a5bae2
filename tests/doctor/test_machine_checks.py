"""Each check of the computer and its network, on a computer that was made for it."""

import errno
import resource
from pathlib import Path
from typing import Any

import pytest

from picocell.doctor.configurations import Given
from picocell.doctor.machine import Machine
from support.doctor_bench import bad, enb, epc, machine, results, ue

GOVERNOR = "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor"


@pytest.mark.parametrize(
    ("check", "files", "changes", "status", "text", "advice"),
    [
        ("CPU governor", {GOVERNOR: "powersave"}, {}, "warning", "performance, powersave", "cpupower"),
        ("cores", {}, {"cores": 1}, "warning", "1 core", "more cores"),
        (
            "real-time priority",
            {},
            {"limit": lambda kind: 0 if kind == resource.RLIMIT_RTPRIO else -1},
            "warning",
            "RLIMIT_RTPRIO is 0",
            "rtprio 99",
        ),
        (
            "memory lock",
            {},
            {"limit": lambda kind: 8 << 20 if kind == resource.RLIMIT_MEMLOCK else -1},
            "warning",
            "RLIMIT_MEMLOCK is 8 MiB",
            "memlock unlimited",
        ),
        (
            "instruction set",
            {},
            {"instruction_sets": lambda: ("base", ("base", "avx2"))},
            "warning",
            "base is used where avx2 could be",
            "PICOCELL_ISA",
        ),
        ("instruction set", {}, {"instruction_sets": lambda: ("base", ("base",))}, "warning", "no AVX2", "processor"),
        ("versions", {}, {"installed": lambda _: "1.26.4"}, "failed", "numpy 1.26.4, 2.0 is needed", "pip install"),
        ("versions", {}, {"installed": lambda _: None}, "failed", "numpy is missing", "pip install 'numpy>=2.0'"),
        ("TUN", {}, {"openable": lambda _: errno.ENOENT}, "warning", "No such file", "modprobe tun"),
        ("TUN", {}, {"openable": lambda _: errno.EACCES}, "warning", "Permission denied", "root"),
        (
            "namespaces",
            {"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},
            {},
            "warning",
            "user namespaces are not allowed",
            "apparmor_restrict_unprivileged_userns=0",
        ),
        (
            "namespaces",
            {"proc/sys/user/max_user_namespaces": "0"},
            {},
            "warning",
            "not allowed",
            "max_user_namespaces=10000",
        ),
        (
            "SCTP",
            {"lib/modules/6.1/modules.dep": "kernel/net/tun.ko:"},
            {"library": lambda _: False},
            "failed",
            "neither the kernel has SCTP nor is there usrsctp",
            "libusrsctp2",
        ),
        (
            "addresses",
            {},
            {"port": lambda _kind, address, _port: errno.EADDRNOTAVAIL if address == "127.0.1.1" else 0},
            "failed",
            "enb.yaml gtpu.port: 127.0.1.1 is no address of this machine",
            "sudo ip address add 127.0.1.1/32",
        ),
        (
            "ports",
            {},
            {"port": lambda kind, _address, port: errno.EADDRINUSE if (kind, port) == ("tcp", 2000) else 0},
            "failed",
            "enb.yaml tx_port: tcp 0.0.0.0:2000: Address already in use",
            "ss -tlnp",
        ),
        ("packages", {}, {"module": lambda _: False}, "failed", "zmq is not installed", "pip install pyzmq"),
    ],
)
def test_what_is_found(
    tmp_path: Path, check: str, files: dict[str, str], changes: dict[str, Any], status: str, text: str, advice: str
) -> None:
    assert not bad(results(machine(tmp_path), check=check))
    found = bad(results(machine(tmp_path, files, **changes), check=check))
    assert found[0].status == status
    assert text in found[0].text
    assert advice in found[0].advice


def test_root_needs_no_limits(tmp_path: Path) -> None:
    spoilt = machine(tmp_path, {"proc/sys/user/max_user_namespaces": "0"}, uid=0, limit=lambda _: 0)
    assert not bad(results(spoilt, Given()))


def test_what_a_configuration_wants_has_to_be_there(tmp_path: Path) -> None:
    without = machine(tmp_path, openable=lambda _: errno.EACCES)
    [found] = bad(results(without, check="TUN", ues=(ue("--ip.kind", "tun"),)))
    assert (found.status, "ip.kind is tun in ue.yaml" in found.text) == ("failed", True)
    [found] = bad(results(machine(tmp_path), check="namespaces", ues=(ue("--ip.netns", "phone"),)))
    assert (found.status, "ip.netns in ue.yaml needs root" in found.text) == ("failed", True)
    [found] = bad(results(machine(tmp_path), check="packages", ues=(ue("--radio.args", "driver=uhd"),)))
    assert (found.status, found.text) == ("failed", "uhd is not installed, which ue.yaml uses")


@pytest.mark.parametrize(
    ("mode", "kernel", "library", "text"),
    [
        ("kernel", False, True, "epc.yaml: mme.sctp.mode is kernel, but this kernel has no SCTP"),
        ("udp", True, False, "epc.yaml: mme.sctp.mode is udp, but there is no usrsctp"),
        ("native", True, True, "epc.yaml: mme.sctp.mode native needs root"),
        ("auto", True, False, None),
        ("auto", False, True, None),
    ],
)
def test_sctp(tmp_path: Path, mode: str, kernel: bool, library: bool, text: str | None) -> None:
    files = {} if kernel else {"lib/modules/6.1/modules.dep": ""}
    made = machine(tmp_path, files, library=lambda _: library)
    assert made.kernel_sctp == kernel
    found = bad(results(made, check="SCTP", epcs=(epc("--mme.sctp.mode", mode),)))
    assert [one.text for one in found] == ([] if text is None else [text])


def test_nat(tmp_path: Path) -> None:
    core = (epc("--ip.nat", "true"),)
    assert not bad(results(machine(tmp_path, uid=0), check="NAT", epcs=core))
    spoilt = machine(tmp_path, {"proc/sys/net/ipv4/ip_forward": "0"}, netfilter=lambda: False)
    found = bad(results(spoilt, check="NAT", epcs=core))
    assert [one.status for one in found] == ["failed", "failed", "warning"]
    assert "needs root" in found[0].text
    assert "nf_tables" in found[1].advice
    assert "sysctl net.ipv4.ip_forward=1" in found[2].advice


def test_mtu(tmp_path: Path) -> None:
    far = (epc("--sgw.address", "192.0.2.1"),)
    assert not bad(results(machine(tmp_path), check="MTU", epcs=far))
    [found] = bad(results(machine(tmp_path, {"sys/class/net/eth0/mtu": "1400"}), check="MTU", epcs=far))
    assert found.text == "epc.yaml: pgw.mtu 1400 and 36 bytes do not fit eth0 of 1400"
    assert "pgw.mtu: 1364" in found.advice


def test_a_phone_whose_radio_is_too_slow_for_the_cell(tmp_path: Path) -> None:
    args = "tx_port=tcp://*:{},rx_port=tcp://localhost:{},base_srate={}"
    cell = enb("--radio.args", args.format(2000, 2001, "11.52e6"), "--enb.n-prb", "50")
    phone = ue("--radio.args", args.format(2001, 2000, "5.76e6"))
    found = bad(results(machine(tmp_path), enbs=(cell,), ues=(phone,)))
    assert [one.check for one in found] == ["base_srate", "sample rate"]
    assert "base_srate=5.76e6 is below the cell's 11.52e6" in found[1].text


def test_shared_memory_is_a_wire_as_well(tmp_path: Path) -> None:
    args = "driver=shm,tx_shm={},rx_shm={},base_srate=5.76e6"
    cell = (enb("--radio.args", args.format("cell.dl", "cell.ul")),)
    assert not bad(results(machine(tmp_path), enbs=cell, ues=(ue("--radio.args", args.format("cell.ul", "cell.dl")),)))
    found = bad(results(machine(tmp_path), enbs=cell, ues=(ue("--radio.args", args.format("cell.up", "cell.dl")),)))
    assert [one.text for one in found] == ["enb.yaml: nobody sends at its rx_port shm:cell.ul"]


def test_a_recording_needs_no_peer(tmp_path: Path) -> None:
    found = results(machine(tmp_path), ues=(ue("--radio.args", "file:cell.sigmf-meta,loop=true"),))
    assert not bad(found)


def test_this_computer_is_looked_at_without_an_error() -> None:
    found = results(Machine())
    assert {one.check for one in found} >= {"cores", "TUN", "SCTP", "ports", "versions"}
    assert not [one for one in found if one.check == "versions" and one.status != "ok"]
