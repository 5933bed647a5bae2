"""Run every script of tests/campaigns in turn; each prints its figures and exits 0 when its bound is met."""

import os
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Exit code 0 when every campaign met its bound."""
    failed = []
    folder = Path(__file__).resolve().parents[1] / "tests" / "campaigns"
    environment = {**os.environ, "PYTHONPATH": str(folder.parent)}
    for script in sorted(folder.glob("*_campaign.py")):
        print(f"== {script.stem} ==", flush=True)
        if subprocess.run([sys.executable, str(script)], env=environment, check=False).returncode:
            failed.append(script.stem)
    print(f"failed: {', '.join(failed)}" if failed else "every campaign met its bound")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
