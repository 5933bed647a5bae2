"""From messages to bearers at both ends: the recorded attach, every kind of RLC, changes and releases."""

from typing import Any

import pytest

from picocell.mac.dedicated_config import Bearer, BearerKind, RlcMode
from picocell.rlc_pdcp import pdcp
from picocell.rlc_pdcp.pdcp import Direction, SrbConfig
from picocell.rlc_pdcp.rlc.config import AmRxConfig, AmTxConfig, UmConfig
from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.bearer_config import BearerSetup, bearers
from picocell.rrc_nas.rrc.enb_messages import critical_value, reconfiguration_value

SETUP = bytes.fromhex("60129b2e661e82f2e0ccc860d3000099020003e0")
RECONFIGURATION = bytes.fromhex(
    "201610800000068b02801289e592ba540041d0804f8180003c440001c0075480704041c1c19cdc9cd85c1b81406b040000c9c22000034102"
    "0202021402fd803c44000046a9eed8d8c4c03c44000188c17d29eed8d8d89f07d40be3a43c733cb833321834c00026408000f8"
)


def message(**resources: Any) -> Any:
    return reconfiguration_value(0, {name.replace("_", "-"): value for name, value in resources.items()})


def drb(identity: int = 1, lcid: int = 3, **fields: Any) -> dict[str, Any]:
    entry = {"drb-Identity": identity, "eps-BearerIdentity": identity + 4, "logicalChannelIdentity": lcid}
    return entry | {name.replace("_", "-"): value for name, value in fields.items()}


AM = (
    "am",
    {
        "ul-AM-RLC": {"t-PollRetransmit": "ms80", "pollPDU": "p16", "pollByte": "kB25", "maxRetxThreshold": "t8"},
        "dl-AM-RLC": {"t-Reordering": "ms60", "t-StatusProhibit": "ms30"},
    },
)
AM_PDCP = {
    "headerCompression": ("notUsed", None),
    "discardTimer": "ms300",
    "rlc-AM": {"statusReportRequired": True},
}
UM_PDCP = {"headerCompression": ("notUsed", None), "discardTimer": "ms100", "rlc-UM": {"pdcp-SN-Size": "len7bits"}}


def test_recorded_attach_seen_from_both_ends() -> None:
    for end, transmit in (("ue", Direction.UPLINK), ("enb", Direction.DOWNLINK)):
        first = bearers(asn1.decode("DL-CCCH", SETUP), end)  # type: ignore[arg-type]
        srb1 = BearerSetup(
            Bearer(BearerKind.SRB, 1, 1, pdcp_sn_bits=5, priority=1, lcg=0),
            AmTxConfig(),
            AmRxConfig(),
            SrbConfig(0, transmit),
        )
        assert (first.add, first.modify, first.release) == ((srb1,), (), ())
        known = first.applied(())
        second = bearers(asn1.decode("DL-DCCH", RECONFIGURATION), end, known)  # type: ignore[arg-type]
        assert [setup.bearer.name for setup in second.add] == ["SRB2", "DRB1"]
        assert not second.modify
        data = second.add[1]
        assert data.lcid == 3
        assert data.bearer.eps_bearer == 5
        assert data.bearer.rlc is RlcMode.UM
        assert data.rlc_tx == UmConfig(10, 45)
        assert data.rlc_rx == UmConfig(10, 45)
        assert data.pdcp == pdcp.UmConfig(0, transmit, 12, None)
        assert [setup.lcid for setup in second.applied(known)] == [1, 2, 3]


def test_am_bearer() -> None:
    (found,) = bearers(message(drb_ToAddModList=[drb(2, 4, rlc_Config=AM, pdcp_Config=AM_PDCP)]), "ue").add
    assert found.rlc_tx == AmTxConfig(80, 16, 25_000, 8)
    assert found.rlc_rx == AmRxConfig(60, 30)
    assert found.pdcp == pdcp.AmConfig(1, Direction.UPLINK, 12, 300, status_report=True)


def test_sequence_numbers_of_um_swap_with_the_end() -> None:
    value = (
        "um-Bi-Directional",
        {
            "ul-UM-RLC": {"sn-FieldLength": "size5"},
            "dl-UM-RLC": {"sn-FieldLength": "size10", "t-Reordering": "ms40"},
        },
    )
    entry = drb(rlc_Config=value, pdcp_Config=UM_PDCP)
    (ue,) = bearers(message(drb_ToAddModList=[entry]), "ue").add
    (enb,) = bearers(message(drb_ToAddModList=[entry]), "enb").add
    assert (ue.rlc_tx, ue.rlc_rx) == (UmConfig(5, 40), UmConfig(10, 40))
    assert (enb.rlc_tx, enb.rlc_rx) == (ue.rlc_rx, ue.rlc_tx)
    assert enb.pdcp == pdcp.UmConfig(0, Direction.DOWNLINK, 7, 100)


