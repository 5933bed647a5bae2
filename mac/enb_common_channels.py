"""What an eNB's MAC sends to all: broadcast, paging, random access responses; and a downlink subframe being made."""

import logging
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from picocell.mac import enb_random_access
from picocell.mac.channel import BroadcastLike
from picocell.mac.dl_allocation import DlBlocks, DlPrbs, mask_of, n_re
from picocell.mac.enb_random_access import EnbRandomAccess, Pending, Response
from picocell.mac.enb_state import EnbState
from picocell.mac.pdcch_allocation import PdcchAllocation, Place
from picocell.phy.fapi import BchPdu, DciDlPdu, DciUlPdu, DlConfigRequest, DlschPdu, HiDci0Request, HiPdu, TxRequest
from picocell.phy.lte import tbs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import P_RNTI, Dci, Dci0, Dci1A
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.grant import PdschGrant, from_dci

_log = logging.getLogger(__name__)

COMMON_LEVELS: Final = (4, 8)
_CODE_RATE: Final = 0.35
_LARGEST_CODE_RATE: Final = 0.7
_CRC_BITS: Final = 24


@dataclass(frozen=True, slots=True)
class DownlinkSubframe:
    """What a MAC asks its physical layer to send in a subframe."""

    config: DlConfigRequest
    hi_dci0: HiDci0Request
    tx: TxRequest


@dataclass(slots=True)
class SubframeBuild:
    """A downlink subframe being made.

    Attributes:
        now: absolute subframe number.
        pdcch: its control channel elements.
        prbs: its resource blocks.
        dl: places and downlink DCIs, whose CCEs are final when all is placed.
        ul: places and uplink DCIs.
        blocks: transport blocks with their DCIs, and the size that an MCS without one stands for.
        hi: HARQ indicators.
        bch: the PBCH.
        fixed: PDUs that somebody else made.
        payloads: by PDU index.
    """

    now: int
    pdcch: PdcchAllocation
    prbs: DlPrbs
    dl: list[tuple[Place, Dci]] = field(default_factory=list)
    ul: list[tuple[Place, Dci0]] = field(default_factory=list)
    blocks: list[tuple[int, Dci, bytes, int | None]] = field(default_factory=list)
    hi: list[HiPdu] = field(default_factory=list)
    bch: BchPdu | None = None
    fixed_dci: tuple[DciDlPdu, ...] = ()
    fixed_dlsch: tuple[DlschPdu, ...] = ()
    payloads: dict[int, bytes] = field(default_factory=dict)

    @property
    def subframe(self) -> int:
        """Subframe 0..9."""
        return self.now % 10

    def finish(self, cell: Cell) -> DownlinkSubframe:
        """The requests."""
        tti, cfi = self.now % TTI_MODULO, self.pdcch.cfi
        index = max(self.payloads, default=-1) + 1
        dlsch = list(self.fixed_dlsch)
        for rnti, dci, payload, previous_tbs in self.blocks:
            grant = _pdsch_grant(cell, self.subframe, cfi, rnti, dci, previous_tbs)
            dlsch.append(DlschPdu(grant, index))
            self.payloads[index] = payload
            index += 1
        dl = tuple([DciDlPdu(place.rnti, dci, place.first_cce, place.level) for place, dci in self.dl])
        ul = tuple([DciUlPdu(place.rnti, dci, place.first_cce, place.level) for place, dci in self.ul])
        return DownlinkSubframe(
            DlConfigRequest(tti, cfi, self.fixed_dci + dl, self.bch, tuple(dlsch)),
            HiDci0Request(tti, tuple(self.hi), ul),
            TxRequest(tti, self.payloads),
        )


@lru_cache(maxsize=2048)
def _pdsch_grant(cell: Cell, subframe: int, cfi: int, rnti: int, dci: Dci, previous_tbs: int | None) -> PdschGrant:
    """Grant of a DCI; under load the same ones come again."""
    return from_dci(cell, subframe, cfi, rnti, dci, previous_tbs=previous_tbs)


@lru_cache(maxsize=512)
def _common_format(n_bytes: int) -> tuple[int, int, int]:
    """MCS, TPC field and size in bits of the smallest common block (TS 36.213 7.1.7.2)."""
    fitting = [
        (size, mcs, n - 2) for mcs in range(27) for n in (2, 3) if (size := tbs.tbs_1a_common(mcs, n)) >= 8 * n_bytes
    ]
    if not fitting:
        raise ValueError(f"a common block of {n_bytes} bytes is too long")
    size, mcs, tpc = min(fitting)
    return mcs, tpc, size


