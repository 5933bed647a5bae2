"""The commands ``picocell epc``, ``picocell enb`` and ``picocell ue``: one process of the network each."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from picocell.ip_device import IpDevice

    Model = TypeVar("Model", bound=BaseModel)

app = typer.Typer()

_ANY_KEY: Final = {"allow_extra_args": True, "ignore_unknown_options": True}
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
    from picocell.epc.config import EpcConfig

    loaded = _load(EpcConfig, config, context.args)
    if print_config:
        _print(loaded)
        return
    from picocell.epc import run

    raise typer.Exit(run.main(loaded, open_device=_open_gateway))


@app.command(context_settings=_ANY_KEY, options_metavar=f"[OPTIONS] {_METAVAR}")
def enb(context: typer.Context, config: Config = None, print_config: PrintConfig = False) -> None:
    """Run an eNB. Every key of its configuration is an option: --enb.n-prb 50."""
    from picocell.enb.config import EnbConfig

    loaded = _load(EnbConfig, config, context.args)
    if print_config:
        _print(loaded)
        return
    from picocell.enb import run

    raise typer.Exit(run.main(loaded))


@app.command(context_settings=_ANY_KEY, options_metavar=f"[OPTIONS] {_METAVAR}")
def ue(context: typer.Context, config: Config = None, print_config: PrintConfig = False) -> None:
    """Run a phone. Every key of its configuration is an option: --usim.imsi 001010123456781."""
    from picocell.ue.config import UeConfig

    loaded = _load(UeConfig, config, context.args)
    if print_config:
        _print(loaded)
        return
    from picocell.ue import run

    raise typer.Exit(run.main(loaded, open_device=_open_device))


def _open_device(kind: str, name: str, netns: str | None) -> "IpDevice":
    """The IP device of a process."""
    from picocell import tun

    return tun.open_device(kind, name=name, netns=netns)


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
        return load(model, file, words)
    except ConfigError as error:
        for line in error.lines:
            print(f"picocell: {line}", file=sys.stderr)
        raise typer.Exit(2) from None


def _print(config: "BaseModel") -> None:
    from picocell.config import render

    print(render(config), end="")
