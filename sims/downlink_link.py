"""The downlink shared channel: the product's transmitter and receiver of a cell's subframes over a channel."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import gold, modem
from picocell.kernels.sch import SchDecoder
from picocell.phy.fapi import DciDlPdu, DlConfigRequest, DlschPdu, TxRequest
from picocell.phy.lte import dci as dci_bits
from picocell.phy.lte import pdcch_search, pdsch, precoding, regs, tbs
from picocell.phy.lte.allocation import n_rbg
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.control import ControlReceiver
from picocell.phy.lte.dci import Dci1, DciFormat
from picocell.phy.lte.downlink_transmitter import DownlinkTransmitter
from picocell.phy.lte.estimation import ChannelEstimate, Estimator, Method
from picocell.phy.lte.grant import PdschGrant, TransmissionScheme, from_dci
from picocell.sims import cqi, harq
from picocell.sims.air import Air, Arrival, GridAir, layout
from picocell.sims.counts import Counts
from picocell.sims.downlink_point import RV_SEQUENCES as RV_SEQUENCES
from picocell.sims.downlink_point import SUBFRAMES as SUBFRAMES
from picocell.sims.downlink_point import DownlinkPoint as DownlinkPoint
from picocell.sims.harq import Outcome, TransportBlock
from picocell.sims.hooks import C64, Block, Decoded, Hooks, Received, Trace, TraceFunction
from picocell.sims.point import children, modulation_order
from picocell.sims.sample_air import SampleAir
from picocell.sims.snr import Conversion, noise_power

EVM_EVERY: Final = 10
"""Symbols' errors are measured in one transmission of so many."""

ESTIMATION_METHODS: Final[dict[str, Method]] = {"practical": "wiener", "linear": "linear", "average": "average"}
"""Names of estimators as the receiver knows them."""


class DownlinkSide:
    """What the links of all transmission modes share: the cell, its transmitter, the receiver's estimator, the air.

    Args:
        point: the parameters.
        hooks: a user's own parts.
    """

    def __init__(self, point: DownlinkPoint, hooks: Hooks = Hooks()) -> None:
        self.point, self.hooks = point, hooks
        self.cell = Cell(point.pci, point.n_prb, n_ports=point.n_tx)
        self.noise_var = noise_power(point.snr_db)
        self._where = layout(self.cell, uplink=False)
        self._transmitter = DownlinkTransmitter(self.cell)
        method = ESTIMATION_METHODS.get(point.estimator)
        self._estimator = Estimator(self.cell, method) if method else None
        self._decoder = SchDecoder(point.iterations)
        self._ttis = SUBFRAMES[point.subframes]

    def _air(self, seed: np.random.SeedSequence) -> Air:
        point, cell = self.point, self.cell
        if point.domain == "grid":
            return GridAir(point.channel, self._where, cell.n_ports, point.n_rx, self.noise_var, seed)
        return SampleAir(
            point.channel,
            cell,
            self._where,
            cell.n_ports,
            point.n_rx,
            self.noise_var,
            seed,
            uplink=False,
            practical=point.sync == "practical",
            filler=self._silent,
        )

    def _silent(self, tti: int) -> C64:
        """Grid of a subframe without a transport block."""
        return self._transmitter.grid(DlConfigRequest(tti, self.point.cfi))

    def _pdcch_place(self) -> dict[int, pdcch_search.Candidate]:
        """A candidate of the aggregation level by subframe."""
        n_cce = regs.n_cce(self.cell, self.point.cfi)
        places = {}
        for subframe in self._ttis:
            found = pdcch_search.candidates(n_cce, self.point.rnti, subframe, False)
            fits = [place for place in found if place[1] == self.point.pdcch]
            if not fits:
                raise ValueError(f"pdcch {self.point.pdcch}: the control region has only {n_cce} CCEs")
            places[subframe] = fits[0]
        return places

    def tti(self, slot: int) -> int:
        """TTI of the nth subframe that carries a block, not modulo."""
        frames, place = divmod(slot, len(self._ttis))
        return 10 * frames + self._ttis[place]

    def estimate(self, arrival: Arrival) -> ChannelEstimate:
        """Channel of an arrived subframe by the point's estimator, or the user's."""
        subframe = arrival.tti % 10
        if self.hooks.estimator is not None:
            h, noise = self.hooks.estimator(Received(self.cell, subframe, arrival.grid, arrival.h, self.noise_var))
            if h.shape != arrival.h.shape:
                raise ValueError(f"the estimator gave a channel of shape {h.shape}, not {arrival.h.shape}")
            power = float(np.vdot(h[:, 0], h[:, 0]).real / h[:, 0].size)
            return _with_noise(np.ascontiguousarray(h, np.complex64), float(noise), power)
        if self._estimator is None:
            return known_channel(arrival.h, self.noise_var)
        return self._estimator.estimate(subframe, arrival.grid)


