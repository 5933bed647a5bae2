"""The uplink shared channel: a phone's transmitter and the base station's receiver over a channel."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import gold, modem
from picocell.kernels.sch import SchDecoder
from picocell.kernels.ulsch import gather_llr
from picocell.phy.lte import pusch, pusch_dmrs, scfdma, ul_estimation, ul_grant, ulsch
from picocell.phy.lte import tbs as tbs_table
from picocell.phy.lte.cell import N_SC_RB, Cell
from picocell.phy.lte.ul_estimation import UlChannelEstimate
from picocell.phy.lte.ul_grant import RV_SEQUENCE, PuschGrant
from picocell.phy.lte.uplink_config import PuschConfig, UplinkConfig
from picocell.sims import harq
from picocell.sims.air import Air, Arrival, GridAir, layout
from picocell.sims.counts import Counts
from picocell.sims.harq import Outcome, TransportBlock
from picocell.sims.hooks import C64, Block, Decoded, Hooks, Received, Trace, TraceFunction
from picocell.sims.point import SharedChannelPoint, children, modulation_order
from picocell.sims.sample_air import SampleAir
from picocell.sims.snr import Conversion, noise_power

EVM_EVERY: Final = 10
"""Symbols' errors are measured in one transmission of so many."""


@dataclass(frozen=True, kw_only=True)
class UplinkPoint(SharedChannelPoint):
    """A point of the PUSCH, with neither hopping nor control information.

    Attributes:
        n_prb_alloc: resource blocks granted, 2^a 3^b 5^c; 0 for as many as fit the bandwidth.
        prb_start: the first of them.
    """

    kind: ClassVar[str] = "uplink"

    n_prb_alloc: int = 0
    prb_start: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        allowed = scfdma.allowed_n_prb(self.n_prb)
        object.__setattr__(self, "n_prb_alloc", self.n_prb_alloc or allowed[-1])
        if self.n_prb_alloc not in allowed:
            raise ValueError(f"n_prb_alloc {self.n_prb_alloc} is not allowed: use one of {allowed}")
        if not 0 <= self.prb_start <= self.n_prb - self.n_prb_alloc:
            raise ValueError(
                f"{self.n_prb_alloc} resource blocks from {self.prb_start} on do not fit the {self.n_prb} of the cell"
            )
        if self.estimator not in ("practical", "perfect"):
            raise ValueError(f"estimator {self.estimator!r} does not exist in the uplink: use practical or perfect")
        if self.modulation.lower() == "256qam":
            raise ValueError("modulation 256qam does not exist in the uplink: use qpsk, 16qam or 64qam")


