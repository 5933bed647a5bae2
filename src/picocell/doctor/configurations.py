"""The configurations that are given: of which process each is, and what they say of the same thing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import yaml
from pydantic import BaseModel

from picocell.air.config import AirConfig
from picocell.config import ConfigError, load
from picocell.enb.config import EnbConfig
from picocell.epc.config import EpcConfig
from picocell.epc.interfaces.config import SctpConfig
from picocell.observe.config import zmq_args
from picocell.radio.shm.args import ShmArgs, is_shm
from picocell.radio.short_form import expand_short
from picocell.ue.config import UeConfig

Model = TypeVar("Model", bound=BaseModel, covariant=True)

_OWN: Final[tuple[tuple[type[BaseModel], frozenset[str]], ...]] = (
    (UeConfig, frozenset(("usim", "nas", "ue"))),
    (AirConfig, frozenset(("air", "cells", "phones", "links", "scenario"))),
    (EnbConfig, frozenset(("enb", "mac", "gtpu"))),
    (EpcConfig, frozenset(("hss", "sgw", "pgw"))),
)
"""Sections that only one kind has."""
_ENB_MME: Final = frozenset(("bind", "bind_port", "retry_ms"))


@dataclass(frozen=True, slots=True)
class Named(Generic[Model]):
    """A configuration and the file that it is from."""

    name: str
    config: Model


@dataclass(frozen=True, slots=True)
class RadioOf:
    """A radio over ZeroMQ or shared memory that a configuration names.

    Attributes:
        name: whose it is, for messages.
        kind: ``enb``, ``ue`` or ``air``.
        tx: endpoints where it sends; a segment of shared memory as ``shm:name``.
        rx: those that it asks.
        base_srate: samples per second.
    """

    name: str
    kind: str
    tx: tuple[str, ...]
    rx: tuple[str, ...]
    base_srate: float

    @classmethod
    def of(cls, name: str, kind: str, text: str) -> "RadioOf | None":
        """The radio of device arguments; None for one without a wire."""
        text = expand_short(text)
        if is_shm(text):
            shm = ShmArgs.parse(text)
            return cls(name, kind, (f"shm:{shm.tx_shm}",), (f"shm:{shm.rx_shm}",), shm.base_srate)
        args = zmq_args(text)
        return None if args is None else cls(name, kind, args.tx_ports, args.rx_ports, args.base_srate)


@dataclass(frozen=True, slots=True)
class Given:
    """Configurations by kind."""

    epcs: tuple[Named[EpcConfig], ...] = ()
    enbs: tuple[Named[EnbConfig], ...] = ()
    ues: tuple[Named[UeConfig], ...] = ()
    airs: tuple[Named[AirConfig], ...] = ()

    @classmethod
    def read(cls, files: Sequence[Path]) -> "Given":
        """Read configurations.

        Raises:
            ConfigError: a file that is none, or whose kind cannot be told.
        """
        found: dict[type[BaseModel], list[Named[Any]]] = {model: [] for model, _ in _OWN}
        for file in files:
            model = _model_of(file)
            found[model].append(Named(file.name, load(model, file)))
        return cls(*(tuple(found[model]) for model in (EpcConfig, EnbConfig, UeConfig, AirConfig)))

    def served(self) -> Iterator[tuple[Named[EnbConfig], Named[EpcConfig]]]:
        """Each eNB with its core: the only one, or the one at the address that it names, or the first."""
        for enb in self.enbs:
            if self.epcs:
                near = [epc for epc in self.epcs if epc.config.mme.address == enb.config.mme.address]
                yield enb, (near or list(self.epcs))[0]

    def sctp(self) -> Iterator[tuple[str, SctpConfig]]:
        """Whose SCTP is how."""
        for epc in self.epcs:
            yield epc.name, epc.config.mme.sctp
        for enb in self.enbs:
            yield enb.name, enb.config.mme.sctp

    def devices(self) -> Iterator[tuple[str, str, str | None]]:
        """Whose IP device is of which kind, in which namespace."""
        for epc in self.epcs:
            yield epc.name, epc.config.ip.kind, epc.config.ip.netns
        for ue in self.ues:
            yield ue.name, ue.config.ip.kind, ue.config.ip.netns

    def device_args(self) -> Iterator[tuple[str, str, str]]:
        """Whose radio has which device arguments, and of which kind the process is."""
        for enb in self.enbs:
            yield enb.name, enb.config.radio.args, "enb"
        for ue in self.ues:
            yield ue.name, ue.config.radio.args, "ue"

    def radios(self) -> Iterator[RadioOf]:
        """All radios that have a wire to another."""
        named = list(self.device_args())
        for air in self.airs:
            named += [(f"{air.name} {one.name}", one.radio, "air") for one in (*air.config.cells, *air.config.phones)]
        for name, text, kind in named:
            if (radio := RadioOf.of(name, kind, text)) is not None:
                yield radio


def _model_of(file: Path) -> type[BaseModel]:
    """Of which process a configuration is."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{file}: {error.strerror}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        document = None
    if not isinstance(document, dict) or not document:
        raise ConfigError([f"{file}: is no configuration of picocell epc, enb, ue or air"])
    sections = {str(key).replace("-", "_") for key in document}
    for model, own in _OWN:
        if sections & own:
            return model
    if "mme" in sections:
        mme = document["mme"]
        return EnbConfig if isinstance(mme, dict) and _ENB_MME & set(map(str, mme)) else EpcConfig
    raise ConfigError([f"{file}: does not tell of which process it is: it has none of usim, enb, hss, sgw, pgw, air"])
