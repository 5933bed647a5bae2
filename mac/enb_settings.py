"""Settings of an eNB's MAC that the standard leaves to it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnbMacSettings:
    """How an eNB's MAC behaves.

    Attributes:
        max_ues: contexts at once, those of random accesses under way with them; further preambles get a backoff.
        backoff_indicator: sent to preambles that cannot be served.
        msg3_n_prb: resource blocks of message 3.
        msg3_mcs: its MCS, 0..15.
        msg3_group_b_mcs: its MCS where the preamble is of group B.
        ccch_wait: ms to wait for the answer on logical channel 0, to send it with the contention resolution.
        max_dl_tx: transmissions of a downlink transport block.
        max_dl_ues: UEs with a new transmission in a downlink subframe.
        max_ul_ues: UEs with a new grant in an uplink subframe.
        bler: block error rate of first transmissions that the outer loops settle at.
        olla_step_db: step of the outer loops at an error.
        initial_cqi: believed until a UE reports.
        initial_ul_snr_db: believed until a UE is measured.
        max_code_rate: of PDSCH and PUSCH (TS 36.213 7.1.7: a UE may skip decoding above 0.930).
        max_ul_tbs: largest uplink transport block in bits, of UE category 4 (TS 36.306 Table 4.1-2).
        max_dl_tbs: largest downlink transport block in bits, of UE category 4.
        sr_grant_bytes: grant that answers a scheduling request: a buffer status report and a small packet.
        proactive_grant_period: ms between small grants to a UE that asks for nothing; None for none.
        grant_after_msg4: ms after the acknowledgement of message 4 at which a small grant goes out; None for none.
        cqi_max_age: ms after which an aperiodic report is asked for, where one is configured.
        ul_target_snr_db: of the PUSCH, for power commands; None for no commands.
        pucch_target_snr_db: of the PUCCH, for power commands; None for no commands.
        tpc_period: ms between power commands.
        ta_period: least ms between timing advance commands that correct an offset.
        lost_after_pusch: PUSCHs missed in a row after which a UE counts as lost.
        lost_after_dl: downlink transmissions without any answer in a row after which a UE counts as lost.
        lost_after_ms: for which nothing was heard of it either, as in a deep fade or a pause of its own.
        poll_period: ms between looks at the buffers of a UE that had nothing lately; ``EnbMac.data_ready`` is quicker.
        active_ms: how long after its last data a UE is looked at every ms.
        paging_before_si: drop a repetition of system information where paging finds no room beside it.
    """

    max_ues: int = 256
    backoff_indicator: int = 2
    msg3_n_prb: int = 2
    msg3_mcs: int = 3
    msg3_group_b_mcs: int = 8
    ccch_wait: int = 10
    max_dl_tx: int = 5
    max_dl_ues: int = 8
    max_ul_ues: int = 8
    bler: float = 0.1
    olla_step_db: float = 0.5
    initial_cqi: int = 7
    initial_ul_snr_db: float = 5.0
    max_code_rate: float = 0.92
    max_ul_tbs: int = 51024
    max_dl_tbs: int = 75376
    sr_grant_bytes: int = 160
    proactive_grant_period: int | None = None
    grant_after_msg4: int | None = None
    cqi_max_age: int = 100
    ul_target_snr_db: float | None = 20.0
    pucch_target_snr_db: float | None = 10.0
    tpc_period: int = 10
    ta_period: int = 50
    lost_after_pusch: int = 40
    lost_after_dl: int = 40
    lost_after_ms: int = 400
    poll_period: int = 4
    active_ms: int = 50
    paging_before_si: bool = True
