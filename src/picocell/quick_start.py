"""A quick start of a process: nearly all of it is imports and what they set up, which stays until the end."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


def one_thread_for_blas() -> None:
    """Have NumPy's matrices multiplied where they are, if it is not imported yet.

    Ours are small: to have other threads help costs more than the product, and milliseconds where the CPUs are busy.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")


@contextmanager
def quick_start() -> Iterator[None]:
    """Import and set up without looking for garbage, which takes a fifth of the time and finds next to none.

    What is there at the end is left out of later searches for garbage.
    """
    one_thread_for_blas()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads all packages' metadata
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