class CommonChannels:
    """Sends broadcast, paging and random access responses.

    Args:
        state: the MAC's state.
        random_access: its random access.
    """

    def __init__(self, state: EnbState, random_access: EnbRandomAccess) -> None:
        self._state = state
        self._random_access = random_access

    def start(self, now: int, broadcast: BroadcastLike | None, paging: bytes | None) -> SubframeBuild:
        """A subframe with its broadcast and its paging."""
        build = self._with_broadcast(now, broadcast, True)
        if paging is None or self._page(build, paging):
            return build
        if self._state.settings.paging_before_si and broadcast is not None and broadcast.dlsch:
            alone = self._with_broadcast(now, broadcast, False)
            if self._page(alone, paging):
                self._state.count("system information displaced by paging")
                return alone
        self._state.count("paging without room")
        _log.warning("subframe %d has no room for a paging message of %d bytes", now, len(paging))
        return build

    def _with_broadcast(self, now: int, broadcast: BroadcastLike | None, system_information: bool) -> SubframeBuild:
        """A subframe with what the broadcast puts into it; its grants say how long the control region is."""
        cfis = self._state.n_cces
        with_si = broadcast is not None and bool(broadcast.dlsch) and system_information
        if broadcast is not None and with_si:
            cfis = tuple(entry for entry in cfis if entry[0] == broadcast.dlsch[0].grant.cfi)
        build = SubframeBuild(now, PdcchAllocation(now % 10, cfis), DlPrbs(self._state.cell.n_prb))
        if broadcast is None:
            return build
        build.bch = broadcast.bch
        if broadcast.bch is not None:
            build.payloads[broadcast.bch.pdu_index] = broadcast.payloads[broadcast.bch.pdu_index]
        if with_si:
            build.fixed_dci, build.fixed_dlsch = broadcast.dci, broadcast.dlsch
            build.payloads.update(broadcast.payloads)
            for pdu in broadcast.dci:
                build.pdcch.reserve(pdu.rnti, pdu.cce_index, pdu.aggregation_level)
            for block in broadcast.dlsch:
                build.prbs.take(mask_of(block.grant.prbs[0]) | mask_of(block.grant.prbs[1]))
        return build

    def _common_blocks(self, build: SubframeBuild, size: int) -> DlBlocks | None:
        """Resource blocks for a common block of so many bits; None where they are too few."""
        cfi = build.pdcch.largest_cfi
        cell = self._state.cell
        room = n_re(cell, build.subframe, cfi, build.prbs.free) // max(build.prbs.n_free, 1)
        wanted = max(2, -(-int((size + _CRC_BITS) / (2 * _CODE_RATE)) // max(room, 1)))
        blocks = build.prbs.allocate(min(wanted, cell.n_prb), contiguous=True)
        if blocks is None:
            return None
        if size + _CRC_BITS > _LARGEST_CODE_RATE * 2 * n_re(cell, build.subframe, cfi, blocks.mask):
            build.prbs.give_back(blocks.mask)
            return None
        return blocks

    def _send(self, build: SubframeBuild, place: Place, blocks: DlBlocks, mcs: int, tpc: int, payload: bytes) -> None:
        dci = Dci1A(riv=blocks.riv or 0, mcs=mcs, tpc=tpc)
        build.dl.append((place, dci))
        build.blocks.append((place.rnti, dci, payload, None))

    def _page(self, build: SubframeBuild, message: bytes) -> bool:
        try:
            mcs, tpc, size = _common_format(len(message))
        except ValueError:
            return False
        blocks = self._common_blocks(build, size)
        if blocks is None:
            return False
        place = build.pdcch.place(P_RNTI, COMMON_LEVELS, True)
        if place is None:
            build.prbs.give_back(blocks.mask)
            return False
        self._send(build, place, blocks, mcs, tpc, message.ljust(size // 8, b"\0"))
        return True

    def respond(self, build: SubframeBuild) -> list[Response]:
        """Put random access responses into the subframe; the caller reserves message 3 for those returned."""
        sent: list[Response] = []
        taken: dict[int, int] = {}

        def reserve(subframe: int, n_prb: int) -> int | None:
            start = self._msg3_start(subframe, n_prb, taken.get(subframe, 0))
            if start is not None:
                taken[subframe] = taken.get(subframe, 0) | ((1 << n_prb) - 1) << start
            return start

        for group in self._random_access.due(build.now):
            place = build.pdcch.place(group[0].ra_rnti, COMMON_LEVELS, True)
            if place is None:
                break
            before = dict(taken)
            responses, refused = self._random_access.respond(group, build.now, reserve)
            if not (responses or refused) or not self._answer(build, place, responses, refused):
                build.pdcch.release(place)
                taken.clear()
                taken.update(before)
                continue
            sent += responses
            self._random_access.answered([r.pending for r in responses] + refused)
        return sent

    def _answer(self, build: SubframeBuild, place: Place, responses: list[Response], refused: list[Pending]) -> bool:
        mcs, tpc, size = _common_format(enb_random_access.packed_size(len(responses), bool(refused)))
        blocks = self._common_blocks(build, size)
        if blocks is None:
            return False
        backoff = self._state.settings.backoff_indicator if refused else None
        if refused:
            self._state.count("preamble refused: no context left")
            _log.warning("%d preambles get a backoff: %d UE contexts are in use", len(refused), len(self._state.ues))
        self._send(build, place, blocks, mcs, tpc, enb_random_access.payload(responses, backoff, size // 8))
        return True

    def _msg3_start(self, subframe: int, n_prb: int, taken: int) -> int | None:
        """First of the resource blocks for message 3, clear of all PUCCHs and preambles; None where there are none."""
        state = self._state
        plan = state.plans.get(subframe)
        taken |= state.regions.pucch | state.regions.prach(subframe)
        phichs = set(plan.phich) if plan is not None else set()
        for record in plan.pusch if plan is not None else ():
            taken |= record.mask
        block = (1 << n_prb) - 1
        for start in range(state.ul.n_prb - n_prb + 1):
            if not taken >> start & block and state.phich_resource(start, 0) not in phichs:
                return start
        return None
