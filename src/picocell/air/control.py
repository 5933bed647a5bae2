"""Changing an air that runs in another process: JSON over a ZeroMQ REP socket, a request and a reply each.

Requests: ``{"set": {"ue1.cell1.loss_db": 95}}``, ``{"get": ["ue1.cell1.loss_db"]}`` (all parameters for an empty
list), ``{"status": true}``, ``{"play": [entries of a scenario]}``, ``{"stop": true}``. A reply has ``error``, a line,
or what was asked for.
"""

import json
from typing import Any, Final

import zmq

from picocell.air.model import Air
from picocell.air.scenario import Scenario, parse
from picocell.radio.errors import RadioError

DEFAULT_ENDPOINT: Final = "tcp://127.0.0.1:2900"
"""Where an air listens for commands."""

TIMEOUT_S: Final = 3.0
"""How long an answer is waited for."""

_LARGEST: Final = 1 << 20


class ControlError(RuntimeError):
    """A command that was refused or not answered, in a line."""


class ControlServer:
    """Answers commands, between two milliseconds.

    Args:
        air: what they change.
        endpoint: where to bind.

    Attributes:
        endpoint: where it is bound; a port chosen by the system is filled in.
        scenarios: those that run.
        stopped: somebody asked for the end.

    Raises:
        RadioError: the endpoint cannot be bound.
    """

    def __init__(self, air: Air, endpoint: str = DEFAULT_ENDPOINT) -> None:
        self._air = air
        self.scenarios: list[Scenario] = []
        self.stopped = False
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.REP)
        self._socket.linger = 200
        self._socket.setsockopt(zmq.MAXMSGSIZE, _LARGEST)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close(0)
            self._context.term()
            raise RadioError(f"control.endpoint {endpoint} cannot be bound: {error.strerror}") from None
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def serve(self) -> None:
        """Answer what was asked meanwhile."""
        while True:
            try:
                request = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._socket.send(json.dumps(self._reply(request)).encode())

    def close(self) -> None:
        """Release the endpoint."""
        self._socket.close()
        self._context.term()

    def _reply(self, request: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(request)
        except ValueError:
            return {"error": "a request is a JSON object"}
        if not isinstance(asked, dict) or len(asked) != 1:
            return {"error": "a request has one of set, get, status, play, stop"}
        [(kind, value)] = asked.items()
        try:
            return self._do(kind, value)
        except ValueError as error:
            return {"error": " ".join(str(error).split())}

    def _do(self, kind: str, value: Any) -> dict[str, Any]:
        match kind, value:
            case "set", dict():
                return {"set": self._set(value)}
            case "get", list():
                wanted = [one for key in value for one in self._air.matching(str(key))] or list(self._air.keys())
                return {"get": {key: _plain(self._air.get(key)) for key in wanted}}
            case "status", _:
                return {"status": status(self._air)}
            case "play", list():
                scenario = parse(value)
                scenario.check(self._air)
                scenario.start = self._air.now
                self.scenarios.append(scenario)
                return {"play": len(scenario.entries)}
            case "stop", _:
                self.stopped = True
                return {"stop": True}
        raise ValueError("allowed are set: {KEY: VALUE}, get: [KEY], status, play: [ENTRY], stop")

    def _set(self, values: dict[str, Any]) -> dict[str, Any]:
        """All of the values, or none of them."""
        before = {key: self._air.get(key) for pattern in values for key in self._air.matching(pattern)}
        try:
            for key, value in values.items():
                self._air.set(key, value)
        except ValueError:
            for key, value in before.items():
                self._air.set(key, value)
            raise
        return {key: _plain(self._air.get(key)) for key in before}


def status(air: Air) -> dict[str, Any]:
    """Time and members, for programs."""
    members = [
        {
            "name": member.name,
            "kind": "cell" if member.is_cell else "phone",
            "carrier": _plain(member.carrier),
            "state": member.state,
            "samples": member.samples,
            "missed_ms": member.missed,
        }
        for member in air.members.values()
    ]
    return {"now_ms": air.now, "members": members}


def request(asked: dict[str, Any], endpoint: str = DEFAULT_ENDPOINT, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Send a command to an air that runs; its reply, which is waited for at most so long.

    Raises:
        ControlError: it was refused, or nobody answers there.
    """
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        try:
            socket.connect(endpoint)
        except zmq.ZMQError as error:
            raise ControlError(f"{endpoint} is no endpoint: {error.strerror}") from None
        socket.send(json.dumps(asked).encode())
        if not socket.poll(round(1000 * timeout_s)):
            raise ControlError(f"no air answers at {endpoint}: start one with picocell air, or give --control")
        reply = json.loads(socket.recv())
    if "error" in reply:
        raise ControlError(str(reply["error"]))
    return dict(reply)


def _plain(value: Any) -> Any:
    """What JSON has."""
    if isinstance(value, float):
        return round(value, 9) if abs(value) < 1e300 else str(value)
    return value if isinstance(value, int | str) else str(value)
