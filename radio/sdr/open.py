"""Opening a software-defined radio by its device arguments."""

from typing import Final

from picocell.radio.errors import RadioArgumentError
from picocell.radio.sdr.args import Burst, SdrArgs
from picocell.radio.sdr.radio import SdrRadio
from picocell.radio.sdr.soapy import SoapyDevice
from picocell.radio.sdr.uhd import UhdDevice

DEVICES: Final[dict[str, type[SoapyDevice] | type[UhdDevice]]] = {"soapy": SoapyDevice, "uhd": UhdDevice}
"""Devices by driver."""
AHEAD_MS: Final = 50.0
BURST_AHEAD_MS: Final = 500.0
REOPEN_S: Final = 10.0


def open_sdr(
    driver: str,
    text: str,
    sample_rate: float,
    *,
    n_tx: int = 1,
    n_rx: int = 1,
    rx_frequency: float | None = None,
    tx_frequency: float | None = None,
    mode: Burst = "continuous",
    reopen_s: float = REOPEN_S,
) -> SdrRadio:
    """Open a device.

    Args:
        driver: one of :data:`DEVICES`.
        text: device arguments (see :class:`~picocell.radio.sdr.args.SdrArgs`).
        sample_rate: samples per second.
        n_tx: transmit antennas; 0 only receives.
        n_rx: receive antennas.
        rx_frequency: centre frequency of the receiver in hertz, where the arguments have none.
        tx_frequency: centre frequency of the transmitter in hertz, where the arguments have none.
        mode: how bursts are sent, where the arguments do not say.
        reopen_s: seconds for which a device that is lost is looked for, where the arguments do not say.

    Raises:
        ValueError: arguments that are not allowed.
        RadioError: no package, no such device, or one that refuses a setting.
    """
    args = SdrArgs.parse(text).tuned(rx_frequency, tx_frequency)
    if args.base_srate not in (None, sample_rate):
        raise RadioArgumentError(f"base_srate={args.base_srate:.12g} is not allowed: {sample_rate:.12g} here")
    device = DEVICES[driver]
    burst = (args.mode or mode) == "burst"
    return SdrRadio(
        lambda: device(args, sample_rate, n_tx=n_tx, n_rx=n_rx),
        n_tx=n_tx,
        n_rx=n_rx,
        tx_advance=args.tx_advance,
        mode=args.mode or mode,
        ahead_s=(args.ahead_ms or (BURST_AHEAD_MS if burst else AHEAD_MS)) / 1000,
        reopen_s=reopen_s if args.reopen_s is None else args.reopen_s,
    )