class DownlinkLink(DownlinkSide):
    """Sends and receives the transport blocks of a point with one port or transmit diversity.

    Args:
        point: the parameters.
        hooks: a user's own parts.

    Attributes:
        conversion: of SNR to Eb/N0.

    Raises:
        ValueError: parameters that do not go together, or a channel that does not exist.
    """

    def __init__(self, point: DownlinkPoint, hooks: Hooks = Hooks()) -> None:
        super().__init__(point, hooks)
        if point.spatial:
            raise ValueError(f"TM {point.tm} is spatial multiplexing, which another link has")
        self._control = ControlReceiver(self.cell)
        self._dci = Dci1(resource_block_assignment=(1 << n_rbg(point.n_prb)) - 1, mcs=point.mcs)
        self._grants = self._make_grants()
        first = self._grants[self._ttis[0]]
        n_re = pdsch.n_re(self.cell, self._ttis[0], first.prbs, first.cfi)
        self.conversion = Conversion(first.tbs, n_re, first.q_m)
        self._place = self._pdcch_place() if point.pdcch else None

    def _make_grants(self) -> dict[int, PdschGrant]:
        """Grant of the first transmission by subframe."""
        point, cell = self.point, self.cell
        if point.tbs or point.cqi:
            prbs = (tuple(range(cell.n_prb)),) * 2
            scheme = TransmissionScheme.PORT0 if cell.n_ports == 1 else TransmissionScheme.TX_DIVERSITY
            if point.cqi:
                q_m, size = cqi.block(point.cqi, pdsch.n_re(cell, self._ttis[0], prbs, point.cfi))
            else:
                q_m, size = modulation_order(point.modulation), point.tbs
            grant = PdschGrant(point.rnti, prbs, q_m, size, 0, point.cfi, scheme)
            grants = dict.fromkeys(self._ttis, grant)
        else:
            grants = {s: from_dci(cell, s, point.cfi, point.rnti, self._dci) for s in self._ttis}
        if not point.ue_category:
            return grants
        n_ir = tbs.soft_buffer_bits(point.ue_category)
        return {s: replace(grant, n_ir=n_ir) for s, grant in grants.items()}

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: TraceFunction | None = None) -> Counts:
        """Begin transport blocks in a number of subframes, and end them.

        Args:
            seed: of channel, noise and payloads.
            n_subframes: subframes in which blocks may begin.
            trace: is given the intermediate arrays of every transmission.
        """
        of_air, of_payload = children(seed, 2)
        point, grant = self.point, self._grants[self._ttis[0]]
        transport = _Transport(self, self._air(of_air), trace)
        return harq.run(transport, n_subframes, point.rounds, grant.tbs, grant.n_ir, of_payload)

    def grant(self, tti: int, block: TransportBlock) -> PdschGrant:
        """What a transmission is granted."""
        first = self._grants[tti % 10]
        rv = self.point.versions(RV_SEQUENCES[first.q_m])[block.round]
        return first if rv == first.rv else replace(first, rv=rv)

    def compose(self, tti: int, block: TransportBlock) -> C64:
        """Grid of a subframe with a block."""
        grant, tti = self.grant(tti, block), tti % 10240
        messages: tuple[DciDlPdu, ...] = ()
        if self._place is not None:
            message = replace(self._dci, rv=grant.rv, harq_process=block.process, ndi=block.ndi)
            messages = (DciDlPdu(grant.rnti, message, *self._place[tti % 10]),)
        config = DlConfigRequest(tti, grant.cfi, messages, dlsch=(DlschPdu(grant, 0),))
        return self._transmitter.grid(config, TxRequest(tti, {0: block.payload}))

    def find_grant(
        self, arrival: Arrival, channel: ChannelEstimate, sent: PdschGrant
    ) -> tuple[PdschGrant | None, bool]:
        """The grant that the receiver goes by, and whether it read a wrong CFI."""
        if self._place is None:
            return sent, False
        subframe = arrival.tti % 10
        cfi, _, soft = self._control.decode(subframe, arrival.grid, channel)
        for hit in pdcch_search.search_rnti(self.cell, subframe, soft, sent.rnti, (DciFormat.FORMAT_1,)):
            if hit.format is not None:
                fields = dci_bits.unpack(self.cell, hit.format, hit.bits, sent.rnti)
                found = from_dci(self.cell, subframe, cfi, sent.rnti, fields, n_ir=sent.n_ir)
                return (found if found.tbs == sent.tbs else None), cfi != sent.cfi
        return None, cfi != sent.cfi

    def decode(
        self, arrival: Arrival, grant: PdschGrant, channel: ChannelEstimate, block: TransportBlock
    ) -> tuple[Decoded, C64, NDArray[np.int16]]:
        """What `pdsch.decode` does, step by step, with a user's parts: block, symbols, soft bits."""
        subframe = arrival.tti % 10
        index = pdsch.re_index(self.cell, subframe, grant.prbs, grant.cfi)
        if self.hooks.equaliser is not None:
            y = arrival.grid.reshape(len(arrival.grid), -1)[:, index]
            h = channel.h.reshape(*channel.h.shape[:2], -1)[..., index]
            symbols, variance = self.hooks.equaliser(y, h, channel.noise_var)
        else:
            symbols, variance = precoding.receive(arrival.grid, channel, index)
        scrambling = gold.packed(grant.rnti << 14 | subframe << 9 | self.cell.pci, index.size * grant.q_m)
        llr = modem.demodulate(symbols, variance, grant.q_m, scrambling)
        shape = Block(grant.tbs, grant.q_m, grant.n_l, grant.rv, grant.n_ir)
        if self.hooks.decoder is not None:
            return self.hooks.decoder(llr, shape, block.soft), symbols, llr
        found = self._decoder.decode(llr, grant.tbs, grant.q_m, grant.n_l, grant.rv, block.soft, grant.n_ir)
        return Decoded(found.payload, found.crc_ok, found.iterations), symbols, llr

    def decode_whole(
        self, arrival: Arrival, grant: PdschGrant, channel: ChannelEstimate, block: TransportBlock, keep: bool
    ) -> tuple[Decoded, C64 | None]:
        """The product's own reception of a block in one call; symbols if kept."""
        found = pdsch.decode(
            self.cell, arrival.tti % 10, grant, arrival.grid, channel, self._decoder, block.soft, keep=keep
        )
        return Decoded(found.payload, found.crc_ok, found.iterations), found.symbols


