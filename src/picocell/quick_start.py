"""A quick start of a process: nearly all of it is imports and what they set up, which stays until the end."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_start() -> Iterator[None]:
    """Import and set up without looking for garbage, which takes a fifth of the time and finds next to none.

    What is there at the end is left out of later searches for garbage.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads all packages' metadata
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
