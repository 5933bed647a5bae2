"""The examples agree; each single disagreement is named, and nothing else is."""

from dataclasses import replace
from pathlib import Path

import pytest

from picocell.doctor.configurations import Given
from picocell.doctor.model import Status
from picocell.epc.hss.algorithms import OperatorKey
from picocell.epc.hss.subscribers import Subscriber, SubscriberStore
from picocell.rrc_nas.security.milenage import derive_opc
from support.doctor_bench import bad, enb, epc, machine, results, ue

IMSI = "001010123456780"
K = bytes.fromhex("00112233445566778899aabbccddeeff")
OPC = bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")


def test_the_examples_agree(tmp_path: Path) -> None:
    found = results(machine(tmp_path))
    assert not bad(found)
    assert {one.group for one in found} == {"computer", "network", "radio", "agreement"}
    assert {one.check for one in found if one.group == "agreement"} >= {"PLMN", "TAC", "S1", "EARFCN", "subscribers"}


RADIO = "tx_port=tcp://*:{},rx_port=tcp://localhost:{}"


@pytest.mark.parametrize(
    ("process", "words", "check", "text"),
    [
        ("epc", ["--mme.plmn", "00102"], "PLMN", "enb.yaml enb.plmn is 00101, epc.yaml mme.plmn is 00102"),
        ("ue", ["--nas.plmn", "90170"], "PLMN", "ue.yaml nas.plmn is 90170, enb.yaml enb.plmn is 00101"),
        ("ue", ["--usim.mnc-digits", "3"], "PLMN", "ue.yaml usim.imsi, its PLMN is 001010, enb.yaml enb.plmn is 00101"),
        ("enb", ["--enb.tac", "8"], "TAC", "enb.yaml enb.tac is 8, epc.yaml mme.tacs is [7]"),
        ("enb", ["--mme.address", "127.0.1.99"], "S1", "enb.yaml mme.address is 127.0.1.99, epc.yaml mme.address"),
        ("epc", ["--mme.port", "36413"], "S1", "enb.yaml mme.port is 36412, epc.yaml mme.port is 36413"),
        ("enb", ["--mme.sctp.mode", "udp"], "S1", "enb.yaml mme.sctp.mode udp, epc.yaml auto"),
        ("epc", ["--sgw.port", "2153"], "GTP-U", "enb.yaml gtpu.peer_port is 2152, epc.yaml sgw.port is 2153"),
        ("enb", ["--gtpu.port", "2160"], "GTP-U", "enb.yaml gtpu.port is 2160, epc.yaml sgw.peer_port is 2152"),
        ("ue", ["--radio.earfcn", "3000"], "EARFCN", "ue.yaml radio.earfcn is 3000, enb.yaml enb.earfcn is 3350"),
        ("enb", ["--enb.band", "3"], "EARFCN", "enb.yaml: enb.earfcn 3350 is of band 7, enb.band is 3"),
        ("ue", ["--usim.imsi", "001010000000001"], "subscribers", "IMSI 001010000000001 is not known to epc.yaml"),
        ("ue", ["--usim.k", "0f" * 16], "subscribers", f"K of IMSI {IMSI} differs: ue.yaml usim.k, epc.yaml"),
        ("ue", ["--usim.opc", "0f" * 16], "subscribers", f"OPc of IMSI {IMSI} differs: ue.yaml usim.opc, epc.yaml"),
        (
            "ue",
            ["--usim.algorithm", "tuak", "--usim.opc", "0f" * 32],
            "subscribers",
            "usim.algorithm is tuak, epc.yaml",
        ),
        ("ue", ["--nas.apn", "ims"], "APN", "ue.yaml nas.apn is ims, epc.yaml the subscriber's apns is internet"),
        ("epc", ["--pgw.apns", "ims"], "APN", "ue.yaml the APN is internet, epc.yaml pgw.apns is ims"),
        ("ue", ["--nas.eea", "EEA0", "--nas.eia", "EIA1"], None, ""),
        ("epc", ["--mme.eea", "EEA2"], None, ""),
        ("ue", ["--radio.args", RADIO.format(2001, 2002)], "ports are crossed", "ue.yaml: nobody sends at its rx_port"),
        (
            "ue",
            ["--radio.args", RADIO.format(2003, 2000)],
            "ports are crossed",
            "enb.yaml: nobody sends at its rx_port",
        ),
        (
            "ue",
            ["--radio.args", RADIO.format(2001, 2000) + ",base_srate=11.52e6"],
            "base_srate",
            "base_srate differs: enb.yaml 23.04e6, ue.yaml 11.52e6",
        ),
    ],
)
def test_one_disagreement(tmp_path: Path, process: str, words: list[str], check: str | None, text: str) -> None:
    made = {"epc": epc, "enb": enb, "ue": ue}[process](*words)
    found = bad(results(machine(tmp_path), **{f"{process}s": (made,)}))
    if check is None:
        assert not found
        return
    assert {one.check for one in found} == {check}
    assert text in found[0].text
    assert found[0].advice
    assert "0f0f" not in str(found)  # keys are not shown