class UplinkLink:
    """Sends and receives the transport blocks of a point.

    Args:
        point: the parameters.
        hooks: a user's own parts.

    Attributes:
        conversion: of SNR to Eb/N0.

    Raises:
        ValueError: parameters that do not go together, or a channel that does not exist.
    """

    def __init__(self, point: UplinkPoint, hooks: Hooks = Hooks()) -> None:
        self.point, self.hooks = point, hooks
        self.cell = Cell(point.pci, point.n_prb)
        self.ul = UplinkConfig(point.n_prb, pusch=PuschConfig(enable_64qam=True))
        self.noise_var = noise_power(point.snr_db)
        self._where = layout(self.cell, uplink=True)
        self._decoder = SchDecoder(point.iterations)
        self._grant = self._make_grant()
        self._data = pusch_dmrs.data_symbols(self.ul)
        first = N_SC_RB * point.prb_start
        self._band = slice(first, first + N_SC_RB * point.n_prb_alloc)
        self.conversion = Conversion(self._grant.tbs, pusch.n_re(self.ul, self._grant), self._grant.q_m)

    def _make_grant(self) -> PuschGrant:
        point = self.point
        if point.tbs:
            q_m, size = modulation_order(point.modulation), point.tbs
        else:
            q_m, i_tbs = ul_grant.mcs(point.mcs, True)
            size = tbs_table.tbs(i_tbs, point.n_prb_alloc)
        return PuschGrant(point.rnti, (point.prb_start, point.prb_start), point.n_prb_alloc, q_m, size)

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: TraceFunction | None = None) -> Counts:
        """Begin transport blocks in a number of subframes, and end them.

        Args:
            seed: of channel, noise and payloads.
            n_subframes: subframes in which blocks may begin.
            trace: is given the intermediate arrays of every transmission.
        """
        of_air, of_payload = children(seed, 2)
        transport = _Transport(self, self._air(of_air), trace)
        return harq.run(transport, n_subframes, self.point.rounds, self._grant.tbs, None, of_payload)

    def _air(self, seed: np.random.SeedSequence) -> Air:
        point = self.point
        if point.domain == "grid":
            return GridAir(point.channel, self._where, 1, point.n_rx, self.noise_var, seed)
        return SampleAir(
            point.channel,
            self.cell,
            self._where,
            1,
            point.n_rx,
            self.noise_var,
            seed,
            uplink=True,
            practical=point.sync == "practical",
        )

    def grant(self, block: TransportBlock) -> PuschGrant:
        """What a transmission is granted."""
        rv = self.point.versions(RV_SEQUENCE)[block.round]
        return self._grant if rv == self._grant.rv else replace(self._grant, rv=rv)

    def compose(self, tti: int, block: TransportBlock) -> C64:
        """Grid of a subframe with a block, complex64 ``(1, n_symb, n_sc)``."""
        grid = np.zeros((1, self.ul.n_symb, self.ul.n_sc), np.complex64)
        pusch.encode(self.cell, self.ul, tti % 10, self.grant(block), block.payload, grid)
        return grid

    def sent_symbols(self, grid: C64) -> C64:
        """Modulation symbols of a transmit grid, complex64 ``(n_re,)``."""
        return scfdma.inverse(np.ascontiguousarray(grid[0, list(self._data), self._band])).reshape(-1)

    def receive(self, arrival: Arrival, block: TransportBlock, keep: bool) -> tuple[Outcome, C64 | None]:
        """The product's own reception in one call: outcome, and symbols if kept."""
        found = pusch.decode(
            self.cell,
            self.ul,
            arrival.tti % 10,
            self.grant(block),
            arrival.grid,
            self._decoder,
            block.soft,
            keep=keep,
        )
        return Outcome(found.payload, found.crc_ok, found.iterations, found.snr_db), found.symbols

    def estimate(self, arrival: Arrival) -> UlChannelEstimate:
        """Channel of an arrived subframe by the point's estimator, or the user's."""
        point, subframe = self.point, arrival.tti % 10
        start = (point.prb_start, point.prb_start)
        truth = np.ascontiguousarray(arrival.h[:, 0, :, self._band])
        if self.hooks.estimator is not None:
            seen = Received(self.cell, subframe, arrival.grid, truth[:, None], self.noise_var)
            h, noise = self.hooks.estimator(seen)
            if h.shape != seen.h.shape:
                raise ValueError(f"the estimator gave a channel of shape {h.shape}, not {seen.h.shape}")
            return _without_error(np.ascontiguousarray(h[:, 0], np.complex64), max(float(noise), 1e-30), start)
        if point.estimator == "perfect":
            return _without_error(truth, self.noise_var, start)
        return ul_estimation.estimate_pusch(
            self.cell, self.ul, subframe, arrival.grid, start, point.n_prb_alloc, self._grant.cyclic_shift
        )

    def decode(
        self, arrival: Arrival, block: TransportBlock, channel: UlChannelEstimate
    ) -> tuple[Outcome, C64, NDArray[np.int16]]:
        """What `pusch.decode` does, step by step, with a user's parts: outcome, symbols, soft bits."""
        grant, subframe = self.grant(block), arrival.tti % 10
        symbols, variance = self._equalise(arrival, channel)
        count = symbols.size * grant.q_m
        scrambling = gold.packed(grant.rnti << 14 | subframe << 9 | self.cell.pci, count)
        flat = symbols.reshape(-1)
        llr = modem.demodulate(flat, np.repeat(variance, symbols.shape[1]), grant.q_m, scrambling)
        if self.hooks.decoder is not None:
            # a decoder has the bits in the order of rate matching: the channel interleaver is undone
            ordered = gather_llr(llr, ulsch.layout(self.ul, grant).coded, grant.q_m)
            found = self.hooks.decoder(ordered, Block(grant.tbs, grant.q_m, 1, grant.rv), block.soft)
        else:
            received = ulsch.Received(llr, flat, variance, scrambling)
            part = ulsch.decode(self.ul, grant, received, self._decoder, block.soft)
            found = Decoded(part.payload, part.crc_ok, part.iterations)
        return Outcome(found.payload, found.crc_ok, found.iterations, channel.snr_db), flat, llr

    def _equalise(self, arrival: Arrival, channel: UlChannelEstimate) -> tuple[C64, NDArray[np.float32]]:
        """Modulation symbols ``(n_symbols, m_sc)`` and noise power by symbol."""
        if self.hooks.equaliser is None:
            return ul_estimation.equalise_pusch(arrival.grid, channel, self._data)
        data = list(self._data)
        m_sc = channel.h.shape[-1]
        y = arrival.grid[:, data, self._band].reshape(len(arrival.grid), -1)
        h = channel.h[:, data].reshape(len(channel.h), 1, -1)
        x, variance = self.hooks.equaliser(np.ascontiguousarray(y), np.ascontiguousarray(h), channel.noise_var)
        spread = np.ascontiguousarray(x.reshape(-1, m_sc), np.complex64)
        noise = np.asarray(variance, np.float32).reshape(-1, m_sc).mean(axis=1)
        return scfdma.inverse(spread), noise


