"""A user namespace with a network of its own, for those who are not root: a child process holds it.

A process with threads cannot enter a user namespace, so what is to be done there is asked of the child over a socket
pair; the TUN's descriptor comes back over it. The child ends with the socket, and the namespace with the child.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from picocell.ip_device import IpDeviceError, IpDeviceUnavailableError
from picocell.tun import links
from picocell.tun.network_namespace import CLONE_NEWNET, CLONE_NEWUSER, unshare
from picocell.tun.place import OPERATIONS, Argument, in_thread

_MESSAGE: Final = 65_536
_KINDS: Final[dict[str, type[Exception]]] = {
    error.__name__: error for error in (IpDeviceError, IpDeviceUnavailableError, ValueError)
}
_PATIENCE: Final = 20.0


class UserNamespace:
    """A user namespace in which this user is root, with an empty network.

    Attributes:
        pid: of the process that holds it.

    Raises:
        IpDeviceUnavailableError: the system does not let this user make one.
    """

    own = True

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()})"]
            try:
                self._child = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
            except OSError as error:
                self._socket.close()
                raise IpDeviceUnavailableError(f"cannot start {sys.executable}: {error.strerror}") from None
        self._socket.settimeout(_PATIENCE)
        self.pid = self._child.pid
        self.description = f"in a user namespace (nsenter -t {self.pid} -U -n --preserve-credentials)"
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def call(self, operation: str, *arguments: Argument) -> int | None:
        """Do one of the operations of a place, in the child."""
        self._socket.send(json.dumps([operation, *arguments]).encode())
        return self._answer()

    def close(self) -> None:
        """End the child."""
        self._socket.close()
        try:
            self._child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _answer(self) -> int | None:
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, _MESSAGE, 1)
        except OSError as error:
            raise IpDeviceError(f"the user namespace's process does not answer: {error}") from None
        if not data:
            raise IpDeviceError("the user namespace's process has ended")
        kind, text = json.loads(data)
        if kind:
            raise _KINDS.get(kind, IpDeviceError)(text)
        return fds[0] if fds else None


def _enter() -> None:
    """Put this process into the new namespaces as their root."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError as error:
        raise IpDeviceUnavailableError(f"cannot make a user namespace: {error.strerror}") from None
    in_thread(links.loopback_up)


def serve(descriptor: int) -> None:
    """Be the child: enter the namespaces, then do what is asked until the other end closes."""
    link = socket.socket(fileno=descriptor)
    fd: int | None = None
    request: list[Argument] = []
    while True:
        kind = text = ""
        try:
            fd = None
            if request:
                operation, *arguments = request
                fd = OPERATIONS[str(operation)](*arguments)
            else:
                _enter()
        except Exception as error:
            kind, text = type(error).__name__, str(error)
        socket.send_fds(link, [json.dumps([kind, text]).encode()], [] if fd is None else [fd])
        if fd is not None:
            os.close(fd)
        data = link.recv(_MESSAGE)
        if not data:
            return
        request = json.loads(data)
