"""The downlink shared channel in transmission modes 3 and 4: spatial multiplexing, with feedback of the precoders."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from picocell.phy.fapi import DlConfigRequest
from picocell.phy.lte import pdsch, pmi, spatial, tbs
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.spatial import Codeword, SpatialGrant
from picocell.sims import cqi, harq
from picocell.sims.air import Air, Arrival
from picocell.sims.counts import Counts
from picocell.sims.downlink_link import EVM_EVERY, DownlinkLink, DownlinkSide, known_channel
from picocell.sims.downlink_point import REPORTED, RV_SEQUENCES
from picocell.sims.downlink_point import DownlinkPoint as DownlinkPoint
from picocell.sims.harq import Outcome, TransportBlock
from picocell.sims.hooks import C64, Block, Decoded, Hooks, Trace, TraceFunction
from picocell.sims.point import children, modulation_order
from picocell.sims.snr import Conversion
from picocell.sims.spatial_control import GrantChannel


@dataclass(slots=True, eq=False)
class _Sent:
    """A subframe on its way: its grant, blocks and grid, or none where it only carries reference signals."""

    tti: int
    grant: SpatialGrant | None = None
    blocks: Sequence[TransportBlock] = ()
    grid: C64 | None = None


class SpatialLink(DownlinkSide):
    """Sends and receives the transport blocks of a point with spatial multiplexing.

    Args:
        point: the parameters, of transmission mode 3 or 4.
        hooks: a user's own parts; an equaliser has no place here.

    Attributes:
        conversion: of SNR to Eb/N0, of the blocks of all code words together.
        sizes: transport block size and soft buffer of each code word in bits.
        closed_loop: whether the receiver's reports choose the precoders.

    Raises:
        ValueError: parameters that do not go together, or a channel that does not exist.
    """

    def __init__(self, point: DownlinkPoint, hooks: Hooks = Hooks()) -> None:
        super().__init__(point, hooks)
        if hooks.equaliser is not None:
            raise ValueError(f"tm {point.tm} takes no equaliser of one's own: an estimator or a decoder it does")
        prbs = (tuple(range(point.n_prb)),) * 2
        n_re = pdsch.n_re(self.cell, self._ttis[0], prbs, point.cfi)
        n_ir = tbs.soft_buffer_bits(point.ue_category, spatial_multiplexing=True) if point.ue_category else None
        words = tuple(
            Codeword(*self._size(n_layers, n_re), n_ir=n_ir)
            for n_layers in spatial.layers_of(point.codewords, point.layers)
        )
        self.closed_loop = point.tm == 4 and point.pmi == REPORTED
        fixed = None if point.tm == 3 else (max(point.pmi, 0),)
        if self.closed_loop and point.layers == self.cell.n_ports == 2:
            fixed = (1,)
        self._first = SpatialGrant(point.rnti, prbs, point.cfi, words, point.layers, fixed)
        self.sizes = [(word.tbs, word.n_ir) for word in words]
        self._grants = GrantChannel(self.cell, point, self._pdcch_place()) if point.pdcch else None
        self.conversion = Conversion(sum(word.tbs for word in words), n_re, words[0].q_m, point.layers)

    def _size(self, n_layers: int, n_re: int) -> tuple[int, int]:
        """Bits a symbol and size of a code word's transport block."""
        point = self.point
        if point.cqi:
            return cqi.block(point.cqi, n_re * n_layers)
        if point.tbs:
            if n_layers > 1:
                raise ValueError("tbs is the size of a block on one layer: where a code word has two, give an MCS")
            return modulation_order(point.modulation), point.tbs
        q_m, i_tbs = tbs.mcs(point.mcs)
        if i_tbs is None:
            raise ValueError(f"mcs {point.mcs} has no transport block size of its own")
        return q_m, tbs.tbs(i_tbs, point.n_prb, n_layers)

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: TraceFunction | None = None) -> Counts:
        """Begin transport blocks in a number of subframes, and end them.

        Args:
            seed: of channel, noise and payloads.
            n_subframes: subframes in which blocks may begin.
            trace: is given the intermediate arrays of every transmission, a code word after the other.
        """
        of_air, of_payload = children(seed, 2)
        transport = _Transport(self, self._air(of_air), trace)
        return harq.run_codewords(transport, n_subframes, self.point.rounds, self.sizes, of_payload)

    def tti(self, slot: int) -> int:
        """TTI of the nth subframe that carries blocks, not modulo; with feedback a frame is heard before the first."""
        return super().tti(slot + (len(self._ttis) if self.closed_loop else 0))

    def listened(self) -> list[int]:
        """TTIs before the first that carries blocks whose reference signals feedback begins with."""
        return [super(SpatialLink, self).tti(slot) for slot in range(len(self._ttis))] if self.closed_loop else []

    def grant(self, blocks: Sequence[TransportBlock], reported: tuple[int, ...] | None) -> SpatialGrant:
        """What a transmission is granted."""
        words = tuple(
            replace(word, rv=self.point.versions(RV_SEQUENCES[word.q_m])[block.round], ndi=block.ndi)
            for word, block in zip(self._first.codewords, blocks, strict=True)
        )
        return replace(self._first, codewords=words, pmi=reported or self._first.pmi, harq_process=blocks[0].process)

    def compose(self, tti: int, grant: SpatialGrant, blocks: Sequence[TransportBlock]) -> C64:
        """Grid of a subframe with blocks."""
        tti %= TTI_MODULO
        messages = () if self._grants is None else (self._grants.message(tti % 10, grant),)
        grid = self._transmitter.grid(DlConfigRequest(tti, grant.cfi, messages))
        spatial.encode(self.cell, tti % 10, grant, [block.payload for block in blocks], grid)
        return grid

    def sent_symbols(self, subframe: int, grant: SpatialGrant, grid: C64) -> list[C64]:
        """Modulation symbols of each code word in a transmit grid: what a receiver hears that hears each port alone."""
        n = self.cell.n_ports
        alone = np.broadcast_to(np.eye(n, dtype=np.complex64)[:, :, None, None], (n, n, *grid.shape[1:]))
        channel = known_channel(np.ascontiguousarray(alone), 0.0)
        return spatial.equalise(self.cell, subframe, grant, grid, channel)

    def silence(self, tti: int) -> C64:
        """Grid of a subframe without blocks."""
        return self._silent(tti % TTI_MODULO)

    def report(self, channel: ChannelEstimate) -> tuple[int, ...]:
        """Precoders that the receiver asks for."""
        point = self.point
        return pmi.report(channel, ranks=(point.layers,), granularity=point.pmi_prb).pmi

    def find_grant(
        self, arrival: Arrival, channel: ChannelEstimate, sent: SpatialGrant
    ) -> tuple[SpatialGrant | None, bool]:
        """The grant that the receiver goes by, and whether it read a wrong CFI."""
        return (sent, False) if self._grants is None else self._grants.find(arrival, channel, sent)

    def decode(
        self, arrival: Arrival, grant: SpatialGrant, channel: ChannelEstimate, blocks: Sequence[TransportBlock]
    ) -> tuple[list[Decoded], list[NDArray[np.int16]]]:
        """What `spatial.decode` does, step by step, with a user's parts: blocks, and soft bits of each code word."""
        subframe = arrival.tti % 10
        detector: spatial.Detector = "joint" if self.point.detector == "joint" else "mmse"
        llrs = spatial.detect(self.cell, subframe, grant, arrival.grid, channel, detector)
        found = []
        for word, n_l, llr, block in zip(grant.codewords, grant.layers, llrs, blocks, strict=True):
            shape = Block(word.tbs, word.q_m, n_l, word.rv, word.n_ir)
            if self.hooks.decoder is not None:
                found.append(self.hooks.decoder(llr, shape, block.soft))
                continue
            result = self._decoder.decode(llr, *shape[:4], block.soft, word.n_ir)
            found.append(Decoded(result.payload, result.crc_ok, result.iterations))
        return found, llrs


