"""Power headroom reports of a UE (TS 36.321 5.4.6)."""

from picocell.mac.dedicated_config import PhrConfig


class PowerHeadroomReports:
    """When a report is wanted. Asked only where there is room for a new transport block, as the clause says."""

    def __init__(self) -> None:
        self._config: PhrConfig | None = None
        self._triggered = False
        self._periodic_from: int | None = None
        self._prohibited_until: int | None = None
        self._path_loss_db: float | None = None

    def configure(self, config: PhrConfig | None) -> None:
        """phr-Config; None ends reporting.

        Being configured anew asks for a report. Whether a message that leaves all values alone named phr-Config is not
        known here; it counts as if it did.
        """
        self._triggered = config is not None
        self._config = config

    def reset(self) -> None:
        """Cancel what is triggered and stop the timers (5.9)."""
        self._triggered = False
        self._periodic_from = self._prohibited_until = None

    def wanted(self, path_loss_db: float, now: int) -> bool:
        """Whether the transport block of subframe ``now`` should carry a report."""
        config = self._config
        if config is None:
            return False
        if self._periodic_from is None:
            self._periodic_from = now
        if config.periodic is not None and now - self._periodic_from >= config.periodic:
            self._triggered = True
        if self._prohibited_until is None or now >= self._prohibited_until:
            self._triggered |= self._changed(config, path_loss_db)
        return self._triggered

    def reported(self, path_loss_db: float, now: int) -> None:
        """A report went out: the timers start again."""
        self._triggered = False
        self._path_loss_db = path_loss_db
        self._periodic_from = now
        self._prohibited_until = now + self._config.prohibit if self._config is not None else None

    def _changed(self, config: PhrConfig, path_loss_db: float) -> bool:
        if self._path_loss_db is None or config.path_loss_change_db is None:
            return False
        return abs(path_loss_db - self._path_loss_db) > config.path_loss_change_db
