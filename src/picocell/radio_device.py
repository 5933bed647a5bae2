"""Device arguments as the commands ``picocell radio`` take them."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from picocell.radio.sdr.args import SdrArgs

Priority = Annotated[int, typer.Option("--priority", help="Real-time priority, as an eNB has; 0: none.", min=0, max=99)]


def device_args(text: str) -> "tuple[str, SdrArgs]":
    """Driver and arguments of a device.

    Raises:
        RadioArgumentError: arguments that are not allowed.
        RadioError: those of another radio.
    """
    from picocell.radio.errors import RadioArgumentError, RadioError
    from picocell.radio.key_values import key_values
    from picocell.radio.sdr.args import sdr_args
    from picocell.radio.short_form import expand_short

    try:
        found = sdr_args(text)
        values = key_values(expand_short(text))
    except ValueError as error:
        raise RadioArgumentError(f"{text}: {error}") from None
    if found is None:
        raise RadioError(f"{text}: is no device: soapy:ARGUMENTS or uhd:ARGUMENTS is")
    return values.get("driver") or values["device_name"], found
