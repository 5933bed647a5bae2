"""What both ends of RRC hold about a connection: its security keys (TS 33.401 6.2, TS 36.331 5.3.1.2)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self

from picocell.rrc_nas.security import keys
from picocell.rrc_nas.security.algorithms import Eea, Eia


class RrcMode(StrEnum):
    """RRC states of a UE (TS 36.331 4.2.1)."""

    IDLE = "RRC_IDLE"
    CONNECTED = "RRC_CONNECTED"


@dataclass(frozen=True, slots=True)
class SecurityKeys:
    """Keys and algorithms of the access stratum; the keys are not shown by repr.

    Attributes:
        eea: ciphering algorithm of SRBs and DRBs.
        eia: integrity algorithm of SRBs.
        k_rrc_int: K_RRCint, 16 bytes.
        k_rrc_enc: K_RRCenc, 16 bytes.
        k_up_enc: K_UPenc, 16 bytes.
    """

    eea: Eea
    eia: Eia
    k_rrc_int: bytes = field(repr=False)
    k_rrc_enc: bytes = field(repr=False)
    k_up_enc: bytes = field(repr=False)

    @classmethod
    def derive(cls, k_enb: bytes, eea: Eea, eia: Eia) -> Self:
        """Keys of these algorithms under a K_eNB (TS 33.401 A.7).

        Raises:
            ValueError: a key that has not 32 bytes.
        """
        return cls(eea, eia, keys.k_rrc_int(k_enb, eia), keys.k_rrc_enc(k_enb, eea), keys.k_up_enc(k_enb, eea))


class STmsi(NamedTuple):
    """S-TMSI: MME code (8 bits) and M-TMSI (32 bits)."""

    mmec: int
    m_tmsi: int


class RegisteredMme(NamedTuple):
    """registeredMME: MME group and code; (MCC, MNC) of its network where it is not the selected one."""

    mmegi: int
    mmec: int
    plmn: tuple[str, str] | None = None
