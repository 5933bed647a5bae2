"""What the uplink monitor says of a PUSCH or PUCCH, whether it came or not."""

from typing import Any

from picocell.phy.lte.pucch import PucchRequest, PucchResult
from picocell.phy.lte.pusch import PuschResult
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.ue.monitor import Event


def pusch_event(tti: int, grant: PuschGrant, transmission: int, heard: PuschResult) -> Event:
    details: dict[str, Any] = {
        "prb_start": list(grant.prb_start),
        "n_prb": grant.n_prb,
        "q_m": grant.q_m,
        "tbs": grant.tbs,
        "rv": grant.rv,
        "transmission": transmission + 1,
        "dtx": not heard.detected,
    }
    if grant.uci.n_ack:
        details["ack"] = None if heard.ack is None else list(heard.ack)
    if grant.uci.n_cqi:
        details["cqi"] = _number(heard.cqi) if heard.cqi_ok and heard.cqi else None
    if grant.uci.n_ri:
        details["ri"] = None if heard.ri is None or not heard.detected else _number(heard.ri)
    if heard.detected:
        details |= _measured(heard.snr_db, heard.timing_offset_s, heard.cfo_hz)
    if not grant.tbs:
        return Event(tti, "PUSCH", grant.rnti, details=details)
    return Event(tti, "PUSCH", grant.rnti, heard.crc_ok, heard.payload, details)


def pucch_event(tti: int, request: PucchRequest, found: PucchResult) -> Event:
    details: dict[str, Any] = {"format": None if found.format is None else str(found.format), "dtx": found.dtx}
    if not found.dtx:
        on_report = str(found.format).startswith("2")
        on_sr = found.sr or request.n_pucch_ack is None
        n_pucch = request.n2_pucch if on_report else request.n_pucch_sr if on_sr else request.n_pucch_ack
        details |= {"n_pucch": n_pucch, "sr": found.sr, "ack": list(found.ack) or None}
        details["cqi"] = found.cqi_value if found.cqi else None
        details |= _measured(found.snr_db, found.timing_offset_s, found.cfo_hz)
    return Event(tti, "PUCCH", request.rnti, details=details)


def _measured(snr_db: float, timing_offset_s: float, cfo_hz: float) -> dict[str, float]:
    return {
        "snr_db": round(snr_db, 1),
        "timing_offset_us": round(1e6 * timing_offset_s, 3),
        "cfo_hz": round(cfo_hz, 1),
    }


def _number(bits: tuple[int, ...]) -> int:
    """Bits as a number, the first highest."""
    return int("".join(str(bit) for bit in bits), 2)
