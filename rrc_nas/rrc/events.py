"""What RRC asks of the layers below it, at either end. A base station's come wrapped in a `UeEvent`."""

from dataclasses import dataclass

from picocell.mac.dedicated_config import DedicatedConfig
from picocell.rrc_nas.rrc.bearer_config import BearerChanges
from picocell.rrc_nas.rrc.states import SecurityKeys


@dataclass(frozen=True, slots=True)
class SendSrb:
    """Send an RRC message.

    Attributes:
        srb: 0 for SRB0 (CCCH, RLC TM); 1 or 2 through that bearer's PDCP.
        message: the message, encoded.
    """

    srb: int
    message: bytes


@dataclass(frozen=True, slots=True)
class ConfigureRadio:
    """Give the MAC a UE's configuration, and bring the bearers into line with it.

    Bearers are released first, then those added, then those modified. RLC and PDCP of a modified bearer keep their
    state.
    """

    config: DedicatedConfig
    changes: BearerChanges


@dataclass(frozen=True, slots=True)
class ActivateSecurity:
    """Use these keys in the PDCP entities that exist, and in those to come (TS 36.331 5.3.4.3).

    A direction that is not named stays as it is.

    Attributes:
        keys: keys and algorithms.
        integrity_tx: what is sent from now on is integrity protected.
        integrity_rx: what is received from now on is verified.
        ciphering_tx: what is sent from now on is ciphered.
        ciphering_rx: what is received from now on is deciphered.
    """

    keys: SecurityKeys
    integrity_tx: bool = True
    integrity_rx: bool = True
    ciphering_tx: bool = True
    ciphering_rx: bool = True


@dataclass(frozen=True, slots=True)
class ReestablishBearers:
    """Re-establish PDCP, then RLC, of every bearer under new keys, used in both directions at once (TS 36.331 5.3.7.5).

    SRB1 goes on at once. The other bearers stay suspended until the next `ConfigureRadio`.
    """

    keys: SecurityKeys


@dataclass(frozen=True, slots=True)
class ResetMac:
    """Reset the MAC (TS 36.321 5.9)."""


@dataclass(frozen=True, slots=True)
class ReleaseRadio:
    """Give up all radio resources: bearers, MAC configuration, keys.

    Attributes:
        cause: why, in plain words.
    """

    cause: str


RadioEvent = SendSrb | ConfigureRadio | ActivateSecurity | ReestablishBearers | ResetMac | ReleaseRadio


@dataclass(frozen=True, slots=True)
class UeEvent:
    """An event for the layers of one UE in the base station."""

    rnti: int
    event: RadioEvent
