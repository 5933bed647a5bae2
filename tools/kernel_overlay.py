"""A second picocell package whose kernels are another build: the rest of it are links to the source tree.

The kernels' own directory stays as it is, so that a build for a sanitizer or for another processor never replaces the
one that is in use.
"""

import shutil
import sys
from pathlib import Path

import compiler_cache

ROOT = Path(__file__).resolve().parents[1]


def cached_compiler(c: str, cxx: str) -> dict[str, str]:
    """Variables for setup.py with which objects that do not change are compiled once (`compiler_cache`)."""
    objects = ROOT / "build" / "objects"
    compiler_cache.forget(objects)
    front = f"{sys.executable} {compiler_cache.__file__} {objects}"
    return {"CC": f"{front} {c}", "CXX": f"{front} {cxx}", "LDSHARED": f"{c} -shared", "LDCXXSHARED": f"{cxx} -shared"}


def kernel_names() -> list[str]:
    """Names of all kernels."""
    return sorted(path.stem for path in (ROOT / "kernels").glob("*.pyx"))


def make_overlay(target: Path, libraries: Path, suffix: str, *, only: list[str] | None = None) -> Path:
    """Lays out ``target/picocell`` with the extension modules of another build.

    Args:
        target: directory for PYTHONPATH; replaced where it exists.
        libraries: where the build put ``picocell/kernels/<name><suffix>``.
        suffix: file name suffix of the extension modules.
        only: kernels to take from there, the others from the source tree; None: all of them.

    Returns:
        The directory, to be put first on PYTHONPATH.

    Raises:
        FileNotFoundError: the build has not made one of the kernels.
    """
    shutil.rmtree(target, ignore_errors=True)
    package = target / "picocell"
    kernels = package / "kernels"
    kernels.mkdir(parents=True)
    for path in (ROOT / "src" / "picocell").iterdir():
        if path.name not in ("kernels", "__pycache__"):
            (package / path.name).symlink_to(path.resolve())
    for path in (ROOT / "kernels").iterdir():
        if path.suffix in (".py", ".pyi") or path.name == "data":
            (kernels / path.name).symlink_to(path)
    for name in kernel_names():
        place = libraries / "picocell" / "kernels" if only is None or name in only else ROOT / "kernels"
        library = (place / f"{name}{suffix}").resolve()
        if not library.exists():
            raise FileNotFoundError(f"no build of the kernel {name}: {library}")
        (kernels / library.name).symlink_to(library)
    return target
