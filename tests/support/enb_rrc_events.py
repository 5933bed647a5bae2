"""Looking into the events of an eNB's RRC."""

from typing import Any

from picocell.rrc_nas.rrc.enb_settings import Erab
from picocell.rrc_nas.rrc.events import UeEvent
from support.enb_rrc_harness import (
    sent,
)

RELEASE = ("nas", "normal-release")
MORE = (Erab(6, 1, b"dedicated"), Erab(7, 5))


def names(events: list[Any]) -> list[str]:
    return [name for _, name, _, _ in sent(events)]


def kinds(events: list[Any]) -> list[type]:
    return [type(event.event if isinstance(event, UeEvent) else event) for event in events]


def only(events: list[Any], kind: type) -> Any:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found
