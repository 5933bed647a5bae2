"""Configuration of a UE process."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from picocell.observe.config import (
    Cipherings,
    ConsoleConfig,
    DeviceArgs,
    FilePath,
    Imsi,
    Int,
    Integrities,
    Key,
    LayerLog,
    Level,
    LogConfig,
    MetricsConfig,
    Netns,
    PcapConfig,
    Plmn,
    Section,
    check_channels,
    one_of,
    zmq_args,
)
from picocell.rrc_nas.security.algorithms import Eea, Eia
from picocell.rrc_nas.security.usim import Usim
from picocell.ue.settings import UeSettings

SEARCH_RATE: Final = 1.92e6
"""Samples per second of the cell search."""


def _imeisv(value: str) -> str:
    if not re.fullmatch("[0-9]{16}", value):
        raise ValueError("allowed are 16 digits")
    return value


def _device_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", value) or value in (".", ".."):
        raise ValueError("allowed are 1 to 15 letters, digits, '_', '-' and '.'")
    return value


class UsimConfig(Section):
    """The SIM; opc or op is given, the other one is null."""

    imsi: Imsi = Field(default="001010123456780", description="6 to 15 digits")
    k: Key = Field(
        default=bytes.fromhex("00112233445566778899aabbccddeeff"),
        repr=False,
        description="subscriber key, 32 hexadecimal digits",
    )
    opc: Key | None = Field(
        default=bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d"), repr=False, description="OPc (TOPc with TUAK)"
    )
    op: Key | None = Field(default=None, repr=False, description="OP (TOP with TUAK), in place of opc")
    algorithm: Literal["milenage", "tuak"] = Field(default="milenage", description="milenage or tuak")
    mnc_digits: Annotated[Int, one_of((2, 3))] = Field(default=2, description="digits of the MNC in the IMSI")
    imeisv: Annotated[str, AfterValidator(_imeisv)] = Field(default="3534900698733190", description="16 digits")

    @model_validator(mode="before")
    @classmethod
    def _one_operator_key(cls, values: object) -> object:
        """OP that is given takes the place of the default OPc."""
        if isinstance(values, dict) and values.get("op") is not None and "opc" not in values:
            return {**values, "opc": None}
        return values


class NasConfig(Section):
    """What the phone asks the network for."""

    apn: str | None = Field(
        default=None, min_length=1, max_length=63, description="access point; null: the network's default"
    )
    pdn_type: Literal["ipv4", "ipv6", "ipv4v6"] = Field(default="ipv4", description="ipv4, ipv6 or ipv4v6")
    plmn: Plmn | None = Field(default=None, description="MCC and MNC to camp on; null: those of the IMSI")
    eea: Cipherings = Field(default=tuple(Eea), description="ciphering algorithms that the phone can")
    eia: Integrities = Field(default=(Eia.EIA1, Eia.EIA2, Eia.EIA3), description="integrity algorithms that it can")


class UeRadioConfig(Section):
    """The radio."""

    args: DeviceArgs = Field(
        default="tx_port=tcp://*:2001,rx_port=tcp://localhost:2000,id=ue",
        description="arguments of the ZeroMQ device, such as base_srate=23.04e6, fail_on_disconnect=true",
    )
    sample_rate: Literal["standard", "shortened"] = Field(
        default="shortened",
        description="shortened: 5.76, 11.52, 15.36, 23.04 Msps for 25, 50, 75, 100 PRB; standard: 1.92 to 30.72",
    )
    earfcn: Int = Field(default=3350, ge=0, le=0xFFFF, description="downlink EARFCN")
    n_rx: Annotated[Int, one_of((1, 2, 4))] = Field(default=1, description="receive antennas: 1, 2 or 4")
    priority: Int | None = Field(
        default=50, ge=1, le=99, description="real-time priority of a process with a device, if permitted; null: none"
    )
    cpus: tuple[Int, ...] | None = Field(
        default=None, min_length=1, description="CPUs of a process with a device, such as [2, 3]; null: any"
    )
    rehearse: bool = Field(
        default=True,
        description="with a device: a phone's visit in memory first, so that nothing is done for the first time on air",
    )
    record: FilePath | None = Field(
        default=None, description="SigMF recordings FILE_rx and FILE_tx of all samples; null: none are written"
    )
    tx_gain: float | None = Field(
        default=None,
        ge=-150,
        le=150,
        description="dB; 1 mW in a resource element becomes a sample of so much; null: 40, and -10 for a device",
    )
    rx_gain: float = Field(
        default=80.0, ge=-150, le=150, description="dB; it stands for the path loss in power control"
    )


class PhoneConfig(Section):
    """What the phone can do."""

    category: Annotated[Int, one_of((1, 2, 3, 4, 5))] = Field(default=4, description="UE category")
    p_max_dbm: float = Field(default=23.0, ge=-40, le=33, description="largest transmission power")


class UeIpConfig(Section):
    """Where the phone's IP packets go."""

    kind: Literal["auto", "tun", "host"] = Field(
        default="auto",
        description="tun: a TUN device; host: a host inside the process; auto: tun where that is allowed",
    )
    name: Annotated[str, AfterValidator(_device_name)] = Field(default="tun_ue", description="of the TUN device")
    netns: Netns | None = Field(default=None, description="network namespace of the TUN device; null: ours")