@pytest.mark.parametrize(("kind", "name", "side"), [("UL", "ul-UM-RLC", "rlc_tx"), ("DL", "dl-UM-RLC", "rlc_rx")])
def test_one_way_um_has_one_direction(kind: str, name: str, side: str) -> None:
    content = {"sn-FieldLength": "size10"} | ({"t-Reordering": "ms50"} if kind == "DL" else {})
    entry = drb(rlc_Config=(f"um-Uni-Directional-{kind}", {name: content}), pdcp_Config=UM_PDCP)
    (ue,) = bearers(message(drb_ToAddModList=[entry]), "ue").add
    (enb,) = bearers(message(drb_ToAddModList=[entry]), "enb").add
    assert isinstance(getattr(ue, side), UmConfig)
    assert [ue.rlc_tx, ue.rlc_rx].count(None) == 1
    assert (enb.rlc_tx, enb.rlc_rx) == (ue.rlc_rx, ue.rlc_tx)


def known_bearers() -> tuple[BearerSetup, ...]:
    entries = [drb(n, n + 2, rlc_Config=AM, pdcp_Config=AM_PDCP) for n in (1, 2)]
    srbs = [{"srb-Identity": n, "rlc-Config": ("defaultValue", None)} for n in (1, 2)]
    return bearers(message(srb_ToAddModList=srbs, drb_ToAddModList=entries), "enb").applied(())


def test_a_bearer_that_stays_as_it_is_is_not_modified() -> None:
    known = known_bearers()
    changes = bearers(
        message(drb_ToAddModList=[{"drb-Identity": 1}], srb_ToAddModList=[{"srb-Identity": 2}]), "enb", known
    )
    assert not changes
    assert changes.applied(known) == known


def test_modified_released_and_replaced_bearers() -> None:
    known = known_bearers()
    faster = ("am", AM[1] | {"ul-AM-RLC": AM[1]["ul-AM-RLC"] | {"pollPDU": "pInfinity", "pollByte": "kBinfinity"}})
    changes = bearers(message(drb_ToAddModList=[{"drb-Identity": 1, "rlc-Config": faster}]), "enb", known)
    assert [setup.rlc_tx for setup in changes.modify] == [AmTxConfig(80, None, None, 8)]
    assert changes.modify[0].pdcp == known[2].pdcp
    changes = bearers(message(drb_ToReleaseList=[2, 7]), "enb", known)
    assert (changes.add, changes.modify, changes.release) == ((), (), (4,))
    assert [setup.lcid for setup in changes.applied(known)] == [1, 2, 3]
    again = drb(2, 4, rlc_Config=AM, pdcp_Config=AM_PDCP)
    changes = bearers(message(drb_ToReleaseList=[2], drb_ToAddModList=[again]), "enb", known)
    assert changes.release == (4,)
    assert [setup.lcid for setup in changes.add] == [4]
    assert changes.applied(known) == known


def test_a_new_connection_forgets_the_old_bearers() -> None:
    changes = bearers(asn1.decode("DL-CCCH", SETUP), "ue", known_bearers())
    assert changes.release == (2, 3, 4)


def test_full_configuration_releases_drbs() -> None:
    body = {
        "radioResourceConfigDedicated": {"drb-ToAddModList": [drb(1, 3, rlc_Config=AM, pdcp_Config=AM_PDCP)]},
        "nonCriticalExtension": {"nonCriticalExtension": {"fullConfig-r9": "true"}},
    }
    changes = bearers(critical_value("rrcConnectionReconfiguration", 0, body), "ue", known_bearers())
    assert changes.release == (4,)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (drb(pdcp_Config=AM_PDCP), "without rlc-Config"),
        (drb(rlc_Config=AM), "without pdcp-Config"),
        (drb(rlc_Config=AM, pdcp_Config=AM_PDCP | {"headerCompression": ("rohc", {})}), "header compression"),
        ({"drb-Identity": 1}, "logicalChannelIdentity"),
        (drb(rlc_Config=("am", {}), pdcp_Config=AM_PDCP), "ul-AM-RLC"),
    ],
)
def test_unusable_entries_are_refused(entry: dict[str, Any], reason: str) -> None:
    with pytest.raises(Asn1Error, match=reason):
        bearers(message(drb_ToAddModList=[entry]), "ue")


def test_other_messages_are_refused() -> None:
    with pytest.raises(Asn1Error, match="configures no radio resources"):
        bearers(asn1.decode("DL-DCCH", bytes.fromhex("300020")), "ue")
