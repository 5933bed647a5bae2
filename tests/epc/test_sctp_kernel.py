"""The kernel's SCTP: structures as its headers have them, and an endpoint over a kernel that is played."""

import errno
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from picocell.epc.interfaces import sctp
from picocell.epc.interfaces.sctp import (
    AssociationDown,
    AssociationUp,
    SctpMessage,
    endpoint,
    kernel,
)
from support.sctp_events import PORT, await_event


def test_structures_are_those_of_the_headers(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/linux/sctp.h").exists():
        pytest.skip("no C compiler or no linux/sctp.h")
    names = ["sctp_initmsg", "sctp_rtoinfo", "sctp_assocparams", "sctp_paddrparams", "sctp_sndrcvinfo"]
    prints = "".join(f'printf("%zu ", sizeof(struct {name}));' for name in names)
    offsets = "".join(
        f'printf("%zu ", offsetof(struct {struct_}, {member}));'
        for struct_, member in (
            ("sctp_paddrparams", "spp_hbinterval"),
            ("sctp_paddrparams", "spp_pathmaxrxt"),
            ("sctp_paddrparams", "spp_sackdelay"),
            ("sctp_paddrparams", "spp_flags"),
            ("sctp_assocparams", "sasoc_asocmaxrxt"),
            ("sctp_sndrcvinfo", "sinfo_ppid"),
            ("sctp_sndrcvinfo", "sinfo_assoc_id"),
            ("sctp_assoc_change", "sac_assoc_id"),
        )
    )
    constants = (
        "SCTP_INITMSG, SCTP_RTOINFO, SCTP_ASSOCINFO, SCTP_NODELAY, SCTP_PEER_ADDR_PARAMS, SCTP_EVENTS, "
        "SCTP_ASSOC_CHANGE, MSG_NOTIFICATION, SCTP_ABORT, SCTP_EOF, SCTP_SNDRCV, SPP_HB_ENABLE, SPP_SACKDELAY_ENABLE"
    )
    source = tmp_path / "sizes.c"
    source.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <sys/socket.h>\n#include <netinet/in.h>\n"
        "#include <linux/sctp.h>\n"
        f"int main(void) {{ {prints} {offsets} int c[] = {{{constants}}};"
        'for (unsigned i = 0; i < sizeof c / sizeof *c; i++) printf("%d ", c[i]); return 0; }'
    )
    subprocess.run([compiler, "-o", str(tmp_path / "sizes"), str(source)], check=True, timeout=300)
    numbers = list(map(int, subprocess.run([str(tmp_path / "sizes")], capture_output=True, check=True).stdout.split()))
    lengths = {name: len(value) for level, name, value in kernel.options() if level == kernel.IPPROTO_SCTP}
    options = [kernel.INITMSG, kernel.RTOINFO, kernel.ASSOCINFO, kernel.PEER_ADDR_PARAMS]
    assert numbers[:5] == [*(lengths[option] for option in options), kernel.SNDRCVINFO.size]
    assert numbers[5:13] == [132, 136, 142, 146, 4, 8, 28, 16]
    assert numbers[13:] == [
        kernel.INITMSG,
        kernel.RTOINFO,
        kernel.ASSOCINFO,
        kernel.NODELAY,
        kernel.PEER_ADDR_PARAMS,
        kernel.EVENTS,
        kernel.ASSOC_CHANGE,
        kernel.NOTIFICATION,
        kernel.SEND_ABORT,
        kernel.SEND_EOF,
        kernel.SNDRCV,
        kernel.HEARTBEAT_ENABLE,
        kernel.SACK_DELAY_ENABLE,
    ]


class PlayedKernel:
    """A socket of the kernel's SCTP as far as the endpoint uses it."""

    def __init__(self, *_: int) -> None:
        self._here, self._there = socket.socketpair()
        self._here.setblocking(False)
        self.incoming: list[tuple[bytes, list[tuple[int, int, bytes]], int, tuple[str, int]]] = []
        self.sent: list[tuple[bytes, tuple[int, ...]]] = []
        self.full = False

    def setblocking(self, _: bool) -> None: ...
    def setsockopt(self, *_: object) -> None: ...
    def bind(self, _: object) -> None: ...
    def listen(self, _: int) -> None: ...

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 40000

    def connect_ex(self, _: object) -> int:
        return errno.EINPROGRESS

    def fileno(self) -> int:
        return self._here.fileno()

    def close(self) -> None:
        self._here.close()
        self._there.close()

    def deliver(self, data: bytes, flags: int, info: bytes = b"") -> None:
        control = [(kernel.IPPROTO_SCTP, kernel.SNDRCV, info)] if info else []
        self.incoming.append((data, control, flags, ("127.0.1.100", PORT)))
        self._there.send(b"\0")

    def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, tuple[str, int]]:
        self._here.recv(1)
        return self.incoming.pop(0)

    def sendmsg(self, data: list[bytes], control: list[tuple[int, int, bytes]], _: int) -> None:
        if self.full:
            raise BlockingIOError
        self.sent.append((data[0], kernel.SNDRCVINFO.unpack(control[0][2])))


def test_the_endpoint_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    played = PlayedKernel()
    real = socket.socket

    def make(*arguments: Any, **keywords: Any) -> Any:
        return played if kernel.IPPROTO_SCTP in arguments else real(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(kernel.socket, "socket", make)
        client = kernel.KernelEndpoint("127.0.0.1", 0)
    assert client.port == 40000
    number = client.connect("127.0.1.100", PORT)
    change = endpoint.ASSOCIATION_CHANGE
    played.deliver(change.pack(kernel.ASSOC_CHANGE, 0, 20, 0, 0, 10, 12, 77), kernel.NOTIFICATION)
    assert await_event(client) == AssociationUp(number, ("127.0.1.100", PORT), 10, 12)
    played.full = True
    client.send(number, b"out", stream=2)
    assert not played.sent
    played.full = False
    info = kernel.SNDRCVINFO.pack(3, 0, 0, socket.htonl(18), 0, 0, 0, 0, 77)
    played.deliver(b"in ", 0, info)
    played.deliver(b"parts", socket.MSG_EOR, info)
    assert await_event(client) == SctpMessage(number, 3, 18, b"in parts")
    assert played.sent == [(b"out", (2, 0, 0, socket.htonl(18), 0, 0, 0, 0, 77))]
    played.deliver(change.pack(kernel.ASSOC_CHANGE, 0, 20, 2, 0, 10, 12, 77), kernel.NOTIFICATION)
    assert await_event(client) == AssociationDown(number, "restarted by the peer")
    assert await_event(client) == AssociationUp(number + 1, ("127.0.1.100", PORT), 10, 12)
    played.deliver(change.pack(kernel.ASSOC_CHANGE, 0, 20, 1, errno.ETIMEDOUT, 0, 0, 77), kernel.NOTIFICATION)
    assert "does not answer" in await_event(client).reason
    client.close()


def test_without_sctp_in_the_kernel_that_is_said() -> None:
    if kernel.available():
        pytest.skip("this kernel has SCTP")
    with pytest.raises(sctp.SctpError, match="this kernel has no SCTP"):
        sctp.open_endpoint("kernel")
