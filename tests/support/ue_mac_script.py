"""A base station that a test writes line by line, for a UE's MAC: no scheduler, no physical layer."""

import random
from dataclasses import dataclass, field
from typing import Any

from picocell.mac import pdu, rar
from picocell.mac.common_config import RachConfig
from picocell.mac.control_elements import Direction
from picocell.mac.dedicated_config import (
    Bearer,
    BearerKind,
    DedicatedConfig,
    PeriodicCqi,
    PhrConfig,
    SchedulingRequest,
    UlSchConfig,
)
from picocell.mac.pdu import Element
from picocell.mac.rar import RandomAccessResponse, RarGrant, RarPdu
from picocell.mac.ue_mac import Preamble, UeMac, UeMacEvent, UeTransmission
from picocell.phy.fapi import DciIndication, DlIndication, DlschIndication, HiIndication
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci, Dci0, Dci1A
from picocell.phy.lte.dci_sizes import riv_encode
from picocell.phy.lte.grant import PdschGrant, TransmissionScheme
from picocell.phy.lte.uplink import PuschTransmission
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig

CELL = Cell(pci=7, n_prb=25)
UL = UplinkConfig(n_prb=25, prach=PrachConfig(config_index=6))
RACH = RachConfig(
    n_preambles=52,
    power_ramping_step_db=2,
    target_power_dbm=-104,
    preamble_trans_max=3,
    response_window=5,
    contention_timer=24,
    max_harq_msg3_tx=3,
)
CONFIG = DedicatedConfig(
    cqi=PeriodicCqi(n2_pucch=0, config_index=38, simultaneous_ack_nack=True),
    sr=SchedulingRequest(n1_pucch=5, config_index=15, dsr_trans_max=4),
    ul_sch=UlSchConfig(max_harq_tx=4, periodic_bsr=20, retx_bsr=320),
    phr=PhrConfig(periodic=50, prohibit=0, path_loss_change_db=3),
    time_alignment_timer=2560,
    bearers=(
        Bearer(BearerKind.SRB, 1, 1, priority=1, lcg=0),
        Bearer(BearerKind.SRB, 2, 2, priority=3, lcg=0),
        Bearer(BearerKind.DRB, 1, 3, priority=13, lcg=2, prioritised_bit_rate=8000, bucket_size_duration=100),
    ),
)
CCCH_SDU = bytes.fromhex("5c38970e2298")


@dataclass
class _Bytes:
    n_bytes: int


@dataclass
class ByteChannel:
    """A logical channel of plain bytes: a PDU is two bytes of header and what fits."""

    waiting: int = 0
    received: list[bytes] = field(default_factory=list)
    built: list[bytes] = field(default_factory=list)

    def buffer_status(self, _now: int) -> _Bytes:
        return _Bytes(self.waiting + 2 if self.waiting else 0)

    def build_pdu(self, grant_bytes: int, _now: int) -> bytes:
        size = min(self.waiting, grant_bytes - 2)
        if size <= 0:
            return b""
        self.waiting -= size
        self.built.append(bytes([0xAA]) * (size + 2))
        return self.built[-1]

    def receive_pdu(self, data: bytes, _now: int) -> None:
        self.received.append(data)


@dataclass
class SduChannel(ByteChannel):
    """A transparent channel with one SDU."""

    sdu: bytes = b""

    def buffer_status(self, _now: int) -> _Bytes:
        return _Bytes(len(self.sdu))

    def build_pdu(self, grant_bytes: int, _now: int) -> bytes:
        if not self.sdu or len(self.sdu) > grant_bytes:
            return b""
        data, self.sdu = self.sdu, b""
        return data


