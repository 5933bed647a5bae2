"""The instruction set that the kernels use."""

import os

cdef extern from "isa.hpp" namespace "picocell" nogil:
    int best_isa()

LEVELS = ("base", "avx2", "avx512")
AVAILABLE = LEVELS[: best_isa() + 1]


def chosen():
    """Level of the kernels: the best that the machine has, or what PICOCELL_ISA names."""
    wanted = os.environ.get("PICOCELL_ISA", "") or AVAILABLE[len(AVAILABLE) - 1]
    if wanted not in LEVELS:
        raise ImportError(f"PICOCELL_ISA={wanted!r} is no instruction set of picocell: use one of {', '.join(LEVELS)}")
    if wanted not in AVAILABLE:
        raise ImportError(f"PICOCELL_ISA={wanted} asked for, but this machine has only {', '.join(AVAILABLE)}")
    return LEVELS.index(wanted)
