"""A phone of the demo whose IP host is inside its process: after the attach it pings, and moves TCP each way.

python -m picocell.demo_ue --address 172.16.0.1 --seconds 3 [--any.key value of picocell ue]
"""

import argparse

from picocell.quick_start import quick_start


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--count", type=int, default=10)
    options, words = parser.parse_known_args()
    with quick_start():
        from picocell.config import load
        from picocell.demo_host import HostTraffic
        from picocell.rrc_nas import asn1
        from picocell.tun import HostDevice
        from picocell.ue import run
        from picocell.ue.config import UeConfig

        asn1.load()
        config = load(UeConfig, None, words)
        device = HostDevice()
        traffic = HostTraffic(device, options.address, options.seconds, options.count)
    raise SystemExit(run.main(config, lambda *_: device, each_step=traffic.step))


if __name__ == "__main__":
    main()
