"""Configuration of an air process."""

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from picocell.air.control import DEFAULT_ENDPOINT
from picocell.air.links import NAME, THERMAL_DBM
from picocell.air.model import Air
from picocell.observe.config import (
    DeviceArgs,
    FilePath,
    Int,
    LayerLog,
    Level,
    LogConfig,
    MetricsConfig,
    Section,
    one_of,
    zmq_args,
)
from picocell.radio.channel.models import AWGN, check
from picocell.radio.shm.args import ShmArgs, is_shm
from picocell.radio.zmq.streams import whole_ratio


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("allowed are a letter, then letters, digits, _ and -")
    return value


def _radio(value: str) -> str:
    if is_shm(value):
        ShmArgs.parse(value)
    elif zmq_args(value) is None:
        raise ValueError(
            "allowed are arguments of a ZeroMQ or shared memory device: tx_port=tcp://*:2001,rx_port=tcp://localhost:2000;"
            " tx_shm=cell1.ul,rx_shm=cell1.dl"
        )
    return value


def _channel(value: str) -> str:
    check(value)
    return value


def _loss(value: float) -> float:
    if math.isnan(value) or value < -400 or 400 < value < math.inf:
        raise ValueError("allowed are -400 to 400 dB, and inf for no link")
    return value


Name = Annotated[str, AfterValidator(_name)]
Channel = Annotated[str, AfterValidator(_channel)]
Loss = Annotated[float, AfterValidator(_loss)]
Level_dB = Annotated[float, Field(ge=-400, le=400)]
Antennas = Annotated[Int, one_of((1, 2, 4))]


class TimeConfig(Section):
    """Time and samples."""

    sample_rate: float = Field(default=5.76e6, ge=1e3, le=1e9, description="samples per second of all members")
    pace: Literal["fast", "real"] = Field(
        default="fast", description="fast: as the slowest member; real: a millisecond takes one"
    )
    start_wait_s: float = Field(default=10.0, ge=0, le=3600, description="time begins with all members, or after it")
    stall_s: float = Field(default=1.8, gt=0, le=60, description="a member that gives nothing so long is left behind")
    seed: Int = Field(default=0, ge=0, description="of channels and noise")


class DefaultsConfig(Section):
    """Links and receivers that are not told otherwise."""

    channel: Channel = Field(default=AWGN, description="AWGN, or EPA, EVA, ETU with Doppler: EPA5, EVA70")
    loss_db: Loss = Field(default=0.0, description="attenuation; inf: no link")
    snr_db: Level_dB = Field(default=30.0, description="of a resource element of 1 without attenuation: sets the noise")
    noise_figure_db: Level_dB | None = Field(
        default=None, description="in place of it, where a resource element of 1 stands for 1 mW"
    )


class MemberConfig(Section):
    """A member."""

    name: Name = Field(description="name")
    radio: Annotated[DeviceArgs, AfterValidator(_radio)] = Field(
        description="arguments of the device, ZeroMQ or shared memory"
    )
    carrier: Int | str = Field(default=0, description="a phone hears the cells of its own")
    n_rx: Antennas = Field(default=1, description="receive antennas: 1, 2 or 4")
    noise_dbfs: Level_dB | None = Field(default=None, description="noise in dB of a sample of 1")
    noise_figure_db: Level_dB | None = Field(default=None, description="the same, where 1 stands for 1 mW")
    tx_gain_db: Level_dB = Field(default=0.0, description="of what it sends")
    rx_gain_db: Level_dB = Field(default=0.0, description="of what it hears")


class AirCellConfig(MemberConfig):
    """A cell."""

    n_ports: Antennas = Field(default=1, description="transmit antennas: 1, 2 or 4")


class AirPhoneConfig(MemberConfig):
    """A phone."""

    n_tx: Antennas = Field(default=1, description="transmit antennas: 1, 2 or 4")


class LinkConfig(Section):
    """A link."""

    phone: Name = Field(description="one end")
    cell: Name = Field(description="other end")
    channel: Channel | None = Field(default=None, description="channel")
    loss_db: Loss | None = Field(default=None, description="attenuation; inf: no link")
    ul_loss_db: Level_dB = Field(default=0.0, description="of the uplink on top")
    distance_m: float = Field(default=0.0, ge=0, le=1e6, description="for the propagation delay")
    delay_s: float | None = Field(default=None, ge=0, le=3e-3, description="in place of it")
    cfo_hz: float = Field(default=0.0, ge=-1e6, le=1e6, description="what the phone's oscillator is off")
    snr_db: Level_dB | None = Field(default=None, description="both ways, of a resource element of 1")


class ScenarioConfig(Section):
    """What changes while the air runs."""

    file: FilePath | None = Field(default=None, description="YAML list of times, values and ramps; null: none")


class ControlConfig(Section):
    """Commands to the running air."""

    endpoint: str | None = Field(
        default=DEFAULT_ENDPOINT, pattern=r"^(tcp|ipc)://\S+$", description="of a ZeroMQ REP socket; null: none"
    )


class AirConsoleConfig(Section):
    """Live console."""

    enable: bool = Field(default=True, description="tell of members that come and go")
    table: bool = Field(default=False, description="show the table of members")
    period_ms: Int = Field(default=2000, ge=100, le=60_000, description="time between tables")


