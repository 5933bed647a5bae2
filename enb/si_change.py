"""Changes of a serving cell's system information: announced by paging for a modification period (36.331 5.2.1.3)."""

from dataclasses import dataclass, replace
from typing import Any

from picocell.enb.broadcast import BroadcastScheduler
from picocell.enb.settings import EnbSettings
from picocell.enb.system_information import next_value_tag, sib1, system_information

_RADIO = "radioResourceConfigCommon"


@dataclass(frozen=True, slots=True)
class SystemInformationChange:
    """What is to be broadcast from the beginning of a modification period on.

    Attributes:
        settings: the eNB's, with the new blocks.
        sib1: the SIB1 message.
        payloads: the SI messages.
    """

    settings: EnbSettings
    sib1: bytes
    payloads: list[bytes]

    def take_effect(self, broadcast: BroadcastScheduler) -> None:
        """Broadcast it."""
        broadcast.change(self.sib1, self.payloads)


def prepare(
    settings: EnbSettings,
    value_tag: int,
    *,
    sib2: dict[str, Any] | None = None,
    sib3: dict[str, Any] | None = None,
    barred: bool = False,
) -> SystemInformationChange:
    """The change to other blocks.

    Args:
        settings: the eNB's so far.
        value_tag: systemInfoValueTag so far.
        sib2: SIB2; as it was when None.
        sib3: SIB3; likewise.
        barred: cellBarred of SIB1.

    Raises:
        ValueError: a SIB2 of other common radio resources, which only a new start of the eNB changes.
        Asn1Error: a value that the messages do not allow.
    """
    before = settings.sibs()
    blocks = {2: before[2] if sib2 is None else sib2, 3: before[3] if sib3 is None else sib3}
    changed = [name for name in before[2][_RADIO] if blocks[2][_RADIO].get(name) != before[2][_RADIO][name]]
    if changed or blocks[2].get("freqInfo") != before[2].get("freqInfo"):
        names = ", ".join(changed) or "freqInfo"
        raise ValueError(f"{names} of SIB2 cannot change while the cell serves: make the eNB anew")
    first = sib1(settings.identity, value_tag=next_value_tag(value_tag), barred=barred)
    return SystemInformationChange(
        replace(settings, sib2=blocks[2], sib3=blocks[3]), first, [system_information(blocks)]
    )