class UeLog(LogConfig):
    """Log: debug, info, warning or error; by layer where wanted; files are appended to."""

    level: Level = Field(default="warning", description="level of all layers that have none of their own")
    radio: LayerLog = LayerLog()
    phy: LayerLog = LayerLog()
    mac: LayerLog = LayerLog()
    rlc_pdcp: LayerLog = LayerLog()
    rrc: LayerLog = LayerLog()
    nas: LayerLog = LayerLog()


class UeConfig(Section):
    """Configuration of ``picocell ue``.

    Attributes:
        usim: the SIM.
        nas: what the phone asks for.
        ue: what it can do.
        radio: the radio.
        ip: where packets go.
        log, pcap, metrics, console: what is seen of the process.
    """

    usim: UsimConfig = UsimConfig()
    nas: NasConfig = NasConfig()
    ue: PhoneConfig = PhoneConfig()
    radio: UeRadioConfig = UeRadioConfig()
    ip: UeIpConfig = UeIpConfig()
    log: UeLog = UeLog()
    pcap: PcapConfig = PcapConfig()
    metrics: MetricsConfig = MetricsConfig()
    console: ConsoleConfig = ConsoleConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        one = self.usim
        if (one.opc is None) == (one.op is None):
            raise ValueError("usim: either opc or op is needed, and not both")
        Usim(one.imsi, one.k, opc=one.opc, op=one.op, algorithm=one.algorithm, mnc_digits=one.mnc_digits)
        args = zmq_args(self.radio.args)
        if args is not None:
            check_channels(args, 1, self.radio.n_rx)
        if args is not None and args.base_srate % SEARCH_RATE:
            rate = f"{args.base_srate / 1e6:g}e6"
            raise ValueError(f"radio.args: base_srate={rate} is not a multiple of 1.92e6, at which cells are searched")
        return self

    def settings(self) -> UeSettings:
        """Settings of the UE."""
        one = self.usim
        return UeSettings(
            imsi=one.imsi,
            k=one.k,
            opc=one.opc,
            op=one.op,
            algorithm=one.algorithm,
            mnc_digits=one.mnc_digits,
            imeisv=one.imeisv,
            apn=self.nas.apn,
            pdn_type=self.nas.pdn_type,
            plmn=self.nas.plmn,
            eea=self.nas.eea,
            eia=self.nas.eia,
            category=self.ue.category,
            p_max_dbm=self.ue.p_max_dbm,
            n_rx=self.radio.n_rx,
        )
