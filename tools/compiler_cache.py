"""A compiler that remembers: ``compiler_cache.py DIRECTORY g++ …`` does what ``g++ …`` does, once for each input.

setuptools compiles all files of a kernel when one header of any kernel is newer. For a build that takes minutes, an
object is kept under a digest of the preprocessed source, the flags and the compiler, together with what the compiler
said, and is copied the next time. Anything but the compilation of one file goes to the compiler as it is.
"""

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

KEPT_FOR = 14 * 24 * 3600.0  # seconds without use


def main(directory: Path, command: list[str]) -> int:
    """Compiles, or copies what was compiled; returns the compiler's exit code."""
    if "-c" not in command or "-o" not in command:
        return subprocess.run(command, check=False).returncode
    at = command.index("-o")
    target, flags = Path(command[at + 1]), [*command[:at], *command[at + 2 :]]
    source = subprocess.run(["-E" if word == "-c" else word for word in flags], capture_output=True, check=False)
    version = subprocess.run([command[0], "--version"], capture_output=True, check=False).stdout
    digest = hashlib.sha256(b"\0".join([version, repr(flags).encode(), source.stdout])).hexdigest()
    kept, said = directory / f"{digest}.o", directory / f"{digest}.txt"
    if source.returncode == 0 and kept.exists() and said.exists():
        kept.touch()
        shutil.copyfile(kept, target)
        sys.stderr.buffer.write(said.read_bytes())
        return 0
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    sys.stderr.buffer.write(done.stderr)
    if done.returncode == 0 and source.returncode == 0:
        directory.mkdir(parents=True, exist_ok=True)
        said.write_bytes(done.stderr)
        partial = kept.with_suffix(f".{target.stem}")  # two files of the same content may be under way
        shutil.copyfile(target, partial)
        partial.replace(kept)
    return done.returncode


def forget(directory: Path) -> None:
    """Removes what nothing has used for long."""
    for kept in directory.glob("*.o"):
        if time.time() - kept.stat().st_mtime > KEPT_FOR:
            kept.unlink()
            kept.with_suffix(".txt").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
