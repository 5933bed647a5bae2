"""Configuration of a core process."""

import re
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from picocell.epc.epc import EpcSettings
from picocell.epc.hss.algorithms import Algorithm, OperatorKey
from picocell.epc.hss.subscribers import Subscriber, check_apn, check_static_ip
from picocell.epc.interfaces.config import Address, GtpuConfig, SctpConfig
from picocell.epc.mme.settings import MmeSettings
from picocell.epc.pgw.pgw import PgwSettings
from picocell.observe.config import (
    BASE,
    Cipherings,
    FilePath,
    Imsi,
    Int,
    Integrities,
    Ints,
    Key,
    LayerLog,
    LogConfig,
    MetricsConfig,
    Netns,
    PcapConfig,
    Plmn,
    Port,
    RelativePath,
    Section,
)
from picocell.rrc_nas.nas.mme_settings import MAX_TIMER_S, MmeNasSettings
from picocell.rrc_nas.security.algorithms import Eea, Eia

INSIDE: Final = ("127.255.255.1", "127.255.255.2", "127.255.255.3")
"""Addresses of MME, HSS and PGW in the process, where nothing but their names for each other is needed of them."""


def _database(value: str, info: ValidationInfo) -> str:
    base = (info.context or {}).get(BASE)
    if base is None or "://" in value or value == ":memory:":
        return value
    return str(Path(base) / Path(value).expanduser())


def _network(value: str) -> str:
    try:
        if IPv4Network(value).prefixlen <= 30:
            return value
    except ValueError:
        pass
    raise ValueError("allowed is an IPv4 network such as 172.16.0.0/24, /30 being the smallest")


def _apn(value: str) -> str:
    check_apn(value)
    return value


def _static_ip(value: str) -> str:
    check_static_ip(value)
    return value


