"""Paging of idle phones (TS 36.413 8.5, TS 24.301 5.6.2)."""

import logging
from typing import Any

from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.s1ap_values import TaIdentity
from picocell.epc.mme.core import Core
from picocell.epc.mme.events import PagingFailed
from picocell.epc.mme.ue_context import ConnectionState, Page, UeContext

_log = logging.getLogger(__name__)


class Paging:
    """Pages phones, again after T3413, and gives up."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def start(self, ue: UeContext, now: int, *, for_data: bool) -> None:
        """Page a phone, unless it is connected or paged already; one that is being released, once it is idle."""
        if ue.connection is not None and ue.connection.state is not ConnectionState.RELEASING:
            return
        if ue.page is not None:
            ue.page.for_data |= for_data
            return
        ue.page = Page(0, now, for_data)
        if ue.connection is None:
            self._page(ue, ue.page, now)

    def stop(self, ue: UeContext) -> bool:
        """The phone is here; whether it was paged for data, which wait."""
        page, ue.page = ue.page, None
        return page is not None and page.for_data

    def next_timer(self) -> int | None:
        """When `handle_timers` is wanted."""
        return min((page.at for _, page in self._idle()), default=None)

    def handle_timers(self, now: int) -> None:
        """T3413: page again, or give up."""
        for ue, page in self._idle():
            if page.at <= now:
                self._page(ue, page, now)

    def count(self) -> int:
        """Phones that are paged."""
        return sum(ue.page is not None for ue in self._core.ues.values())

    def _idle(self) -> list[tuple[UeContext, Page]]:
        """Phones that are paged and have no connection any more."""
        ues = self._core.ues.values()
        return [(ue, ue.page) for ue in ues if ue.page is not None and ue.connection is None]

    def _page(self, ue: UeContext, page: Page, now: int) -> None:
        settings = self._core.settings
        if page.attempt >= settings.paging_attempts:
            self._give_up(ue, page, now)
            return
        enbs = self._targets(ue, first=page.attempt == 0)
        page.attempt += 1
        page.at = now + settings.t3413_ms
        ies = self._ies(ue)
        if ies is None or not enbs:
            _log.warning("%s cannot be paged: no eNB serves its tracking area %s", ue.name, ue.tai)
            return
        _log.info("%s is paged, attempt %d of %d, at %s", ue.name, page.attempt, settings.paging_attempts, enbs)
        for enb in enbs:
            self._core.send_s1(enb, "Paging", ies)

    def _give_up(self, ue: UeContext, page: Page, now: int) -> None:
        _log.warning("%s did not answer %d pagings", ue.name, page.attempt)
        self._core.counters["paging_failed"] += 1
        ue.page = None
        self._core.events.append(PagingFailed(ue.imsi))
        if page.for_data:
            self._core.s11.paging_failed(ue, now)
        self._core.nas.paging_failed(ue, now)

    def _targets(self, ue: UeContext, *, first: bool) -> list[str]:
        """eNBs to page at."""
        core = self._core
        if first and core.settings.paging_policy == "last_enb_first" and ue.last_enb in core.associations:
            return [ue.last_enb]
        areas = set(self._areas(ue))
        return [enb.address for enb in core.associations.values() if areas & set(enb.tais)]

    def _areas(self, ue: UeContext) -> list[TaIdentity]:
        """Tracking areas in which a phone is registered: where it was, and the MME's list."""
        nas = self._core.settings.nas
        areas = [] if ue.tai is None else [ue.tai]
        areas += [TaIdentity(nas.mcc, nas.mnc, tac) for tac in nas.tacs]
        return list(dict.fromkeys(areas))

    def _ies(self, ue: UeContext) -> dict[str, Any] | None:
        """Content of the message; by IMSI only where there is no S-TMSI."""
        nas, drx = self._core.settings.nas, self._core.settings.paging_drx
        areas = self._areas(ue)
        if ue.imsi is None or not areas:
            return None
        m_tmsi = self._core.nas.current_m_tmsi(ue)
        identity: tuple[str, Any] = ("iMSI", values.imsi_value(ue.imsi))
        if m_tmsi is not None:
            identity = ("s-TMSI", values.s_tmsi_value(values.STmsi(nas.mme_code, m_tmsi)))
        ies: dict[str, Any] = {
            "UEIdentityIndexValue": (int(ue.imsi) % 1024, 10),
            "UEPagingID": identity,
            "CNDomain": "ps",
            "TAIList": [{"tAI": values.tai_value(area)} for area in areas],
        }
        return ies if drx is None else {**ies, "pagingDRX": f"v{drx}"}
