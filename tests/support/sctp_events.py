"""Waiting for the events of an SCTP endpoint."""

import time
from typing import Any

import pytest

from picocell.epc.interfaces.sctp import SctpEndpoint
from support.waiting import LONG_S

PORT = 36412


def await_event(endpoint: SctpEndpoint, seconds: float = LONG_S) -> Any:
    """The next event."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        event = endpoint.next_event()
        if event is not None:
            return event
        time.sleep(0.002)
    pytest.fail(f"no event within {seconds} s")
