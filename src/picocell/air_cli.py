"""The command ``picocell air``: the air between many radios, and changing it while it runs.

picocell air --config air.yaml [--any.key VALUE]
picocell air set ue1.cell1.loss_db 95
picocell air get [KEY]
picocell air play walk.yaml
picocell air status
picocell air stop
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

app = typer.Typer()

_ANY_KEY: Final = {"allow_extra_args": True, "ignore_unknown_options": True}

Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="YAML file; without it the defaults are used.")
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Print the configuration in effect, every key with a comment, and end.")
]
Control = Annotated[
    str | None, typer.Option("--control", metavar="ENDPOINT", help="Of the air that commands go to; its default port.")
]
Json = Annotated[bool, typer.Option("--json", help="Replies to commands as one JSON object.")]


@app.command(
    context_settings=_ANY_KEY,
    options_metavar="[OPTIONS] [--any.key VALUE]... | set KEY VALUE... | get [KEY]... | play FILE | status | stop",
)
def air(
    context: typer.Context,
    config: Config = None,
    print_config: PrintConfig = False,
    control: Control = None,
    as_json: Json = False,
) -> None:
    """Run the air between eNBs and phones, or change one that runs: set ue1.cell1.loss_db 95.

    Every key of its configuration is an option: --air.pace real.
    """
    words = list(context.args)
    if words and not words[0].startswith("-"):
        raise typer.Exit(_command(words, control, as_json))
    if control is not None:
        words += ["--control.endpoint", control]
    from picocell.air.config import AirConfig
    from picocell.config import ConfigError, load, render

    try:
        loaded = load(AirConfig, config, words)
    except ConfigError as error:
        for line in error.lines:
            _say(line)
        raise typer.Exit(2) from None
    if print_config:
        print(render(loaded), end="")
        return
    from picocell.air import process
    from picocell.radio.errors import RadioError

    try:
        raise typer.Exit(process.main(loaded))
    except (RadioError, ValueError, OSError) as error:
        _say(_line(error))
        raise typer.Exit(2) from None


def _command(words: list[str], control: str | None, as_json: bool) -> int:
    """Send a command; the exit code."""
    from picocell.air.control import DEFAULT_ENDPOINT, ControlError, request

    kinds: dict[str, Callable[[list[str]], dict[str, Any]]] = {
        "set": _set,
        "get": lambda rest: {"get": rest},
        "play": _play,
        "status": lambda _: {"status": True},
        "stop": lambda _: {"stop": True},
    }
    kind, *rest = words
    if kind not in kinds:
        _say(f"air {kind}: no command: allowed are {', '.join(kinds)}")
        return 2
    try:
        reply = request(kinds[kind](rest), control or DEFAULT_ENDPOINT)
    except (ControlError, ValueError, OSError) as error:
        _say(_line(error))
        return 2
    print(json.dumps(reply[kind]) if as_json else _text(reply[kind]))
    return 0


def _set(rest: list[str]) -> dict[str, Any]:
    pairs = [one.partition("=") for one in rest] if all("=" in one for one in rest) else None
    if pairs is not None and rest:
        return {"set": {key: value for key, _, value in pairs}}
    if not rest or len(rest) % 2:
        raise ValueError("air set: KEY VALUE [KEY VALUE]..., such as ue1.cell1.loss_db 95")
    return {"set": dict(zip(rest[::2], rest[1::2], strict=True))}


def _play(rest: list[str]) -> dict[str, Any]:
    from picocell.air.scenario import read

    if len(rest) != 1:
        raise ValueError("air play: one FILE, a YAML list of times, values and ramps")
    entries: list[dict[str, Any]] = []
    for entry in read(Path(rest[0])).entries:
        plain: dict[str, Any] = {"at": entry.at, "set": entry.values}
        if entry.ramps:
            plain |= {"ramp": {key: list(pair) for key, pair in entry.ramps.items()}, "over": entry.over}
        entries.append(plain)
    return {"play": entries}


def _text(reply: Any) -> str:
    if isinstance(reply, dict) and "members" in reply:
        lines = [f"{reply['now_ms'] / 1000:.3f} s"]
        for one in reply["members"]:
            lines.append(f"{one['name']:12s} {one['kind']:6s} {one['state']:8s} missed {one['missed_ms']} ms")
        return "\n".join(lines)
    if isinstance(reply, dict):
        return "\n".join(f"{key} {value}" for key, value in reply.items())
    return str(reply)


def _line(error: Exception) -> str:
    """An error as people read it."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _say(text: str) -> None:
    print(f"picocell: {' '.join(text.split())}", file=sys.stderr)


if __name__ == "__main__":
    app()
