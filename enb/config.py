"""Configuration of an eNB process."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from picocell.enb.s1ap import EnbS1apSettings
from picocell.enb.settings import EnbSettings, default_sib2
from picocell.enb.system_information import Identity
from picocell.epc.interfaces.config import Address, GtpuConfig, PeerPort, SctpConfig
from picocell.mac.enb_settings import EnbMacSettings
from picocell.observe.config import (
    Cipherings,
    ConsoleConfig,
    DeviceArgs,
    FilePath,
    HexInt,
    Int,
    Integrities,
    LayerLog,
    Level,
    LogConfig,
    MetricsConfig,
    PcapConfig,
    Plmn,
    Port,
    Section,
    check_channels,
    one_of,
    zmq_args,
)
from picocell.phy.lte.cell import BANDWIDTHS, Cell
from picocell.phy.lte.frame import SUBCARRIER_SPACING, fft_size
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings
from picocell.rrc_nas.security.algorithms import Eea, Eia


class CellConfig(Section):
    """The eNB and its cell."""

    name: str = Field(default="picocell-enb", min_length=1, max_length=150, description="told to the MME")
    cell_id: HexInt = Field(
        default=0x19B01, ge=0, le=0xFFFFFFF, description="28 bits; the upper 20 are the eNB's identity"
    )
    plmn: Plmn = Field(default=("001", "01"), description="MCC and MNC")
    tac: Int = Field(default=7, ge=1, le=0xFFFE, description="tracking area code")
    pci: Int = Field(default=1, ge=0, le=503, description="physical cell identity")
    n_prb: Annotated[Int, one_of(BANDWIDTHS)] = Field(
        default=25, description="resource blocks: 6, 15, 25, 50, 75 or 100"
    )
    n_ports: Annotated[Int, one_of((1, 2, 4))] = Field(default=1, description="antenna ports: 1, 2 or 4")
    band: Int = Field(default=7, ge=1, le=64, description="frequency band")
    earfcn: Int = Field(default=3350, ge=0, le=0xFFFF, description="downlink EARFCN")
    scheduler: Literal["rr", "pf"] = Field(default="pf", description="rr: round robin; pf: proportional fair")
    enable_64qam: bool = Field(default=False, description="64QAM in the uplink")
    inactivity_ms: Int | None = Field(
        default=30_000, ge=100, le=3_600_000, description="a phone without traffic goes to idle after it; null: never"
    )
    max_ues: Int = Field(default=64, ge=1, le=256, description="phones at once")
    sr_period_ms: Annotated[Int, one_of((5, 10, 20, 40, 80))] = Field(
        default=20, description="scheduling requests of a phone"
    )
    cqi_period_ms: Annotated[Int, one_of((2, 5, 10, 20, 40, 80, 160))] = Field(
        default=40, description="channel reports of a phone"
    )
    eea: Cipherings = Field(
        default=(Eea.EEA0, Eea.EEA2, Eea.EEA1, Eea.EEA3), description="ciphering of the radio, the preferred one first"
    )
    eia: Integrities = Field(default=(Eia.EIA2, Eia.EIA1, Eia.EIA3), description="integrity, the preferred one first")


class MacConfig(Section):
    """Scheduling and power control."""

    bler: float = Field(default=0.1, gt=0, lt=1, description="block error rate of first transmissions that is aimed at")
    initial_cqi: Int = Field(default=7, ge=1, le=15, description="believed until a phone reports")
    proactive_grant_ms: Int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="time between small grants to phones that ask for nothing; null: none",
    )
    ul_target_snr_db: float | None = Field(
        default=20.0, ge=-10, le=40, description="PUSCH power control; null: no commands"
    )
    pucch_target_snr_db: float | None = Field(default=10.0, ge=-10, le=40, description="PUCCH likewise")


class MmeConfig(Section):
    """S1AP towards the MME."""

    address: Address = Field(default="127.0.1.100", description="the MME's address")
    port: PeerPort = Field(default=36412, description="the MME's SCTP port")
    bind: Address = Field(default="127.0.1.1", description="our own address")
    bind_port: Port = Field(default=0, description="our own SCTP port; 0: any")
    retry_ms: Int = Field(
        default=2000, ge=100, le=3_600_000, description="a failed connection or S1 Setup is tried again after it"
    )
    sctp: SctpConfig = Field(default=SctpConfig(), description="transport")


class EnbGtpuConfig(GtpuConfig):
    """GTP-U towards the SGW."""

    address: Address = Field(default="127.0.1.1", description="IPv4 address told to the core")


class RadioConfig(Section):
    """The radio."""

    args: DeviceArgs = Field(
        default="tx_port=tcp://*:2000,rx_port=tcp://localhost:2001,id=enb",
        description="arguments of the ZeroMQ device, such as base_srate=23.04e6, fail_on_disconnect=true",
    )
    sample_rate: Literal["standard", "shortened"] = Field(
        default="shortened",
        description="shortened: 5.76, 11.52, 15.36, 23.04 Msps for 25, 50, 75, 100 PRB; standard: 1.92 to 30.72",
    )
    first_tti: Int = Field(default=0, ge=0, le=10_239, description="TTI of the radio's first subframe")
    n_rx: Annotated[Int, one_of((1, 2, 4))] = Field(default=1, description="receive antennas: 1, 2 or 4")
    priority: Int | None = Field(
        default=50, ge=1, le=99, description="real-time priority of a process with a device, if permitted; null: none"
    )
    cpus: tuple[Int, ...] | None = Field(
        default=None, min_length=1, description="CPUs of a process with a device, such as [2, 3]; null: any"
    )
    workers: Int = Field(
        default=0, ge=0, le=16, description="threads that help the one of the radio with wide cells; 0: none"
    )
    rehearse: bool = Field(
        default=True,
        description="with a device: a phone's visit in memory first, so that nothing is done for the first time on air",
    )
    record: FilePath | None = Field(
        default=None, description="SigMF recordings FILE_rx and FILE_tx of all samples; null: none are written"
    )
    tx_gain: float | None = Field(
        default=None, ge=-100, le=100, description="dB; null: 0, and -13 for a device, whose samples stay below 1"
    )
    rx_gain: float = Field(default=0.0, ge=-100, le=100, description="dB")


class EnbLog(LogConfig):
    """Log: debug, info, warning or error; by layer where wanted; files are appended to."""

    level: Level = Field(default="warning", description="level of all layers that have none of their own")
    radio: LayerLog = LayerLog()
    phy: LayerLog = LayerLog()
    mac: LayerLog = LayerLog()
    rlc_pdcp: LayerLog = LayerLog()
    rrc: LayerLog = LayerLog()
    s1ap: LayerLog = LayerLog()
    gtpu: LayerLog = LayerLog()


class EnbConfig(Section):
    """Configuration of ``picocell enb``.

    Attributes:
        enb: the eNB and its cell.
        mac: scheduling and power control.
        mme: S1AP.
        gtpu: tunnels.
        radio: the radio.
        log, pcap, metrics, console: what is seen of the process.
    """

    enb: CellConfig = CellConfig()
    mac: MacConfig = MacConfig()
    mme: MmeConfig = MmeConfig()
    gtpu: EnbGtpuConfig = EnbGtpuConfig()
    radio: RadioConfig = RadioConfig()
    log: EnbLog = EnbLog()
    pcap: PcapConfig = PcapConfig()
    metrics: MetricsConfig = MetricsConfig()
    console: ConsoleConfig = ConsoleConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.settings()
        args = zmq_args(self.radio.args)
        if args is not None:
            check_channels(args, self.enb.n_ports, self.radio.n_rx)
        if args is not None and args.base_srate % self.sample_rate:
            wanted = f"{self.sample_rate / 1e6:g}e6 of {self.enb.n_prb} PRB, radio.sample_rate {self.radio.sample_rate}"
            raise ValueError(f"radio.args: base_srate={args.base_srate / 1e6:g}e6 is not a multiple of {wanted}")
        return self

    @property
    def sample_rate(self) -> float:
        """Samples per second of the cell."""
        return float(fft_size(self.enb.n_prb, shortened=self.radio.sample_rate == "shortened") * SUBCARRIER_SPACING)

    def settings(self) -> EnbSettings:
        """Settings of the eNB.

        Raises:
            ValueError: values that do not go together.
        """
        one = self.enb
        cell = Cell(pci=one.pci, n_prb=one.n_prb, n_ports=one.n_ports)
        sib2 = default_sib2(cell)
        sib2["radioResourceConfigCommon"]["pusch-ConfigCommon"]["pusch-ConfigBasic"]["enable64QAM"] = one.enable_64qam
        return EnbSettings(
            cell,
            Identity(*one.plmn, tac=one.tac, cell_identity=one.cell_id, band=one.band),
            name=one.name,
            sib2=sib2,
            scheduler=one.scheduler,
            mac=EnbMacSettings(
                max_ues=one.max_ues,
                bler=self.mac.bler,
                initial_cqi=self.mac.initial_cqi,
                proactive_grant_period=self.mac.proactive_grant_ms,
                ul_target_snr_db=self.mac.ul_target_snr_db,
                pucch_target_snr_db=self.mac.pucch_target_snr_db,
            ),
            rrc=EnbRrcSettings(earfcn_dl=one.earfcn, eea=one.eea, eia=one.eia, inactivity_ms=one.inactivity_ms),
            s1ap=EnbS1apSettings(retry_ms=self.mme.retry_ms),
            sr_period=one.sr_period_ms,
            cqi_period=one.cqi_period_ms,
        )