def _device_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", value) or value in (".", ".."):
        raise ValueError("allowed are 1 to 15 letters, digits, '_', '-' and '.'")
    return value


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Apn = Annotated[str, AfterValidator(_apn)]
Apns = Annotated[tuple[Apn, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
TimerS = Annotated[Int, Field(ge=0, le=MAX_TIMER_S)]
Wait = Annotated[Int, Field(ge=10, le=3_600_000)]


class MmeConfig(Section):
    """The MME: S1AP towards eNBs, and what phones are told."""

    name: str = Field(default="picocell-mme", min_length=1, max_length=150, description="told to eNBs")
    address: Address = Field(default="127.0.1.100", description="address that eNBs connect to")
    port: Port = Field(default=36412, description="SCTP port")
    sctp: SctpConfig = Field(default=SctpConfig(), description="transport")
    plmn: Plmn = Field(default=("001", "01"), description="MCC and MNC")
    tacs: Annotated[Ints, Field(max_length=16)] = Field(
        default=(7,), description="tracking area codes that are served; []: every one"
    )
    group_id: Int = Field(default=1, ge=0, le=0xFFFF, description="MME group identity of the GUTIs")
    code: Int = Field(default=1, ge=0, le=0xFF, description="MME code of the GUTIs")
    network_name: str = Field(default="picocell", max_length=60, description="shown by phones; empty: not told")
    short_name: str = Field(default="picocell", max_length=30, description="its short form")
    eea: Cipherings = Field(
        default=(Eea.EEA2, Eea.EEA1, Eea.EEA3, Eea.EEA0), description="ciphering of NAS, the preferred one first"
    )
    eia: Integrities = Field(default=(Eia.EIA2, Eia.EIA1, Eia.EIA3), description="integrity of NAS, likewise")
    t3412_s: TimerS = Field(default=3240, description="periodic tracking area update; 0: none")
    t3402_s: TimerS | None = Field(
        default=None, description="phones wait so long after failed attaches; null: not told"
    )
    t3413_ms: Wait = Field(default=6000, description="wait for the answer to paging")
    paging_attempts: Int = Field(default=3, ge=1, le=100, description="times that a phone is paged")
    guard_ms: Wait = Field(default=10_000, description="wait for answers of eNBs")
    keep_ms: Int = Field(default=0, ge=0, description="contexts of detached phones are kept so long")


class SubscriberConfig(Section):
    """A subscriber."""

    imsi: Imsi
    k: Annotated[Key, Field(repr=False)]
    opc: Annotated[Key | None, Field(repr=False)] = None
    op: Annotated[Key | None, Field(repr=False)] = None
    algorithm: Literal["milenage", "tuak", "xor"] = "milenage"
    apns: Apns = ("internet",)
    qci: Annotated[Int, Field(ge=1, le=254)] = 9
    ip: Annotated[str, AfterValidator(_static_ip)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.subscriber()
        return self

    def subscriber(self) -> Subscriber:
        """The subscriber as the database has it.

        Raises:
            ValueError: keys that do not fit the algorithm.
        """
        if (self.opc is None) == (self.op is None) and self.algorithm != "xor":
            raise ValueError("either opc or op is needed, and not both")
        return Subscriber(
            imsi=self.imsi,
            k=self.k,
            operator_key=self.opc or self.op or b"",
            operator_key_kind=OperatorKey.OP if self.op is not None else OperatorKey.OPC,
            algorithm=Algorithm(self.algorithm),
            apns=self.apns,
            qci=self.qci,
            static_ip=self.ip,
        )


_TEST_SIM: Final = SubscriberConfig(
    imsi="001010123456780",
    k=bytes.fromhex("00112233445566778899aabbccddeeff"),
    opc=bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d"),
)


class HssConfig(Section):
    """The HSS: who may use the network."""

    database: Annotated[str, AfterValidator(_database), RelativePath()] = Field(
        default="subscribers.db",
        min_length=1,
        description="SQLite file, or a URL such as postgresql://host/name; :memory:",
    )
    import_csv: FilePath | None = Field(
        default=None, description="user_db.csv whose new subscribers are added at the start"
    )
    subscribers: tuple[SubscriberConfig, ...] = Field(
        default=(_TEST_SIM,), description="added at the start where they are not in the database"
    )


class SgwConfig(GtpuConfig):
    """The SGW: GTP-U towards eNBs."""

    address: Address = Field(default="127.0.1.100", description="IPv4 address told to eNBs")


class PgwConfig(Section):
    """The PGW: addresses of phones."""

    pool: Annotated[str, AfterValidator(_network)] = Field(
        default="172.16.0.0/24", description="addresses of phones; the first one is the gateway's"
    )
    apns: Apns = Field(default=("internet",), description="access points, the default one first; '*' takes any")
    dns: Annotated[tuple[Address, ...], BeforeValidator(_one_or_more)] = Field(
        default=("8.8.8.8", "8.8.4.4"), description="name servers told to phones"
    )
    mtu: Int = Field(default=1400, ge=576, le=65535, description="largest packet; 36 bytes of GTP-U come on top")
    hairpin: bool = Field(default=True, description="packets from phone to phone turn round in the gateway")


class EpcIpConfig(Section):
    """Where the phones' IP packets go."""

    kind: Literal["auto", "tun", "host"] = Field(
        default="auto",
        description="tun: a TUN device; host: a host inside the process; auto: tun where that is allowed",
    )
    name: Annotated[str, AfterValidator(_device_name)] = Field(default="tun_epc", description="of the TUN device")
    netns: Netns | None = Field(
        default=None, description="network namespace of the TUN, made where there is none; null: ours"
    )
    nat: bool = Field(default=False, description="tun: let phones out to the Internet by address translation")


class EpcLog(LogConfig):
    """Log: debug, info, warning or error; by layer where wanted; files are appended to."""

    s1ap: LayerLog = LayerLog()
    nas: LayerLog = LayerLog()
    hss: LayerLog = LayerLog()
    sgw: LayerLog = LayerLog()
    pgw: LayerLog = LayerLog()
    gtpu: LayerLog = LayerLog()


class EpcProcess(Section):
    """The core as a process."""

    priority: Int | None = Field(
        default=None,
        ge=1,
        le=99,
        description="real-time priority of a core on the CPUs of an eNB with a device, below the eNB's; null: none",
    )


class EpcConfig(Section):
    """Configuration of ``picocell epc``.

    Attributes:
        mme, hss, sgw, pgw: the nodes.
        ip: where packets go.
        process: how it runs.
        log, pcap, metrics: what is seen of the process.
    """

    mme: MmeConfig = MmeConfig()
    hss: HssConfig = HssConfig()
    sgw: SgwConfig = SgwConfig()
    pgw: PgwConfig = PgwConfig()
    ip: EpcIpConfig = EpcIpConfig()
    process: EpcProcess = EpcProcess()
    log: EpcLog = EpcLog()
    pcap: PcapConfig = PcapConfig()
    metrics: MetricsConfig = MetricsConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.settings()
        return self

    @property
    def gateway(self) -> str:
        """Address of the gateway on the phones' side."""
        return str(IPv4Network(self.pgw.pool)[1])

    def settings(self) -> EpcSettings:
        """Settings of the core.

        Raises:
            ValueError: values that do not go together.
        """
        mme, pgw = self.mme, self.pgw
        mcc, mnc = mme.plmn
        nas = MmeNasSettings(
            mcc=mcc,
            mnc=mnc,
            mme_group_id=mme.group_id,
            mme_code=mme.code,
            tacs=mme.tacs,
            t3412_s=mme.t3412_s,
            t3402_s=mme.t3402_s,
            full_name=mme.network_name,
            short_name=mme.short_name,
            eea=mme.eea,
            eia=mme.eia,
        )
        if self.sgw.address in INSIDE or IPv4Address(self.sgw.address).is_unspecified:
            raise ValueError(f"sgw.address {self.sgw.address}: allowed is an address that eNBs can send to")
        inside_mme, inside_hss, inside_pgw = INSIDE
        return EpcSettings(
            mme=MmeSettings(
                nas=nas,
                name=mme.name,
                guard_ms=mme.guard_ms,
                t3413_ms=mme.t3413_ms,
                paging_attempts=mme.paging_attempts,
                keep_ms=mme.keep_ms,
            ),
            # the host behind the gateway has the gateway's address, and answers itself
            pgw=PgwSettings(hairpin=pgw.hairpin, ping=False),
            pool=pgw.pool,
            apns=pgw.apns,
            dns=pgw.dns,
            mtu=pgw.mtu,
            mme_address=inside_mme,
            hss_address=inside_hss,
            sgw_address=self.sgw.address,
            pgw_address=inside_pgw,
        )


__all__ = ["INSIDE", "EpcConfig", "SubscriberConfig"]
