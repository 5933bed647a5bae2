"""The commands ``picocell epc``, ``picocell enb`` and ``picocell ue``: one process of the network each."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from picocell.quick_start import quick_start

if TYPE_CHECKING:
    from pydantic import BaseModel

    from picocell.enb.config import EnbConfig
    from picocell.ip_device import IpDevice
    from picocell.ue.config import UeConfig

    Model = TypeVar("Model", bound=BaseModel)

app = typer.Typer()

_ANY_KEY: Final = {"allow_extra_args": True, "ignore_unknown_options": True}
_SHORT: Final = {"--radio": "--radio.args", "--record": "--radio.record"}
_METAVAR: Final = "[--any.key VALUE]..."

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="YAML file; without it the defaults are used.")
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Print the configuration in effect, every key with a comment, and end.")
]


@app.command(context_settings=_ANY_KEY, options_metavar=f"[OPTIONS] {_METAVAR}")
def epc(context: typer.Context, config: Config = None, print_config: PrintConfig = False) -> None:
    """Run a core: MME, HSS, SGW and PGW. Every key of its configuration is an option: --pgw.mtu 1300."""
    with quick_start():
        from picocell.epc.config import EpcConfig

        loaded = _load(EpcConfig, config, context.args)
        if print_config:
            _print(loaded)
            return
        from picocell.epc import run
        from picocell.epc.interfaces import s1ap_definitions

        s1ap_definitions.messages()
    with _files_named(loaded):
        raise typer.Exit(run.main(loaded, open_device=_open_gateway))


@app.command(context_settings=_ANY_KEY, options_metavar=f"[OPTIONS] {_METAVAR}")
def enb(context: typer.Context, config: Config = None, print_config: PrintConfig = False) -> None:
    """Run an eNB. Every key of its configuration is an option: --enb.n-prb 50."""
    with quick_start():
        from picocell.enb.config import EnbConfig

        loaded = _load(EnbConfig, config, context.args)
        if print_config:
            _print(loaded)
            return
        from picocell.enb import run
        from picocell.epc.interfaces import s1ap_definitions
        from picocell.rrc_nas import asn1

        asn1.load()
        s1ap_definitions.messages()
        _rehearse_enb(loaded)
    with _files_named(loaded):
        raise typer.Exit(run.main(loaded))


@app.command(context_settings=_ANY_KEY, options_metavar=f"[OPTIONS] {_METAVAR}")
def ue(context: typer.Context, config: Config = None, print_config: PrintConfig = False) -> None:
    """Run a phone. Every key of its configuration is an option: --usim.imsi 001010123456781."""
    with quick_start():
        from picocell.ue.config import UeConfig

        loaded = _load(UeConfig, config, context.args)
        if print_config:
            _print(loaded)
            return
        from picocell.rrc_nas import asn1
        from picocell.ue import run

        asn1.load()
        _rehearse_ue(loaded)
    with _files_named(loaded):
        raise typer.Exit(run.main(loaded, open_device=_open_device))


def _rehearse_enb(config: "EnbConfig") -> None:
    """See that nothing is done for the first time on the air."""
    from picocell.radio.sdr.args import sdr_args

    if not config.radio.rehearse or sdr_args(config.radio.args) is None:
        return
    from picocell.network_cell import Cell
    from picocell.rehearsal import rehearse

    settings = config.settings()
    cell = settings.cell
    rehearse(Cell(n_prb=cell.n_prb, pci=cell.pci, n_ports=cell.n_ports, sib2=settings.sib2))


def _rehearse_ue(config: "UeConfig") -> None:
    """The same for a phone, in the widest cell that its samples hold."""
    from picocell.radio.sdr.args import DEFAULT_RATE, sdr_args

    args = sdr_args(config.radio.args)
    if not config.radio.rehearse or args is None:
        return
    from picocell.network_cell import Cell
    from picocell.rehearsal import rehearse, widest

    rehearse(Cell(n_prb=widest(args.base_srate or DEFAULT_RATE)))


def _open_device(kind: str, name: str, netns: str | None) -> "IpDevice":
    """The IP device of a process."""
    from picocell import tun
    from picocell.ip_device import IpDeviceUnavailableError

    try:
        return tun.open_device(kind, name=name, netns=netns)
    except IpDeviceUnavailableError as error:
        raise IpDeviceUnavailableError(f"ip.kind = {kind}: {error}; ip.kind = host needs no permission") from error


@contextmanager
def _files_named(config: "BaseModel") -> Iterator[None]:
    """A file that cannot be had is told with the key that names it, and exit code 2."""
    from picocell.config_errors import file_line

    try:
        yield
    except OSError as error:
        cause = error if error.filename is not None else error.__cause__
        line = file_line(config, cause) if isinstance(cause, OSError) and cause.filename is not None else None
        if line is None:
            raise
        print(f"picocell: {line}", file=sys.stderr)
        raise typer.Exit(2) from None


def _open_gateway(kind: str, name: str, netns: str | None) -> "IpDevice":
    """The IP device of a core: a host in its process has services that phones can measure with."""
    from picocell.served_host import ServedHost
    from picocell.tun import HostDevice

    device = _open_device(kind, name, netns)
    return ServedHost() if isinstance(device, HostDevice) else device


def _load(model: "type[Model]", file: Path | None, words: list[str]) -> "Model":
    """The configuration, or a line for each thing that is wrong with it and exit code 2."""
    from picocell.config import ConfigError, load

    try:
        return load(model, file, [_in_full(word) for word in words])
    except ConfigError as error:
        for line in error.lines:
            print(f"picocell: {line}", file=sys.stderr)
        raise typer.Exit(2) from None


def _in_full(word: str) -> str:
    """A word of the command line whose key may be in a short form: ``--radio`` and ``--record``."""
    key, equals, value = word.partition("=")
    return _SHORT.get(key, key) + equals + value


def _print(config: "BaseModel") -> None:
    from picocell.config import render

    print(render(config), end="")
