"""Link simulations: ``picocell dlsim``, ``ulsim``, ``pbchsim``, ``pdcchsim``, ``pucchsim``, ``prachsim``, ``codesim``.

picocell dlsim -m 0,4,9-12 -B 25 -s -2 -w 8 -f 0.5 --json out.jsonl --plot out.png
picocell ulsim -B 6 -z 2 -g EPA5 -R 4 --tbs 600 --modulation qpsk -s -6 -w 8 -O 30
picocell pdcchsim -l 8 -z 2 -g ETU70 -s -4 -w 3
picocell codesim -k 6144 -s 0 -w 1 -f 0.1
"""

from typing import Annotated, Any

import typer

from picocell.sims_options import (
    LIST,
    Cfi,
    ChannelNames,
    Domain,
    EstimatorNames,
    Iterations,
    Mcs,
    Modulation,
    Pass,
    Pci,
    Ports,
    Prb,
    Rounds,
    Rv,
    Rx,
    Silent,
    Snr,
    Subframes,
    Sync,
    Tbs,
    command_module,
    names,
    run,
    simulation,
    versions,
)

app = typer.Typer()


@app.command()
@simulation
def dlsim(
    shared: dict[str, Any],
    mcs: Mcs = "0",
    n_prb: Prb = "6",
    tm: Annotated[str, typer.Option("-x", "--tm", metavar=LIST, help="Transmission mode: 1 to 4.")] = "1",
    n_tx: Annotated[
        str, typer.Option("-y", "--n-tx", metavar=LIST, help="Transmit antennas; those of the mode if not given.")
    ] = "0",
    n_rx: Rx = "1",
    channel: ChannelNames = "N",
    snr: Snr = "0",
    subframes: Subframes = 1000,
    cfi: Cfi = "1",
    rounds: Rounds = "1",
    rv: Rv = "",
    estimator: EstimatorNames = "practical",
    sync: Sync = "perfect",
    domain: Domain = "grid",
    layers: Annotated[
        str, typer.Option("--layers", metavar=LIST, help="Of TM 3 and 4; 0: as many as the antennas bear.")
    ] = "0",
    codewords: Annotated[
        str, typer.Option("--codewords", metavar=LIST, help="Of TM 3 and 4: 1 or 2; 0: two where there are layers.")
    ] = "0",
    detector: Annotated[
        str, typer.Option("--detector", metavar="NAMES", help="Of two layers: joint (all pairs of symbols), mmse.")
    ] = "joint",
    pmi: Annotated[
        str, typer.Option("--pmi", metavar="reported|INDEX", help="Precoder of TM 4: as reported, or always this one.")
    ] = "reported",
    pmi_prb: Annotated[
        str, typer.Option("--pmi-prb", metavar=LIST, help="Resource blocks that share a reported PMI; 0: all.")
    ] = "0",
    pmi_delay: Annotated[
        str, typer.Option("--pmi-delay", metavar=LIST, help="Milliseconds from measuring a PMI to sending with it.")
    ] = "8",
    pdcch: Annotated[
        str, typer.Option("--pdcch", metavar=LIST, help="Aggregation level of the grant's PDCCH; 0: it is known.")
    ] = "0",
    on_subframes: Annotated[
        str,
        typer.Option("--on", metavar="NAMES", help="Subframes: plain (no synchronisation signals or PBCH), all."),
    ] = "plain",
    cqi: Annotated[
        str, typer.Option("--cqi", metavar=LIST, help="Modulation and size after a CQI 1..15 in place of the MCS's.")
    ] = "0",
    ue_category: Annotated[int, typer.Option("--ue-category", help="Limits the soft buffer; 0: no limit.")] = 0,
    tbs: Tbs = 0,
    modulation: Modulation = "",
    iterations: Iterations = "8",
    pci: Pci = 1,
    pass_throughput: Pass = None,
) -> None:
    """Simulate the downlink shared channel: BLER by HARQ round and throughput over SNR.

    SNR is per resource element and receive antenna. Exit code 0; 1: a point is below -O; 2: something cannot be done.
    """
    numbers = {
        "mcs": ("-m", mcs),
        "n_prb": ("-B", n_prb),
        "tm": ("-x", tm),
        "n_tx": ("-y", n_tx),
        "n_rx": ("-z", n_rx),
        "cfi": ("-c", cfi),
        "rounds": ("-R", rounds),
        "pdcch": ("--pdcch", pdcch),
        "cqi": ("--cqi", cqi),
        "iterations": ("--iterations", iterations),
        "layers": ("--layers", layers),
        "codewords": ("--codewords", codewords),
        "pmi_prb": ("--pmi-prb", pmi_prb),
        "pmi_delay": ("--pmi-delay", pmi_delay),
    }
    if pmi != "reported":
        numbers["pmi"] = "--pmi", pmi
    others = {
        "channel": names(channel),
        "rv_sequence": versions(rv),
        "estimator": names(estimator),
        "detector": names(detector),
        "sync": names(sync),
        "domain": names(domain),
        "subframes": names(on_subframes),
        "ue_category": ue_category,
        "tbs": tbs,
        "modulation": modulation,
        "pci": pci,
    }
    run("downlink", shared, snr, subframes, numbers, others, pass_throughput)


