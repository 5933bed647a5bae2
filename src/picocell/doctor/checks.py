"""All checks, in the order in which they are shown."""

from picocell.doctor import agreement_checks, computer_checks, network_checks, radio_checks
from picocell.doctor.model import CHECKS as _REGISTERED

_ORDER = (computer_checks, network_checks, radio_checks, agreement_checks)
CHECKS = sorted(_REGISTERED, key=lambda one: [module.__name__ for module in _ORDER].index(one.look.__module__))

__all__ = ["CHECKS"]