def sent_symbols(grid: C64, index: NDArray[np.int32]) -> C64:
    """Modulation symbols of a transmit grid: what the first ports carry of a transmit diversity scheme."""
    n_ports = len(grid)
    flat = grid.reshape(n_ports, -1)
    if n_ports == 1:
        return np.asarray(flat[0, index])
    first = flat[0, index] if n_ports == 2 else flat[0, index] + flat[1, index]
    return np.asarray(first * np.float32(2**0.5), np.complex64)


def known_channel(h: C64, noise_var: float) -> ChannelEstimate:
    """The estimate of a receiver that is told the channel ``(n_rx, n_ports, n_symb, n_sc)`` and the noise power."""
    return _with_noise(np.ascontiguousarray(h), noise_var, 1.0)


def _with_noise(h: C64, noise_var: float, rsrp: float) -> ChannelEstimate:
    """An estimate from a channel and its noise power alone."""
    snr_db = float(10 * np.log10(max(rsrp, 1e-30) / max(noise_var, 1e-30)))
    return ChannelEstimate(h, max(noise_var, 1e-30), rsrp, rsrp + noise_var, snr_db)


class _Transport:
    """One block of work: the link, an air, and what has been sent and not yet received."""

    def __init__(self, link: DownlinkLink, air: Air, trace: TraceFunction | None) -> None:
        self._link, self._air, self._trace = link, air, trace
        self._sent: list[tuple[int, TransportBlock, int, C64] | None] = []
        self._count = 0

    def send(self, slot: int, block: TransportBlock | None) -> None:
        tti = self._link.tti(slot)
        if block is None:
            self._sent.append(None)
            self._air.send(tti, None)
            return
        grid = self._link.compose(tti, block)
        self._sent.append((tti, block, block.round, grid))
        self._air.send(tti, grid)

    def receive(self) -> Outcome | None:
        sent, arrival = self._sent.pop(0), self._air.receive()
        if sent is None or arrival is None:
            return None
        link, (tti, block, round_, grid) = self._link, sent
        wanted = link.grant(tti, block)
        channel = link.estimate(arrival)
        grant, wrong_cfi = link.find_grant(arrival, channel, wanted)
        outcome = Outcome(b"", False, None, channel.snr_db, missed=grant is None, wrong_cfi=wrong_cfi)
        symbols: C64 | None = None
        llr: NDArray[np.int16] | None = None
        if grant is not None:
            keep = self._count % EVM_EVERY == 0
            self._count += 1
            if self._trace is not None or link.hooks:
                found, symbols, llr = link.decode(arrival, grant, channel, block)
            else:
                found, symbols = link.decode_whole(arrival, grant, channel, block, keep)
            outcome.payload, outcome.crc_ok, outcome.iterations = found.payload, found.crc_ok, found.iterations
            if keep and symbols is not None and grant.cfi == wanted.cfi:
                outcome.evm2 = self._error_power(grid, arrival.tti, grant, symbols)
        if self._trace is not None:
            index = pdsch.re_index(link.cell, arrival.tti % 10, wanted.prbs, wanted.cfi)
            self._trace(
                Trace(
                    arrival.tti,
                    round_,
                    block.payload,
                    outcome.crc_ok,
                    grid,
                    arrival.grid,
                    arrival.h,
                    link.noise_var,
                    channel.h,
                    channel.noise_var,
                    sent_symbols(grid, index),
                    symbols,
                    llr,
                )
            )
        return outcome

    def _error_power(self, grid: C64, tti: int, grant: PdschGrant, symbols: C64) -> float:
        index = pdsch.re_index(self._link.cell, tti % 10, grant.prbs, grant.cfi)
        error = symbols - sent_symbols(grid, index)
        return float(np.vdot(error, error).real / error.size)