def _without_error(h: C64, noise_var: float, start: tuple[int, int]) -> UlChannelEstimate:
    """An estimate from a channel and its noise power alone."""
    power = float(np.vdot(h, h).real / h.size)
    snr_db = float(10 * np.log10(max(power, 1e-30) / noise_var))
    return UlChannelEstimate(h, noise_var, np.zeros(h.shape[1], np.float32), snr_db, 0.0, 0.0, power, start)


class _Transport:
    """One block of work: the link, an air, and what has been sent and not yet received."""

    def __init__(self, link: UplinkLink, air: Air, trace: TraceFunction | None) -> None:
        self._link, self._air, self._trace = link, air, trace
        self._sent: list[tuple[TransportBlock, int, C64] | None] = []
        self._count = 0
        self._by_steps = bool(link.hooks) or trace is not None or link.point.estimator == "perfect"

    def send(self, slot: int, block: TransportBlock | None) -> None:
        if block is None:
            self._sent.append(None)
            self._air.send(slot, None)
            return
        grid = self._link.compose(slot, block)
        self._sent.append((block, block.round, grid))
        self._air.send(slot, grid)

    def receive(self) -> Outcome | None:
        sent, arrival = self._sent.pop(0), self._air.receive()
        if sent is None or arrival is None:
            return None
        link, (block, round_, grid) = self._link, sent
        keep = self._count % EVM_EVERY == 0
        self._count += 1
        symbols: C64 | None
        if self._by_steps:
            channel = link.estimate(arrival)
            outcome, symbols, llr = link.decode(arrival, block, channel)
            if self._trace is not None:
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
                        link.sent_symbols(grid),
                        symbols,
                        llr,
                    )
                )
        else:
            outcome, symbols = link.receive(arrival, block, keep)
        if keep and symbols is not None:
            error = symbols.reshape(-1) - link.sent_symbols(grid)
            outcome.evm2 = float(np.vdot(error, error).real / error.size)
        return outcome
