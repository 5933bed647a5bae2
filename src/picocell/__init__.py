"""picocell: a software-defined-radio LTE/5G network in Python with native kernels.

import picocell as pc

with pc.Network(cell=pc.Cell(n_prb=25), channel="EPA5", snr_db=20) as net:
    phone = net.phone(imsi="001010123456780")
    phone.attach()
    print(phone.ip, phone.ping("172.16.0.1", count=3))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from picocell.network import Cell, Network, TimeoutInNetwork
    from picocell.phone import Phone, PhoneError

__version__ = "0.1.0"
__all__ = ["Cell", "Network", "Phone", "PhoneError", "TimeoutInNetwork", "__version__"]

_PLACES = {
    "Cell": "picocell.network",
    "Network": "picocell.network",
    "TimeoutInNetwork": "picocell.network",
    "Phone": "picocell.phone",
    "PhoneError": "picocell.phone",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when they are used: the layers below do not wait for them."""
    if name not in _PLACES:
        raise AttributeError(f"module 'picocell' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