class ScriptedEnb:
    """Drives a UE's MAC subframe by subframe."""

    def __init__(self, mac: UeMac | None = None, *, seed: int = 1, **options: Any) -> None:
        ul, rach = options.pop("ul", UL), options.pop("rach", RACH)
        self.mac = mac or UeMac(CELL, ul, rach, rng=random.Random(seed), **options)
        self.mac.measured(0, rsrp_dbm=-80.0, path_loss_db=90.0, sinr_db=15.0)
        self.channels: dict[int, ByteChannel] = {0: SduChannel()}
        self.mac.add_channel(0, self.channels[0])
        self.now = 0
        self.sent: dict[int, UeTransmission] = {}
        self.events: list[UeMacEvent] = []

    def step(
        self, *messages: tuple[DciIndication | None, DlschIndication | None], hi: bool | None = None
    ) -> UeTransmission | None:
        """One subframe with these messages; ``hi`` answers every PHICH that is due."""
        indication = DlIndication(self.now % 10240, 3, 1.0, 1.0, 20.0, 0.01, 1.0)
        indication.dci = [dci for dci, _ in messages if dci is not None]
        indication.dlsch = [block for _, block in messages if block is not None]
        if hi is not None:
            indication.hi = [HiIndication(*place, hi, 1.0) for place in self.mac.phich_due(self.now)]
        self.mac.receive(indication, self.now)
        sent = self.mac.uplink(self.now)
        if sent is not None:
            self.sent[self.now] = sent
        while (event := self.mac.next_event()) is not None:
            self.events.append(event)
        self.now += 1
        return sent

    def run(self, subframes: int, *, hi: bool | None = None) -> None:
        """Subframes without messages."""
        for _ in range(subframes):
            self.step(hi=hi)

    def until(self, kind: type, limit: int = 200, *, hi: bool | None = None) -> int:
        """Run until something of a kind is sent; its subframe."""
        for _ in range(limit):
            sent = self.step(hi=hi)
            if sent is not None and isinstance(sent.sent, kind):
                return self.now - 1
        raise AssertionError(f"no {kind.__name__} within {limit} subframes")

    def looks_for(self, rnti: int) -> bool:
        """Whether the UE looks for an RNTI in the next subframe."""
        return rnti in [search.rnti for search in self.mac.searches(self.now)]

    def pusch(self, subframe: int) -> PuschTransmission:
        """The PUSCH that was sent in a subframe."""
        sent = self.sent[subframe].sent
        assert isinstance(sent, PuschTransmission)
        return sent

    def content(self, subframe: int) -> pdu.MacPdu:
        """The MAC PDU that was sent in a subframe."""
        return pdu.parse(self.pusch(subframe).payload, Direction.UPLINK)

    def events_of(self, kind: type) -> list[Any]:
        """Events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def connect(self, c_rnti: int = 0x46, config: DedicatedConfig = CONFIG, n_ta: int = 10) -> None:
        """A UE that is connected, configured and synchronised, with three logical channels."""
        self.mac.set_c_rnti(c_rnti)
        self.mac.configure(config, self.now)
        for lcid in (1, 2, 3):
            self.channels[lcid] = ByteChannel()
            self.mac.add_channel(lcid, self.channels[lcid])
        self.mac._uplink.alignment.response(n_ta, self.now)

    def access(self, tc_rnti: int = 0x46, sdu: bytes = CCCH_SDU) -> int:
        """Random access on the CCCH up to message 3; its subframe."""
        channel = self.channels[0]
        assert isinstance(channel, SduChannel)
        channel.sdu = sdu
        self.mac.start_random_access(self.now)
        return self.message_3(tc_rnti)

    def message_3(self, tc_rnti: int = 0x46, **grant: Any) -> int:
        """Wait for the preamble, answer it, and wait for message 3; its subframe."""
        at, number = self.preamble()
        self.run(at + 3 - self.now)
        self.step(response(at, [answer(number, tc_rnti, **grant)]))
        return self.until(PuschTransmission, 10)

    def preamble(self) -> tuple[int, int]:
        """Wait for a preamble: its subframe and number."""
        at = self.until(Preamble)
        sent = self.sent[at].sent
        assert isinstance(sent, Preamble)
        return at, sent.number


def answer(rapid: int, tc_rnti: int = 0x46, *, n_prb: int = 3, start: int = 2, mcs: int = 0, **more: Any) -> Any:
    """A random access response: 3 resource blocks of MCS 0 are 7 bytes."""
    grant = RarGrant(False, riv_encode(25, start, n_prb), mcs, more.pop("tpc", 3), **more.pop("grant", {}))
    return RandomAccessResponse(rapid, more.pop("timing_advance", 10), grant, tc_rnti)


def response(preamble_at: int, answers: list[Any], backoff: int | None = None) -> tuple[Any, Any]:
    """A random access response PDU."""
    return raw_response(preamble_at, rar.build(RarPdu(tuple(answers), backoff)))


def raw_response(preamble_at: int, payload: bytes) -> tuple[Any, Any]:
    """Bytes for the RA-RNTI of a preamble."""
    rnti = rar.ra_rnti(preamble_at % 10)
    dci = Dci1A(riv=0, mcs=2)
    return (
        DciIndication(rnti, dci.FORMAT, dci, 0, 4, 1.0),
        DlschIndication(_pdsch(rnti, len(payload)), payload, True, 1.0, 0),
    )


def _pdsch(rnti: int, size: int, process: int = 0, ndi: int = 0) -> PdschGrant:
    prbs = ((0, 1, 2), (0, 1, 2))
    return PdschGrant(rnti, prbs, 2, 8 * size, 0, 3, TransmissionScheme.PORT0, harq_process=process, ndi=ndi)


def downlink(
    elements: list[Element],
    *,
    rnti: int = 0x46,
    process: int = 0,
    ndi: int = 0,
    size: int = 64,
    crc_ok: bool = True,
    cce: int = 2,
    tpc: int = 1,
) -> tuple[Any, Any]:
    """A transport block for a UE."""
    payload = pdu.build(pdu.fit(elements, size), Direction.DOWNLINK)
    dci = Dci1A(riv=0, mcs=5, harq_process=process, ndi=ndi, tpc=tpc)
    grant = _pdsch(rnti, size, process, ndi)
    return DciIndication(rnti, dci.FORMAT, dci, cce, 1, 1.0), DlschIndication(grant, payload, crc_ok, 1.0, 0)


def order(dci: Dci, rnti: int = 0x46, cce: int = 0) -> tuple[Any, None]:
    """A message on the PDCCH without PDSCH."""
    return DciIndication(rnti, dci.FORMAT, dci, cce, 1, 1.0), None


def grant(ndi: int = 1, *, rnti: int = 0x46, mcs: int = 10, n_prb: int = 4, start: int = 2, **more: Any) -> Any:
    """An uplink grant."""
    return order(Dci0(riv=riv_encode(25, start, n_prb), mcs=mcs, ndi=ndi, **({"tpc": 1} | more)), rnti)
