"""The command ``picocell radio bands``: bands, channel numbers and frequencies."""

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from picocell.phy.lte.bands import Band


def bands(
    band: Annotated[int | None, typer.Option("--band", metavar="N", help="One band.")] = None,
    earfcn: Annotated[
        int | None, typer.Option("--earfcn", metavar="N", help="A channel number, downlink or uplink.")
    ] = None,
    frequency: Annotated[
        float | None, typer.Option("--frequency", metavar="HZ", help="A carrier frequency, downlink or uplink.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the LTE bands, or what a channel number or a frequency is.

    Exit code 0: shown; 2: there is no such band or channel.
    """
    if sum(given is not None for given in (band, earfcn, frequency)) > 1:
        raise _usage_error("--band, --earfcn, --frequency: only one of them")
    if earfcn is not None or frequency is not None:
        _show_channels(_channels(earfcn) if earfcn is not None else _channels_at(frequency or 0.0), as_json=as_json)
    else:
        _show_bands(band, as_json=as_json)


def _show_bands(number: int | None, *, as_json: bool) -> None:
    """The table, or the row of one band and the channels that each bandwidth may use in it."""
    from picocell.phy.lte.bands import CHANNEL_BANDWIDTHS
    from picocell.phy.lte.bands import bands as table

    chosen = [row for row in table() if number in (None, row.number)]
    if not chosen:
        raise _usage_error(f"--band {number}: there is no such band: {_list([row.number for row in table()])} are")
    if as_json:
        for row in chosen:
            print(json.dumps(_band(row)))
        return
    print("band  duplex  downlink MHz       EARFCN          uplink MHz         EARFCN")
    for row in chosen:
        downlink, uplink = _span(row.downlink, row.downlink_end), _span(row.uplink, row.uplink_end)
        numbers, uplinks = _numbers(row.downlink_earfcns), _numbers(row.uplink_earfcns)
        print(f"{row.number:>4}  {row.duplex:<6}  {downlink:<17}  {numbers:<14}  {uplink:<17}  {uplinks}".rstrip())
    if number is not None:
        print("\ndownlink EARFCNs whose carrier lies within the band:")
        for n_prb, width in CHANNEL_BANDWIDTHS.items():
            print(f"{width / 1e6:>4g} MHz ({n_prb:>3} PRB)  {_numbers(chosen[0].usable(n_prb)) or 'none'}")


def _show_channels(channels: list[dict[str, Any]], *, as_json: bool) -> None:
    for at, channel in enumerate(channels):
        if as_json:
            print(json.dumps(channel))
            continue
        if at:
            print()
        print(f"band        {channel['band']} ({channel['duplex']})")
        for name in ("downlink", "uplink"):
            number, hertz = channel[f"{name}_earfcn"], channel[f"{name}_hz"]
            print(f"{name:<10}  " + ("none" if number is None else f"{hertz / 1e6:g} MHz, EARFCN {number}"))
        print(f"fits        {_list(channel['fits_prb']) or 'no bandwidth'}{' PRB' if channel['fits_prb'] else ''}")


def _channels(earfcn: int) -> list[dict[str, Any]]:
    """What a channel number is."""
    from picocell.phy.lte.bands import band_of, band_of_uplink

    if (row := band_of(earfcn)) is not None:
        return [_channel(row, earfcn - row.downlink_earfcns.start)]
    if (row := band_of_uplink(earfcn)) is not None:
        return [_channel(row, earfcn - row.uplink_earfcns.start)]
    raise _usage_error(f"--earfcn {earfcn}: no band has this channel number (picocell radio bands shows them)")


def _channels_at(frequency: float) -> list[dict[str, Any]]:
    """The channels of a frequency, in each band that has it."""
    from picocell.phy.lte.bands import band_of, band_of_uplink, downlink_earfcns, uplink_earfcns

    downlinks = [(band_of(number), number) for number in downlink_earfcns(frequency)]
    uplinks = [(band_of_uplink(number), number) for number in uplink_earfcns(frequency)]
    found = [_channel(row, number - row.downlink_earfcns.start) for row, number in downlinks if row is not None]
    found += [
        _channel(row, number - row.uplink_earfcns.start)
        for row, number in uplinks
        if row is not None and row.duplex != "TDD"  # which is among the downlinks
    ]
    if not found:
        raise _usage_error(f"--frequency {frequency:.12g}: {_why_none(frequency)}")
    return found


def _why_none(frequency: float) -> str:
    from picocell.phy.lte.bands import RASTER_HZ
    from picocell.phy.lte.bands import bands as table

    if not math.isfinite(frequency):
        return "not a frequency: a number of hertz is, such as 2680e6"
    for row in table():
        for low, count in ((row.downlink, len(row.downlink_earfcns)), (row.uplink, len(row.uplink_earfcns))):
            if low is not None and low <= frequency < low + RASTER_HZ * count:
                channel = min(round((frequency - low) / RASTER_HZ), count - 1)
                near = (low + RASTER_HZ * channel) / 1e6
                return (
                    f"between the channels, which lie every 100 kHz: the nearest of band {row.number} is {near:g} MHz"
                )
    return "no band has it (hertz are meant, such as 2680e6)"


def _band(row: "Band") -> dict[str, Any]:
    from picocell.phy.lte.bands import CHANNEL_BANDWIDTHS

    usable = {n_prb: row.usable(n_prb) for n_prb in CHANNEL_BANDWIDTHS}
    return {
        "band": row.number,
        "duplex": row.duplex,
        "downlink_hz": [row.downlink, row.downlink_end],
        "downlink_earfcn": _ends(row.downlink_earfcns),
        "uplink_hz": None if row.uplink is None else [row.uplink, row.uplink_end],
        "uplink_earfcn": _ends(row.uplink_earfcns),
        "usable_earfcn": {str(n_prb): _ends(numbers) for n_prb, numbers in usable.items()},
    }


def _channel(row: "Band", offset: int) -> dict[str, Any]:
    """A channel and its pair; None for what it does not have."""
    from picocell.phy.lte.bands import CHANNEL_BANDWIDTHS, downlink_frequency, frequency_of_uplink

    downlink = row.downlink_earfcns[offset]
    uplink = row.uplink_earfcns[offset] if offset < len(row.uplink_earfcns) else None
    return {
        "band": row.number,
        "duplex": row.duplex,
        "downlink_earfcn": downlink,
        "downlink_hz": downlink_frequency(downlink),
        "uplink_earfcn": uplink,
        "uplink_hz": None if uplink is None else frequency_of_uplink(uplink),
        "fits_prb": [n_prb for n_prb in CHANNEL_BANDWIDTHS if downlink in row.usable(n_prb)],
    }


def _ends(numbers: range) -> list[int] | None:
    return [numbers[0], numbers[-1]] if numbers else None


def _numbers(numbers: range) -> str:
    return f"{numbers[0]} to {numbers[-1]}" if numbers else ""


def _span(low: float | None, high: float | None) -> str:
    return "none" if low is None or high is None else f"{low / 1e6:g} to {high / 1e6:g}"


def _list(values: list[int]) -> str:
    return ", ".join(map(str, values))


def _usage_error(text: str) -> Exception:
    from picocell.cli import UsageError

    return UsageError(text)
