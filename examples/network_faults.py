"""Things go wrong, and the network and its phones get over them: lost messages, a wrong key, a lost cell.

python examples/network_faults.py
"""

import picocell as pc
from picocell.rrc_nas.rrc.ue_events import RadioLinkFailure

with pc.Network(cell=pc.Cell(n_prb=6)) as net:
    phone = net.phone()
    lost = net.faults.drop("s11.CreateSessionRequest")
    phone.attach()
    print(f"attached at {net.now} ms with {lost.hits} lost message of the core, which was sent again")

    net.add_subscriber("001010123456781", k="00" * 16)
    stranger = net.phone("001010123456781", k="ff" * 16)
    try:
        stranger.attach()
    except pc.PhoneError as error:
        print(error)

    net.run(100)
    phone.snr_db = -20
    phone.wait_for(RadioLinkFailure)
    print(f"radio link failure at {net.now} ms: {phone}")
    phone.snr_db = 30
    print(phone.ping("172.16.0.1", count=3, timeout_ms=3000), "after the re-establishment")
    print(phone)