def test_algorithms_without_one_in_common(tmp_path: Path) -> None:
    found = bad(results(machine(tmp_path), ues=(ue("--nas.eea", "EEA1"),), epcs=(epc("--mme.eea", "[EEA2, EEA3]"),)))
    assert [one.text for one in found] == ["ue.yaml nas.eea is EEA1, epc.yaml mme.eea is EEA2, EEA3"]


def test_udp_ports_of_sctp(tmp_path: Path) -> None:
    words = ["--mme.sctp.mode", "udp"]
    core, cell = epc(*words, "--mme.sctp.udp-port", "9900"), enb(*words)
    found = bad(results(machine(tmp_path), epcs=(core,), enbs=(cell,)))
    assert [one.text for one in found] == [
        "enb.yaml mme.sctp.peer_udp_port is 9899, epc.yaml mme.sctp.udp_port is 9900"
    ]
    assert not bad(results(machine(tmp_path), epcs=(core,), enbs=(enb(*words, "--mme.sctp.peer-udp-port", "9900"),)))


def test_two_phones_of_one_sim_on_one_port(tmp_path: Path) -> None:
    found = bad(results(machine(tmp_path), ues=(ue(), ue(name="other.yaml"))))
    texts = " | ".join(one.text for one in found)
    assert f"IMSI {IMSI} is that of 2 phones" in texts
    assert "other.yaml tx_port and ue.yaml tx_port both want tcp port 2001" in texts
    assert "both ue.yaml and other.yaml ask for its samples" in texts


def test_op_in_place_of_opc(tmp_path: Path) -> None:
    op = bytes(range(16))
    subscriber = f"[{{imsi: '{IMSI}', k: '{K.hex()}', opc: '{derive_opc(K, op).hex()}'}}]"
    words = ["--usim.op", op.hex(), "--usim.opc", "null"]
    assert not bad(results(machine(tmp_path), ues=(ue(*words),), epcs=(epc("--hss.subscribers", subscriber),)))


def test_the_database_comes_first_and_is_not_changed(tmp_path: Path) -> None:
    database = tmp_path / "subscribers.db"
    store = SubscriberStore(str(database))
    one = Subscriber(imsi=IMSI, k=K, operator_key=OPC, operator_key_kind=OperatorKey.OPC, apns=("mine",))
    store.add(one)
    store.close()
    before = database.read_bytes(), database.stat().st_mtime_ns
    core = epc("--hss.database", str(database))
    assert [one.check for one in bad(results(machine(tmp_path), epcs=(core,)))] == ["APN"]
    assert (database.read_bytes(), database.stat().st_mtime_ns) == before
    store = SubscriberStore(str(database))
    store.replace(replace(one, enabled=False, apns=("internet",)))
    store.close()
    [found] = bad(results(machine(tmp_path), epcs=(core,)))
    assert found.text == f"IMSI {IMSI} is barred in epc.yaml"


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_a_database_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    database = tmp_path / "x.db"
    if content is not None:
        database.write_bytes(content)
    found = bad(results(machine(tmp_path), epcs=(epc("--hss.database", str(database)),), check="subscribers"))
    assert len(found) == (content is not None)
    assert all("hss.database cannot be read" in one.text and one.status == Status.WARNING for one in found)
    assert database.exists() == (content is not None)


def test_without_configurations_there_is_nothing_to_agree_on(tmp_path: Path) -> None:
    found = results(machine(tmp_path), Given())
    assert not bad(found)
    assert not [one for one in found if one.group == "agreement"]
