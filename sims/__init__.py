"""Link and system simulators over the same layers.

Eight lines::

    from picocell.sims import downlink

    table = downlink(mcs=9, n_prb=25, channel="AWGN", snr_db=range(-2, 6)).run()
    for row in table.rows():
        print(row["snr_db"], row["bler_1"], row["throughput_mbps"])
    print(table.snr_at_bler(0.1))
"""

from picocell.sims.api import coding, downlink, simulation, trace, uplink
from picocell.sims.campaign import Campaign
from picocell.sims.hooks import Block, Decoded, Hooks, Received, Trace
from picocell.sims.results import PointResult, ResultTable
from picocell.sims.stats import StoppingRule

__all__ = [
    "Block",
    "Campaign",
    "Decoded",
    "Hooks",
    "PointResult",
    "Received",
    "ResultTable",
    "StoppingRule",
    "Trace",
    "coding",
    "downlink",
    "simulation",
    "trace",
    "uplink",
]