class AirLog(LogConfig):
    """Log: debug, info, warning or error; by layer where wanted; files are appended to."""

    level: Level = Field(default="warning", description="level of all layers that have none of their own")
    radio: LayerLog = LayerLog(level="error")


class AirConfig(Section):
    """Configuration of ``picocell air``.

    Attributes:
        air: time and samples.
        defaults: links and receivers.
        cells, phones: the members.
        links: what differs from the defaults.
        scenario: what changes.
        control, console, metrics, log: how the process is seen and steered.
    """

    air: TimeConfig = TimeConfig()
    defaults: DefaultsConfig = DefaultsConfig()
    cells: tuple[AirCellConfig, ...] = Field(
        default=(
            AirCellConfig(
                name="cell1", radio="tx_port=tcp://*:2001,rx_port=tcp://localhost:2000,base_srate=5.76e6,id=cell1"
            ),
        ),
        description="the peers of the eNBs: what an eNB sends at tcp://*:2000 and hears from tcp://localhost:2001",
    )
    phones: tuple[AirPhoneConfig, ...] = Field(
        default=tuple(
            AirPhoneConfig(
                name=f"ue{i}",
                radio=f"tx_port=tcp://*:{2000 + 100 * i},rx_port=tcp://localhost:{2001 + 100 * i}"
                f",base_srate=5.76e6,id=ue{i}",
            )
            for i in (1, 2)
        ),
        description="the peers of the phones",
    )
    links: tuple[LinkConfig, ...] = Field(
        default=(),
        description="such as {phone: ue1, cell: cell1, loss_db: 10, channel: EPA5, distance_m: 500, cfo_hz: 100}",
    )
    scenario: ScenarioConfig = ScenarioConfig()
    control: ControlConfig = ControlConfig()
    console: AirConsoleConfig = AirConsoleConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: AirLog = AirLog()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.air.sample_rate % 1000:
            raise ValueError("air.sample_rate: allowed are whole numbers of samples a millisecond")
        if not self.cells:
            raise ValueError("cells: allowed is a list of one or more")
        members = (*self.cells, *self.phones)
        names = [member.name for member in members]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two members are named {name}: every name is allowed once")
        ports: dict[str, str] = {}
        for member in members:
            if is_shm(member.radio):
                self._check_shm(member, ports)
                continue
            args = zmq_args(member.radio)
            if args is None:
                continue
            n_tx = member.n_ports if isinstance(member, AirCellConfig) else getattr(member, "n_tx", 1)
            try:
                args.check_channels(member.n_rx, n_tx)
                whole_ratio(args.base_srate, self.air.sample_rate)
            except ValueError as error:
                raise ValueError(f"{member.name}: {error}") from None
            for port in args.tx_ports:
                key = port.rsplit(":", 1)[-1]
                if key in ports and port.startswith("tcp"):
                    raise ValueError(f"{member.name}: tx_port={port} is the port of {ports[key]} too")
                ports[key] = member.name
        for link in self.links:
            if link.phone not in [phone.name for phone in self.phones]:
                raise ValueError(f"links: there is no phone {link.phone}")
            if link.cell not in [cell.name for cell in self.cells]:
                raise ValueError(f"links: there is no cell {link.cell}")
        return self

    def _check_shm(self, member: MemberConfig, names: dict[str, str]) -> None:
        args = ShmArgs.parse(member.radio)
        try:
            whole_ratio(args.base_srate, self.air.sample_rate)
        except ValueError as error:
            raise ValueError(f"{member.name}: {error}") from None
        for key in (f"tx_shm={args.tx_shm}", f"rx_shm={args.rx_shm}"):
            if key in names:
                raise ValueError(f"{member.name}: {key} is that of {names[key]} too")
            names[key] = member.name

    def open(self) -> Air:
        """The air.

        Raises:
            RadioError: a port cannot be bound.
        """
        one, defaults = self.air, self.defaults
        air = Air(
            one.sample_rate,
            channel=defaults.channel,
            snr_db=defaults.snr_db if defaults.noise_figure_db is None else -THERMAL_DBM - defaults.noise_figure_db,
            stall_s=one.stall_s,
            start_wait_s=one.start_wait_s,
            seed=one.seed,
        )
        try:
            self._fill(air)
        except BaseException:
            air.close()
            raise
        return air

    def _fill(self, air: Air) -> None:
        for cell in self.cells:
            member = air.cell(cell.name, cell.radio, cell.n_ports, cell.carrier, n_rx=cell.n_rx)
            _settle(member, cell)
        for phone in self.phones:
            member = air.phone(phone.name, phone.radio, carrier=phone.carrier, n_tx=phone.n_tx, n_rx=phone.n_rx)
            _settle(member, phone)
            for cell in self.cells:
                air.link(phone.name, cell.name).loss_db = self.defaults.loss_db
        for wanted in self.links:
            link = air.link(wanted.phone, wanted.cell)
            for key in ("channel", "loss_db", "ul_loss_db", "distance_m", "delay_s", "cfo_hz", "snr_db"):
                value = getattr(wanted, key)
                if value is not None:
                    setattr(link, key, value)


def _settle(member: object, config: MemberConfig) -> None:
    """Levels of a member."""
    for key in ("noise_dbfs", "noise_figure_db", "tx_gain_db", "rx_gain_db"):
        value = getattr(config, key)
        if value is not None:
            setattr(member, key, value)
