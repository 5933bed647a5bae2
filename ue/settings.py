"""Settings of a UE."""

from dataclasses import dataclass, field
from typing import Literal

from picocell.rrc_nas.security.algorithms import Eea, Eia


@dataclass(frozen=True, slots=True)
class UeSettings:
    """Who a UE is and what it can do.

    Attributes:
        imsi: 6 to 15 digits.
        k: subscriber key; not shown by repr.
        opc: OPc (TOPc of TUAK); this or ``op``.
        op: OP (TOP of TUAK).
        algorithm: authentication functions.
        mnc_digits: digits of the MNC in the IMSI.
        imeisv: 16 digits.
        apn: access point name to ask for; None for the network's default.
        pdn_type: ``ipv4``, ``ipv6`` or ``ipv4v6``.
        combined: attach for EPS and non-EPS services.
        plmn: MCC and MNC to camp on; None for the IMSI's own.
        eea: ciphering algorithms.
        eia: integrity algorithms.
        category: UE category (TS 36.306).
        p_max_dbm: largest transmission power.
        n_rx: receive antennas.
        drx: paging cycle in radio frames; None for the cell's.
        max_queued_packets: packets that wait while a connection is established.
        tx_ahead: subframes from the one received last to the one that is sent next; at most 3 leaves HARQ its timing.
    """

    imsi: str = "001010123456780"
    k: bytes = field(default=bytes.fromhex("00112233445566778899aabbccddeeff"), repr=False)
    opc: bytes | None = field(default=None, repr=False)
    op: bytes | None = field(default=None, repr=False)
    algorithm: Literal["milenage", "tuak"] = "milenage"
    mnc_digits: int = 2
    imeisv: str = "3534900698733190"
    apn: str | None = None
    pdn_type: str = "ipv4"
    combined: bool = False
    plmn: tuple[str, str] | None = None
    eea: tuple[Eea, ...] = tuple(Eea)
    eia: tuple[Eia, ...] = (Eia.EIA1, Eia.EIA2, Eia.EIA3)
    category: int = 4
    p_max_dbm: float = 23.0
    n_rx: int = 1
    drx: int | None = None
    max_queued_packets: int = 1000
    tx_ahead: int = 2