def open_downlink(point: DownlinkPoint, hooks: Hooks = Hooks()) -> DownlinkLink | SpatialLink:
    """The link of a point's transmission mode.

    Raises:
        ValueError: parameters that do not go together, or a channel that does not exist.
    """
    return SpatialLink(point, hooks) if point.spatial else DownlinkLink(point, hooks)


class _Transport:
    """One block of work: the link, an air, what is under way, and what the receiver has reported."""

    def __init__(self, link: SpatialLink, air: Air, trace: TraceFunction | None) -> None:
        self._link, self._air, self._trace = link, air, trace
        self._sent: deque[_Sent] = deque()
        self._reports: deque[tuple[int, tuple[int, ...]]] = deque()
        self._count = 0

    def send(self, slot: int, blocks: Sequence[TransportBlock] | None) -> None:
        link = self._link
        listened = link.listened() if slot == 0 else []
        for n, tti in enumerate(listened):
            self._put(_Sent(tti))
            if n:
                self.receive()
        tti = link.tti(slot)
        if blocks is None:
            self._put(_Sent(tti))
            return
        grant = link.grant(blocks, self._reported(tti))
        self._put(_Sent(tti, grant, blocks, link.compose(tti, grant, blocks)))
        if listened:
            self.receive()

    def _put(self, sent: _Sent) -> None:
        self._sent.append(sent)
        grid = sent.grid
        if grid is None and self._link.closed_loop:
            grid = self._link.silence(sent.tti)
        self._air.send(sent.tti, grid)

    def _reported(self, tti: int) -> tuple[int, ...] | None:
        """The newest report that is old enough for a subframe."""
        reports, newest = self._reports, tti - self._link.point.pmi_delay
        while len(reports) > 1 and reports[1][0] <= newest:
            reports.popleft()
        return reports[0][1] if reports and reports[0][0] <= newest else None

    def receive(self) -> list[Outcome] | None:
        sent, arrival = self._sent.popleft(), self._air.receive()
        if arrival is None:
            return None
        link = self._link
        channel = link.estimate(arrival)
        if link.closed_loop:
            self._reports.append((sent.tti, link.report(channel)))
        if sent.grant is None or sent.grid is None:
            return None
        grant, wrong_cfi = link.find_grant(arrival, channel, sent.grant)
        if grant is None:
            missed = [Outcome(b"", False) for _ in sent.blocks]
            missed[0] = Outcome(b"", False, None, channel.snr_db, missed=True, wrong_cfi=wrong_cfi)
            return missed
        found, llrs = link.decode(arrival, grant, channel, sent.blocks)
        outcomes = [Outcome(one.payload, one.crc_ok, one.iterations) for one in found]
        outcomes[0].snr_db, outcomes[0].wrong_cfi = channel.snr_db, wrong_cfi
        if wrong_cfi:
            return outcomes  # its symbols are others than those sent
        keep = self._trace is not None or self._count % EVM_EVERY == 0
        self._count += 1
        if keep:
            self._look(sent, sent.grant, sent.grid, arrival, channel, outcomes, llrs)
        return outcomes

    def _look(
        self,
        sent: _Sent,
        grant: SpatialGrant,
        grid: C64,
        arrival: Arrival,
        channel: ChannelEstimate,
        outcomes: list[Outcome],
        llrs: list[NDArray[np.int16]],
    ) -> None:
        """Measure the symbols' errors after linear detection, and show what there is."""
        link, subframe = self._link, arrival.tti % 10
        wanted = link.sent_symbols(subframe, grant, grid)
        symbols = spatial.equalise(link.cell, subframe, grant, arrival.grid, channel)
        for outcome, d, x, llr, block in zip(outcomes, wanted, symbols, llrs, sent.blocks, strict=True):
            outcome.evm2 = float(np.vdot(x - d, x - d).real / d.size)
            if self._trace is not None:
                truth = arrival.grid, arrival.h, link.noise_var, channel.h, channel.noise_var
                one = Trace(arrival.tti, block.round, block.payload, outcome.crc_ok, grid, *truth, d, x, llr)
                self._trace(one)
