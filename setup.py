"""Extension modules only: one for each kernels/<name>.pyx, with the kernels/csrc/<name>*.cpp beside it.

PICOCELL_KERNELS=crc,turbo builds just those (for work on one kernel), PICOCELL_KERNELS=none builds none.
PICOCELL_SANITIZE=1 builds for AddressSanitizer and UndefinedBehaviorSanitizer, PICOCELL_CFLAGS adds compiler flags, and
PICOCELL_CYTHON_DIR says where generated C++ goes: tools/run_sanitized.py and tools/cross_aarch64.py build so into
directories of their own.
"""

import os
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

CSRC = Path("kernels/csrc")
FLAGS = ["-O3", "-std=c++17", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Wno-unused-function"]
FLAGS += ["-Wno-psabi", "-fvisibility=hidden", "-ffp-contract=fast"]
LINK_FLAGS: list[str] = []
if os.environ.get("PICOCELL_SANITIZE") == "1":
    # All findings of a run are wanted, not the first alone: hence "recover".
    SANITIZE = ["-fsanitize=address,undefined,float-cast-overflow", "-fsanitize-recover=all"]
    FLAGS += [*SANITIZE, "-O1", "-g1", "-fno-wrapv", "-fno-omit-frame-pointer", "-D_GLIBCXX_ASSERTIONS"]
    LINK_FLAGS += SANITIZE
FLAGS += os.environ.get("PICOCELL_CFLAGS", "").split()


def extension(pyx: Path) -> Extension:
    """One extension module with the C++ files that carry its name."""
    sources = [str(pyx), *sorted(str(p) for p in CSRC.glob(f"{pyx.stem}*.cpp"))]
    return Extension(
        f"picocell.kernels.{pyx.stem}",
        sources,
        include_dirs=[str(CSRC), numpy.get_include()],
        depends=sorted(str(p) for p in CSRC.glob("*.hpp")),
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=FLAGS,
        extra_link_args=LINK_FLAGS,
        language="c++",
    )


wanted = os.environ.get("PICOCELL_KERNELS")
names = [p for p in sorted(Path("kernels").glob("*.pyx")) if not wanted or p.stem in wanted.split(",")]
setup(
    ext_modules=cythonize(
        [extension(p) for p in names],
        build_dir=os.environ.get("PICOCELL_CYTHON_DIR", "build/cython"),
        language_level=3,
        nthreads=0,
        compiler_directives={"boundscheck": False, "wraparound": False, "cdivision": True, "embedsignature": True},
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
