"""What a UE says at its console as it finds its way into a network."""

from picocell.mac.ue_events import RandomAccessComplete, RandomAccessProblem, RandomAccessSent
from picocell.rrc_nas.nas import ue_events as nas
from picocell.rrc_nas.rrc import ue_events as rrc
from picocell.ue.ue import UeEvent


def milestone(event: UeEvent) -> str | None:
    """The line for an event; None for one that is no milestone."""
    match event:
        case rrc.SystemInformationReady(cell):
            return f"Found Cell: PCI={cell.pci}, PRB={cell.n_prb}, Ports={cell.n_ports}"
        case rrc.Camped(_, plmn, tac, cell_identity):
            return f"Found PLMN: Id={''.join(plmn)}, TAC={tac}, Cell={cell_identity:#x}"
        case RandomAccessSent(preamble, attempt, power):
            return f"Random Access Transmission: preamble={preamble}, attempt={attempt}, power={power:.1f} dBm"
        case RandomAccessComplete(c_rnti):
            return f"Random Access Complete. c-rnti={c_rnti:#x}"
        case RandomAccessProblem(attempts):
            return f"Random Access failed {attempts} times"
        case rrc.ConnectionEstablished():
            return "RRC Connected"
        case rrc.ConnectionFailed(reason):
            return f"RRC connection failed: {reason}"
        case rrc.ConnectionReleased(cause):
            return f"RRC released: {cause}"
        case rrc.RadioLinkFailure(cause):
            return f"Radio link failure: {cause}"
        case rrc.CellBarred(pci, reason):
            return f"Cell {pci} is barred: {reason}"
        case rrc.CellSelectionNeeded(reason):
            return f"Searching a cell: {reason}"
        case _:
            return _nas_milestone(event)


def _nas_milestone(event: UeEvent) -> str | None:
    match event:
        case nas.Attached(ip, dns, _, apn):
            return f"Network attach successful. IP: {ip}, APN: {apn}, DNS: {', '.join(dns)}"
        case nas.AttachRejected(cause, name):
            return f"Network attach rejected: cause {cause} ({name})"
        case nas.AuthenticationRejected():
            return "Authentication rejected: the USIM is invalid until it is switched off"
        case nas.ServiceRejected(cause, name):
            return f"Service rejected: cause {cause} ({name})"
        case nas.Detached(reason):
            return f"Detached: {reason}"
        case nas.EmmInformation(full_name) if full_name:
            return f"Network name: {full_name}"
        case nas.TrackingAreaUpdated():
            return "Tracking area updated"
    return None
