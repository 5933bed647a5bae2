"""Settings of an eNB with one cell."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from picocell.enb.s1ap import EnbS1apSettings
from picocell.enb.system_information import Identity, sib2, sib3
from picocell.mac.enb_settings import EnbMacSettings
from picocell.phy.lte import prach, pucch, regs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.pucch import PucchFormat
from picocell.phy.lte.uplink_config import PrachConfig
from picocell.radio.air import SPEED_OF_LIGHT
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings
from picocell.rrc_nas.rrc.radio_config import uplink_config

DEFAULT_RANGE_M: Final = 3000.0
MAX_RANGE_M: Final = 14_500.0
"""Where the guard time of preamble format 0 ends (TS 36.211 Table 5.7.1-1)."""

_DELAY_SPREAD_S: Final = 4e-6
_PREAMBLE_S: Final = 800e-6


@dataclass(frozen=True, slots=True)
class EnbSettings:
    """What an eNB is.

    Attributes:
        cell: the cell.
        identity: PLMN, tracking area, cell identity.
        name: told to the MME.
        sib2: SIB2; that of :func:`default_sib2` where None.
        sib3: SIB3; the default one where None.
        radio: what phones are configured with: `picocell.rrc_nas.rrc.enb_defaults.defaults` where None.
        scheduler: ``rr`` or ``pf``.
        mac: settings of the MAC.
        rrc: settings of RRC; its cell identity is that of ``identity``.
        s1ap: settings of S1AP.
        si_subframe: subframe of SI messages.
        sr_period: ms between a UE's opportunities to request a grant.
        cqi_period: ms between a UE's reports.
    """

    cell: Cell
    identity: Identity = field(default_factory=Identity)
    name: str = "picocell"
    sib2: dict[str, Any] | None = None
    sib3: dict[str, Any] | None = None
    radio: dict[str, Any] | None = None
    scheduler: str = "pf"
    mac: EnbMacSettings = field(default_factory=EnbMacSettings)
    rrc: EnbRrcSettings = field(default_factory=EnbRrcSettings)
    s1ap: EnbS1apSettings = field(default_factory=EnbS1apSettings)
    si_subframe: int = 7
    sr_period: int = 20
    cqi_period: int = 40

    @property
    def enb_id(self) -> int:
        """Macro eNB identity, the upper 20 bits of the cell's."""
        return self.identity.cell_identity >> 8

    @property
    def rrc_settings(self) -> EnbRrcSettings:
        """Settings of RRC in this cell."""
        return replace(self.rrc, cell_identity=self.identity.cell_identity)

    def sibs(self) -> dict[int, dict[str, Any]]:
        """SIB2 and SIB3."""
        return {2: self.sib2 or default_sib2(self.cell), 3: self.sib3 or sib3()}


def default_sib2(cell: Cell, *, range_m: float = DEFAULT_RANGE_M) -> dict[str, Any]:
    """SIB2 whose preambles keep clear of the PUCCH, where the bandwidth has room for both.

    Args:
        cell: the cell.
        range_m: distance of the farthest phone, up to 14500 m: preambles of it fit in their cyclic shift.

    Raises:
        ValueError: a range that preamble format 0 does not have.
    """
    value = sib2(cell.n_prb)
    info = value["radioResourceConfigCommon"]["prach-Config"]["prach-ConfigInfo"]
    info["zeroCorrelationZoneConfig"] = _zero_correlation_zone(range_m)
    ul = uplink_config(value, n_prb=cell.n_prb)
    # the PUCCH's blocks with every acknowledgement that a subframe of the largest control region can ask for
    n_cce = regs.n_cce(cell, max(regs.legal_cfis(cell)))
    last = min(pucch.n_resources(ul)[0], ul.pucch.n1_pucch_an + n_cce) - 1
    first, second = pucch.resource_blocks(cell, ul, PucchFormat.F1A, last)
    edge = 1 + min(first, second)
    if cell.n_prb >= 6 + 2 * edge:
        info["prach-FreqOffset"] = edge
    return value


def _zero_correlation_zone(range_m: float) -> int:
    """The least cyclic shift of the preambles that holds a round trip and the delays of a channel (36.211 5.7.2)."""
    if not 0 < range_m <= MAX_RANGE_M:
        raise ValueError(f"range_m {range_m:g} is not allowed: above 0, at most {MAX_RANGE_M:g}")
    needed = (2 * range_m / SPEED_OF_LIGHT + _DELAY_SPREAD_S) * prach.N_ZC / _PREAMBLE_S
    zones = ((prach.cyclic_shift_step(PrachConfig(zero_correlation_zone=zone)), zone) for zone in range(1, 16))
    return min((step, zone) for step, zone in zones if step >= needed)[1]
