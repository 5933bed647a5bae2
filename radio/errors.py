"""What goes wrong with a radio."""


class RadioError(RuntimeError):
    """A radio that cannot be opened, or that failed while it ran; the message is one line and says why."""


class RadioArgumentError(RadioError, ValueError):
    """A device argument that the device itself does not allow."""
