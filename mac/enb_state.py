"""What the parts of an eNB's MAC share: the UEs, and what is planned for the coming uplink subframes."""

from collections import deque
from dataclasses import dataclass, field

from picocell.mac.common_config import RachConfig
from picocell.mac.dedicated_config import UlControlDue, ul_control_due
from picocell.mac.enb_dl_harq import EnbDlProcess
from picocell.mac.enb_events import EnbMacEvent
from picocell.mac.enb_settings import EnbMacSettings
from picocell.mac.enb_ue import EnbUe
from picocell.mac.enb_ul_harq import EnbUlProcess
from picocell.mac.uci_resources import UciSchedule
from picocell.mac.ul_allocation import UplinkRegions
from picocell.phy.lte import phich, regs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.phy.lte.uplink_config import UplinkConfig


@dataclass(slots=True)
class PuschRecord:
    """A PUSCH that is due in a subframe, and what came of it.

    Attributes:
        ue: whose.
        process: its HARQ process.
        grant: what was granted.
        n_cqi: bits of the aperiodic report that the grant asks for.
        n_ri: bits of its rank indication.
        ok: whether the CRC matched; None until the result is in.
        detected: whether anything was sent.
    """

    ue: EnbUe
    process: EnbUlProcess
    grant: PuschGrant
    n_cqi: int = 0
    n_ri: int = 0
    ok: bool | None = None
    detected: bool = False

    @property
    def mask(self) -> int:
        """A bit for each resource block in either slot."""
        block = (1 << self.grant.n_prb) - 1
        return block << self.grant.prb_start[0] | block << self.grant.prb_start[1]


@dataclass(slots=True)
class AckDue:
    """An acknowledgement that is due in a subframe."""

    ue: EnbUe
    process: EnbDlProcess
    n_pucch: int
    answered: bool = False


@dataclass(slots=True)
class UlPlan:
    """An uplink subframe.

    Attributes:
        subframe: absolute subframe number.
        pusch: what is granted.
        phich: ``(group, sequence)`` that will answer.
        acks: acknowledgements due by RNTI.
        due: requests and reports due by RNTI; None until looked up.
        uci: RNTIs of the PUCCHs expected, in the order of the request.
        unheard: nobody listened, or what asked for the PUSCHs and acknowledgements did not go out: whether they come
            tells nothing of the UEs.
    """

    subframe: int
    pusch: list[PuschRecord] = field(default_factory=list)
    phich: set[tuple[int, int]] = field(default_factory=set)
    acks: dict[int, AckDue] = field(default_factory=dict)
    due: dict[int, UlControlDue] | None = None
    uci: tuple[int, ...] = ()
    unheard: bool = False


class EnbState:
    """State of an eNB's MAC.

    Attributes:
        ues: contexts by RNTI.
        plans: uplink subframes from eight back to seven ahead.
        events: for the layers above.
        active: UEs whose buffers are looked at every ms.
        ul_active: UEs that may want a grant.
        failed: uplink processes to be asked for again that have no answer on the PHICH under way, by RNTI and number.
        deadlines: when the random access of an RNTI has to be complete.
        grant_at: when a UE gets a small grant unasked.
        counters: refused or lost things by what they were.
        now: subframe of the last downlink.
    """

    def __init__(self, cell: Cell, ul: UplinkConfig, rach: RachConfig, settings: EnbMacSettings) -> None:
        self.cell, self.ul, self.rach, self.settings = cell, ul, rach, settings
        cfis = regs.legal_cfis(cell)
        self.n_cces = tuple((cfi, regs.n_cce(cell, cfi)) for cfi in cfis)
        self.regions = UplinkRegions(cell, ul, self.n_cces[-1][1])
        self.ues: dict[int, EnbUe] = {}
        self.plans: dict[int, UlPlan] = {}
        self.events: deque[EnbMacEvent] = deque()
        self.uci = UciSchedule()
        self.active: dict[int, None] = {}
        self.idle: list[dict[int, None]] = [{} for _ in range(settings.poll_period)]
        self.ul_active: dict[int, None] = {}
        self.failed: dict[tuple[int, int], bool] = {}
        self.deadlines: dict[int, int] = {}
        self.grant_at: dict[int, int] = {}
        self.counters: dict[str, int] = {}
        self.now = 0
        self._phich: dict[tuple[int, int], tuple[int, int]] = {}

    def count(self, what: str) -> None:
        """Something was refused or lost."""
        self.counters[what] = self.counters.get(what, 0) + 1

    def plan(self, subframe: int) -> UlPlan:
        """The plan of an uplink subframe."""
        found = self.plans.get(subframe)
        if found is None:
            found = self.plans[subframe] = UlPlan(subframe)
        return found

    def is_silent(self, ue: EnbUe, now: int) -> bool:
        """Whether a UE that misses what it is asked for has not been heard for long, which is told once."""
        return not ue.lost and now - ue.heard_at >= self.settings.lost_after_ms

    def control_due(self, plan: UlPlan) -> dict[int, UlControlDue]:
        """Requests and reports of a subframe by RNTI."""
        if plan.due is None:
            tti = plan.subframe % TTI_MODULO
            found = {
                rnti: ul_control_due(self.ues[rnti].config, tti, n_prb=self.cell.n_prb, n_ports=self.cell.n_ports)
                for rnti in self.uci.due(plan.subframe)
            }
            plan.due = {
                rnti: due for rnti, due in found.items() if due.sr_n_pucch is not None or due.cqi_n_pucch is not None
            }
        return plan.due

    def pucch_mask(self, plan: UlPlan) -> int:
        """Resource blocks of the PUCCHs that may come in a subframe."""
        mask, n1, n2 = 0, self.regions.n1, self.regions.n2
        for due in self.control_due(plan).values():
            if due.sr_n_pucch is not None:
                mask |= n1[due.sr_n_pucch]
            if due.cqi_n_pucch is not None:
                mask |= n2[due.cqi_n_pucch]
        for ack in plan.acks.values():
            mask |= n1[ack.n_pucch]
        return mask

    def phich_resource(self, first_prb: int, cyclic_shift: int) -> tuple[int, int]:
        """Group and sequence of the PHICH that answers a PUSCH."""
        found = self._phich.get((first_prb, cyclic_shift))
        if found is None:
            found = self._phich[first_prb, cyclic_shift] = phich.resource(self.cell, first_prb, cyclic_shift)
        return found

    def wake(self, rnti: int) -> None:
        """Look at a UE's buffers in every subframe for a while."""
        self.idle[rnti % len(self.idle)].pop(rnti, None)
        self.active[rnti] = None

    def rest(self, rnti: int) -> None:
        """Look at a UE's buffers now and then."""
        self.active.pop(rnti, None)
        self.idle[rnti % len(self.idle)][rnti] = None

    def forget(self, rnti: int) -> None:
        """A UE is gone: nothing of it stays, but for the PUSCHs under way that have no one to go to."""
        self.ues.pop(rnti, None)
        self.uci.remove(rnti)
        self.active.pop(rnti, None)
        self.idle[rnti % len(self.idle)].pop(rnti, None)
        self.ul_active.pop(rnti, None)
        self.deadlines.pop(rnti, None)
        self.grant_at.pop(rnti, None)
        for key in [key for key in self.failed if key[0] == rnti]:
            del self.failed[key]
        for plan in self.plans.values():
            plan.acks.pop(rnti, None)
            if plan.due is not None:
                plan.due.pop(rnti, None)