@app.command()
@simulation
def ulsim(
    shared: dict[str, Any],
    mcs: Mcs = "0",
    n_prb: Prb = "6",
    n_prb_alloc: Annotated[
        str, typer.Option("-L", "--n-prb-alloc", metavar=LIST, help="Resource blocks granted; 0: all that may be.")
    ] = "0",
    prb_start: Annotated[int, typer.Option("--prb-start", help="The first of them.")] = 0,
    n_rx: Rx = "1",
    channel: ChannelNames = "N",
    snr: Snr = "0",
    subframes: Subframes = 1000,
    rounds: Rounds = "1",
    rv: Rv = "",
    estimator: EstimatorNames = "practical",
    sync: Sync = "perfect",
    domain: Domain = "grid",
    tbs: Tbs = 0,
    modulation: Modulation = "",
    iterations: Iterations = "8",
    pci: Pci = 1,
    pass_throughput: Pass = None,
) -> None:
    """Simulate the uplink shared channel: BLER by HARQ round and throughput over SNR.

    SNR is per resource element and receive antenna. Exit code 0; 1: a point is below -O; 2: something cannot be done.
    """
    numbers = {
        "mcs": ("-m", mcs),
        "n_prb": ("-B", n_prb),
        "n_prb_alloc": ("-L", n_prb_alloc),
        "n_rx": ("-z", n_rx),
        "rounds": ("-R", rounds),
        "iterations": ("--iterations", iterations),
    }
    others = {
        "prb_start": prb_start,
        "channel": names(channel),
        "rv_sequence": versions(rv),
        "estimator": names(estimator),
        "sync": names(sync),
        "domain": names(domain),
        "tbs": tbs,
        "modulation": modulation,
        "pci": pci,
    }
    run("uplink", shared, snr, subframes, numbers, others, pass_throughput)


@app.command()
@simulation
def pbchsim(
    shared: dict[str, Any],
    n_prb: Prb = "6",
    n_tx: Ports = "1",
    n_rx: Rx = "1",
    channel: ChannelNames = "N",
    snr: Snr = "0",
    periods: Annotated[int, typer.Option("-n", "--periods", help="Periods of 40 ms a point at most.", min=1)] = 1000,
) -> None:
    """Simulate the broadcast channel: how often the MIB is missed in 40 ms; ports and frame number are not known."""
    numbers = {"n_prb": ("-B", n_prb), "n_tx": ("-y", n_tx), "n_rx": ("-z", n_rx)}
    run("pbch", shared, snr, periods, numbers, {"channel": names(channel)})


@app.command()
@simulation
def pdcchsim(
    shared: dict[str, Any],
    n_prb: Prb = "50",
    n_tx: Ports = "1",
    n_rx: Rx = "1",
    level: Annotated[
        str, typer.Option("-l", "--level", metavar=LIST, help="Aggregation level: 1, 2, 4 or 8 CCEs.")
    ] = "8",
    cfi: Cfi = "2",
    channel: ChannelNames = "N",
    estimator: EstimatorNames = "practical",
    snr: Snr = "0",
    subframes: Subframes = 1000,
) -> None:
    """Simulate PCFICH and PDCCH: how often a grant of format 1 is missed."""
    numbers = {
        "n_prb": ("-B", n_prb),
        "n_tx": ("-y", n_tx),
        "n_rx": ("-z", n_rx),
        "level": ("-l", level),
        "cfi": ("-c", cfi),
    }
    others = {"channel": names(channel), "estimator": names(estimator)}
    run("pdcch", shared, snr, subframes, numbers, others)


