"""Find the cells in an array of samples, and read what they broadcast."""

import sys

from picocell.radio.file import open_recording
from picocell.radio.memory import MemorySource
from picocell.ue.scan import scan

if len(sys.argv) > 1:
    recording = open_recording(sys.argv[1])
    samples, rate = recording.read(), recording.sample_rate
else:  # no recording at hand: make one of a cell of our own
    from collections import Counter

    import numpy as np

    from picocell.phy.lte.cell import Cell
    from picocell.recording_demo import Air, transmit

    rate = 1.92e6
    air = Air("EPA5", 20.0, rate, n_ports=1)
    samples = np.concatenate([air.receive(sent) for sent in transmit(Cell(pci=7, n_prb=6), 200, Counter())])

for cell in scan(lambda: MemorySource(samples, rate)):
    print(f"PCI {cell.acquired.found.pci}, {cell.acquired.cell}, RSRP {cell.rsrp_db:.1f} dB, SNR {cell.snr_db:.1f} dB")
    if cell.sib1 is not None:
        print(f"PLMN {cell.sib1.plmns[0]}, TAC {cell.sib1.tac}, SIBs {sorted(cell.sibs)}")
