"""The UE's end of NAS against what an independent UE sent to an independent network."""

from picocell.rrc_nas.nas import codec, ies
from picocell.rrc_nas.nas.protection import NasSecurityContext, SecurityHeader, split
from picocell.rrc_nas.nas.ue import UeNas
from picocell.rrc_nas.nas.ue_core import EmmState
from picocell.rrc_nas.nas.ue_events import Attached, Connect, EmmInformation, KeysReady, SendNas
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia
from support.nas_recordings import PLMN, over_s1ap, over_the_air, usim

ALGORITHMS = ((Eea.EEA0, Eea.EEA1, Eea.EEA2, Eea.EEA3), (Eia.EIA1, Eia.EIA2, Eia.EIA3))
GUTI = ies.Guti(ies.Plmn(*PLMN), 1, 26, 0xA7BB6363)


def _events(ue: UeNas) -> list[object]:
    found = []
    while (event := ue.next_event()) is not None:
        found.append(event)
        if isinstance(event, Connect):
            ue.connection_established(0)
    return found


def _replay(ue: UeNas, downlink: list[bytes]) -> tuple[list[bytes], list[object]]:
    """Uplink messages and events after the recorded downlink messages."""
    ue.switch_on(0)
    ue.cell(PLMN, 7, 1, 0)
    events = _events(ue)
    for pdu in downlink:
        ue.receive(pdu, 0)
        events += _events(ue)
    sent = [e.nas if isinstance(e, Connect) else e.pdu for e in events if isinstance(e, Connect | SendNas)]
    return sent, events


def _of(direction: Direction, recording: list[tuple[Direction, bytes]]) -> list[bytes]:
    return [pdu for way, pdu in recording if way is direction]


def test_attach_by_imsi() -> None:
    recording = over_the_air()
    ue = UeNas(usim(), imeisv="0" * 16, capabilities=ALGORITHMS, pco=None)
    sent, events = _replay(ue, _of(Direction.DOWNLINK, recording))
    uplink = _of(Direction.UPLINK, recording)[:-1]  # without the detach
    assert [pdu[:1] + (pdu[5:] if pdu[0] >> 4 else pdu[1:]) for pdu in sent] == [
        pdu[:1] + (pdu[5:] if pdu[0] >> 4 else pdu[1:]) for pdu in uplink
    ]
    assert ue.state is EmmState.REGISTERED
    assert Attached("172.16.0.3", ("8.8.8.8",), None, "srsapn", GUTI, 5) in events
    assert EmmInformation("Software Radio Systems RAN", "srsRAN") in events
    assert ue.refused == {}


def test_attach_by_guti_with_every_mac() -> None:
    recording = over_s1ap()
    uplink, downlink = _of(Direction.UPLINK, recording), _of(Direction.DOWNLINK, recording)
    recorded = split(uplink[0])
    old = codec.decode(recorded.payload, Direction.UPLINK)
    # The keys of before are not in the recording: only the first message's MAC cannot be compared.
    before = NasSecurityContext(old["nas_key_set_identifier"], bytes(32), recorded.sequence, 0, Eea.EEA0, Eia.EIA2)
    ue = UeNas(
        usim(),
        imeisv="0" * 16,
        capabilities=ALGORITHMS,
        pco=None,
        guti=old["eps_mobile_identity"].guti,
        security=before,
    )
    sent, events = _replay(ue, downlink)
    first = split(sent[0])
    assert (first.header, first.sequence) == (recorded.header, recorded.sequence)
    del old.fields["tmsi_status"]  # of combined attach only
    assert first.payload == codec.encode(old.name, **old.fields)
    assert sent[1:] == uplink[1:-1]
    assert [split(pdu).header for pdu in sent[3:]] == [
        SecurityHeader.INTEGRITY_CIPHERED_NEW_CONTEXT,
        SecurityHeader.INTEGRITY_CIPHERED,
    ]
    assert len([event for event in events if isinstance(event, KeysReady)]) == 2
    assert ue.state is EmmState.REGISTERED