@app.command()
@simulation
def pucchsim(
    shared: dict[str, Any],
    n_prb: Prb = "6",
    n_rx: Rx = "2",
    formats: Annotated[str, typer.Option("-F", "--format", metavar="NAMES", help="1, 1a, 1b, 2.")] = "1a",
    n_cqi: Annotated[str, typer.Option("--n-cqi", metavar=LIST, help="Bits of a report in format 2.")] = "4",
    silent: Silent = False,
    channel: ChannelNames = "N",
    snr: Snr = "0",
    subframes: Subframes = 1000,
) -> None:
    """Simulate the uplink control channel: how often ACKs, a request or a report are not read right."""
    numbers = {"n_prb": ("-B", n_prb), "n_rx": ("-z", n_rx), "n_cqi": ("--n-cqi", n_cqi)}
    others = {"channel": names(channel), "format": names(formats), "silent": silent}
    run("pucch", shared, snr, subframes, numbers, others)


@app.command()
@simulation
def prachsim(
    shared: dict[str, Any],
    n_prb: Prb = "6",
    n_rx: Rx = "2",
    config_index: Annotated[
        str, typer.Option("--config-index", metavar=LIST, help="prach-ConfigIndex, which tells the format.")
    ] = "3",
    zero_correlation_zone: Annotated[
        str, typer.Option("--zero-correlation-zone", metavar=LIST, help="zeroCorrelationZoneConfig.")
    ] = "5",
    max_delay_us: Annotated[float, typer.Option("--max-delay-us", help="Preambles come late by up to this.")] = 5.0,
    cfo_hz: Annotated[float, typer.Option("--cfo-hz", help="Carrier frequency offset.")] = 0.0,
    tolerance_us: Annotated[float, typer.Option("--tolerance-us", help="Timing error that passes.")] = 1.04,
    silent: Silent = False,
    channel: ChannelNames = "N",
    snr: Snr = "0",
    preambles: Annotated[int, typer.Option("-n", "--preambles", help="Preambles a point at most.", min=1)] = 1000,
) -> None:
    """Simulate random access: how often a preamble is not found in time. SNR is that of a subcarrier of 1.25 kHz."""
    numbers = {
        "n_prb": ("-B", n_prb),
        "n_rx": ("-z", n_rx),
        "config_index": ("--config-index", config_index),
        "zero_correlation_zone": ("--zero-correlation-zone", zero_correlation_zone),
    }
    others = {
        "channel": names(channel),
        "max_delay_us": max_delay_us,
        "cfo_hz": cfo_hz,
        "tolerance_us": tolerance_us,
        "silent": silent,
    }
    run("prach", shared, snr, preambles, numbers, others)


@app.command()
@simulation
def codesim(
    shared: dict[str, Any],
    k: Annotated[str, typer.Option("-k", "--k", metavar=LIST, help="Code block size in bits.")] = "6144",
    e: Annotated[str, typer.Option("-E", "--coded-bits", metavar=LIST, help="Coded bits sent; 0: all.")] = "0",
    modulation: Annotated[str, typer.Option("--modulation", help="qpsk, 16qam, 64qam, 256qam.")] = "qpsk",
    iterations: Annotated[str, typer.Option("--iterations", metavar=LIST, help="Of the decoder.")] = "6",
    eb_n0: Annotated[
        str, typer.Option("-s", "--eb-n0", metavar="DB", help="First Eb/N0 of the sweep, or a list.")
    ] = "0",
    blocks: Annotated[int, typer.Option("-n", "--blocks", help="Code blocks a point at most.", min=1)] = 10_000,
) -> None:
    """Simulate the turbo code alone: frame error rate over Eb/N0, all bits of a code block being information."""
    numbers = {"k": ("-k", k), "e": ("-E", e), "iterations": ("--iterations", iterations)}
    options = dict(shared)
    with command_module() as command:
        shapes = {name: command.numbers(option, text) for name, (option, text) in numbers.items()}
        values = command.sweep("-s", eb_n0, options.pop("width"), options.pop("step"))
        points = command.at_eb_n0("coding", {**shapes, "modulation": modulation}, values)
        raise typer.Exit(command.simulate("coding", points, command.Common(blocks, **options)))


if __name__ == "__main__":
    app()
