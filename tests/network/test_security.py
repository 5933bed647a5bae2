"""Algorithms of both strata, by settings of the network and abilities of the phone."""

from dataclasses import replace
from itertools import product

import pytest

from picocell import Cell, Network, PhoneError
from picocell.epc.epc import EpcSettings
from picocell.epc.mme.settings import MmeSettings
from picocell.network import GATEWAY
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings
from picocell.rrc_nas.rrc.events import ActivateSecurity
from picocell.rrc_nas.security.algorithms import Eea, Eia

CELL = Cell(n_prb=6)


@pytest.mark.parametrize(("eea", "eia"), list(product(Eea, (Eia.EIA1, Eia.EIA2, Eia.EIA3))))
def test_every_pair(eea: Eea, eia: Eia) -> None:
    cell = replace(CELL, rrc=EnbRrcSettings(eea=(eea,), eia=(eia,)))
    epc = EpcSettings(mme=MmeSettings(nas=MmeNasSettings(eea=(eea,), eia=(eia,))))
    with Network(cell, epc=epc) as net:
        phone = net.phone()
        phone.attach()
        assert phone.ping(GATEWAY, 1).received == 1
        used = phone.wait_for(ActivateSecurity, since=0).keys
        assert (used.eea, used.eia) == (eea, eia)
        context = phone.ue.nas.core.security
        assert context is not None
        assert (context.eea, context.eia) == (eea, eia)


def test_a_phone_that_can_less_gets_less() -> None:
    with Network(replace(CELL, rrc=EnbRrcSettings(eea=(Eea.EEA2, Eea.EEA1)))) as net:
        phone = net.phone(eea=(Eea.EEA0, Eea.EEA1), eia=(Eia.EIA1, Eia.EIA2))
        phone.attach()
        used = phone.wait_for(ActivateSecurity, since=0).keys
        assert (used.eea, used.eia) == (Eea.EEA1, Eia.EIA2)


def test_no_algorithm_in_common() -> None:
    epc = EpcSettings(mme=MmeSettings(nas=MmeNasSettings(eea=(Eea.EEA3,), eia=(Eia.EIA3,))))
    with Network(CELL, epc=epc) as net:
        phone = net.phone(eea=(Eea.EEA0, Eea.EEA1), eia=(Eia.EIA1, Eia.EIA2))
        with pytest.raises(PhoneError, match="#23"):
            phone.attach()
