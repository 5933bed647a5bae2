"""A rehearsal before a process goes on the air: a phone's whole visit, in memory and in virtual time.

What is done for the first time takes long: modules are loaded, tables are made, plans are worked out, all of them kept
for later. On the air that would be a dozen subframes that are late, just as the first phone attaches.
"""

import logging
from typing import Final

from picocell.network import GATEWAY, Network
from picocell.network_cell import Cell
from picocell.phy.lte.cell import BANDWIDTHS
from picocell.phy.lte.frame import SUBCARRIER_SPACING, fft_size

_LOG: Final = logging.getLogger(__name__)
_PORT: Final = 5001
_BYTES: Final = 100_000


def rehearse(cell: Cell) -> None:
    """Let a phone attach to a cell like the one given, use all kinds of its subframes, leave and come back."""
    complaint = ""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with Network(cell) as net:
            phone = net.phone()
            phone.attach()
            phone.ping(GATEWAY, count=2, interval_ms=20)
            listener = net.tcp_listen(_PORT)
            up = phone.tcp_connect(GATEWAY, _PORT)
            up.send(bytes(_BYTES))
            down = listener.accept()
            down.send(bytes(_BYTES))
            up.recv(_BYTES)
            phone.detach()
            phone.attach()
    except (TimeoutError, ValueError) as error:
        complaint = str(error)
    finally:
        logging.disable(before)
    if complaint:
        _LOG.warning("the rehearsal ended early: %s", complaint)


def widest(sample_rate: float) -> int:
    """Resource blocks of the widest cell that a sample rate holds."""
    return max(n for n in BANDWIDTHS if fft_size(n, shortened=True) * SUBCARRIER_SPACING <= sample_rate)
