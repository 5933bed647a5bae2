"""SoapySDR's C interface, by which samples go to and from a device without the interpreter."""

import ctypes
from types import ModuleType
from typing import Any, Final, NamedTuple

_ABIS: Final = ("0.7", "0.8")
"""Versions of the library whose functions have the signatures that the kernel calls."""


class SoapyFunctions(NamedTuple):
    """Addresses of functions."""

    read: int
    write: int
    status: int


def soapy_functions(module: ModuleType) -> SoapyFunctions | None:
    """Those of the library that the module ``SoapySDR`` has loaded; None where it is of another version."""
    version = getattr(module, "SOAPY_SDR_ABI_VERSION", "")
    if version not in _ABIS:
        return None
    try:
        library = ctypes.CDLL(f"libSoapySDR.so.{version}")
        names = ("SoapySDRDevice_readStream", "SoapySDRDevice_writeStream", "SoapySDRDevice_readStreamStatus")
        found = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in names]
    except (OSError, AttributeError):  # of another system, or built without
        return None
    return SoapyFunctions(*found) if all(found) else None


def address(wrapped: Any) -> int:
    """Of what SWIG has wrapped: a device, or a stream. 0 where it cannot be told."""
    try:
        return int(getattr(wrapped, "this", wrapped))
    except (TypeError, ValueError):
        return 0
