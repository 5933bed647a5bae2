"""The functions of SoapySDR's library, found by those who have it and left alone where they may be others."""

from types import ModuleType

import pytest

from picocell.radio.sdr.soapy_c import address, soapy_functions


def test_the_library_that_the_module_has_loaded() -> None:
    module = pytest.importorskip("SoapySDR", reason="Debian's python3-soapysdr is not linked here: make radio")
    functions = soapy_functions(module)
    assert functions is not None
    assert all(functions)
    assert len(set(functions)) == 3


@pytest.mark.parametrize("version", [None, "0.6", "1.0"])
def test_another_version(version: str | None) -> None:
    module = ModuleType("SoapySDR")
    if version is not None:
        module.SOAPY_SDR_ABI_VERSION = version  # type: ignore[attr-defined]
    assert soapy_functions(module) is None


def test_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    module = ModuleType("SoapySDR")
    module.SOAPY_SDR_ABI_VERSION = "0.8"  # type: ignore[attr-defined]
    monkeypatch.setattr("ctypes.CDLL", refuse)
    assert soapy_functions(module) is None


def test_addresses_of_what_is_wrapped() -> None:
    class Wrapped:
        this = 4711

    assert address(Wrapped()) == 4711
    assert address(0x1000) == 0x1000
    assert address(object()) == address(None) == 0
