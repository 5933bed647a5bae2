"""Where blocks of work are done when one machine is not enough: the workers of a Dask cluster, by its address."""

import importlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, Final

from picocell.kernels import isa
from picocell.sims.counts import Counts
from picocell.sims.results import package_version
from picocell.sims.workers import Task, work

CONNECT_S: Final = 10.0
"""Seconds in which a scheduler has to answer."""

WORKERS_S: Final = 60.0
"""Seconds in which it has to have a worker."""

_RECOUNT_S: Final = 1.0
_RESTARTS: Final = 3

_one_at_a_time = threading.Lock()
"""Of a worker process: links have scratch memory of their own, so threads of one process take turns."""


class ClusterError(ValueError):
    """A cluster that cannot be used: one line for the user."""


def identity() -> str:
    """What the numbers depend on beside a task: the version, and the instruction set, for rounding differs."""
    return f"picocell {package_version()} with PICOCELL_ISA={isa.LEVELS[isa.chosen()]}"


def work_alike(task: Task, expected: str) -> list[Counts]:
    """Do a task on a worker that is like the process that asks for it.

    Raises:
        ClusterError: this worker would give other numbers.
    """
    if (mine := identity()) != expected:
        raise ClusterError(f"a worker of the cluster has {mine}, but {expected} is wanted: they have to be alike")
    with _one_at_a_time:
        return work(task)


class DaskBackend:
    """Workers of a Dask cluster.

    Tasks of a worker that dies are given to others by the scheduler. Workers may come and go meanwhile.

    Args:
        address: of the scheduler, such as ``tcp://10.0.0.1:8786``.
        connect_s: seconds in which it has to answer.
        workers_s: seconds in which it has to have a worker.
        say: takes a line whenever the number of workers has changed.

    Attributes:
        workers: worker processes of the cluster, each of which does one task at a time.
        ahead: as many again: a result is some milliseconds under way.

    Raises:
        ClusterError: Dask is not installed, there is no scheduler at this address, or it has no worker.
    """

    task_s = 0.5
    """A task costs some 10 ms of scheduler, network and client."""

    def __init__(
        self,
        address: str,
        *,
        connect_s: float = CONNECT_S,
        workers_s: float = WORKERS_S,
        say: Callable[[str], None] | None = None,
    ) -> None:
        try:
            self._dask = importlib.import_module("distributed")
        except ImportError as error:
            raise ClusterError("a cluster needs Dask distributed: pip install picocell[cluster]") from error
        _check_address(address)
        self._address, self._connect_s, self._workers_s = address, connect_s, workers_s
        self._identity = identity()
        self._restarts = 0
        self._tasks: dict[Any, Future[list[Counts]]] = {}
        self._say, self._told = say, -1
        self.workers = self.ahead = 1
        self._client = self._connect()

    def _connect(self) -> Any:
        client = None
        try:
            client = self._dask.Client(self._address, timeout=self._connect_s, set_as_default=False)
            client.wait_for_workers(1, timeout=self._workers_s)
            self._note(len(client.nthreads()))
        except (OSError, ValueError) as error:  # a time-out is an OSError
            if client is None:
                raise ClusterError(f"--cluster {self._address}: no scheduler answers there") from error
            client.close(timeout=1)
            raise ClusterError(
                f"--cluster {self._address}: the scheduler has no worker (dask worker ADDRESS)"
            ) from error
        self._counted = time.monotonic()
        return client

    def _note(self, count: int) -> None:
        """So many workers are there: told where that is news."""
        self.workers = self.ahead = max(count, 1)
        if self._say is not None and count != self._told:
            number = f"{count} worker{'s' if count > 1 else ''}" if count else "no worker is left, waiting for one"
            self._say(f"cluster {self._address}: {number}")
        self._told = count

    def look(self) -> None:
        """Workers may have come or gone."""
        if time.monotonic() - self._counted > _RECOUNT_S:
            self._counted = time.monotonic()
            with suppress(OSError, RuntimeError):  # a scheduler that is lost is told by its tasks
                self._note(len(self._client.nthreads()))

    def submit(self, task: Task) -> "Future[list[Counts]]":
        """Have a worker do a task; a cluster that is gone gives a future that fails."""
        promise: Future[list[Counts]] = Future()
        try:
            self.look()
            remote = self._client.submit(work_alike, task, self._identity, pure=False)
        except (OSError, RuntimeError) as error:
            promise.set_exception(_lost(error))
            return promise
        self._tasks[remote] = promise
        remote.add_done_callback(self._done)
        return promise

    def _done(self, remote: Any) -> None:
        """A task is done; in a thread of the client."""
        promise = self._tasks.pop(remote, None)
        if promise is None or not promise.set_running_or_notify_cancel():
            return
        try:
            promise.set_result(remote.result())
        except ClusterError as error:
            promise.set_exception(error)
        except Exception as error:
            ours = remote.status == "error" and not isinstance(error, self._dask.KilledWorker)
            promise.set_exception(error if ours else _lost(error))

    def revive(self) -> bool:
        """Connect again, after the scheduler was lost or workers died of a task again and again; not for ever.

        Raises:
            ClusterError: it cannot be reached.
        """
        self._restarts += 1
        if self._restarts > _RESTARTS:
            return False
        self.close()
        try:
            self._client = self._connect()
        except ClusterError as error:
            raise ClusterError(f"{error}; what has been done is kept: --resume goes on from there") from error
        return True

    def close(self) -> None:
        """Drop what is not done and leave the cluster, whose workers go on."""
        left = list(self._tasks)
        self._tasks.clear()
        if left and self._client.status == "running":
            self._client.cancel(left)
        self._client.close(timeout=5)


def _check_address(address: str) -> None:
    """Refuse what Dask cannot connect to: its client would wait for long, and then complain.

    Raises:
        ClusterError: no protocol, host and port.
    """
    addressing = importlib.import_module("distributed.comm.addressing")
    registry = importlib.import_module("distributed.comm.registry")
    try:
        protocol, place = addressing.parse_address(address)
        registry.get_backend(protocol)
        if protocol != "inproc":
            addressing.parse_host_port(place)
    except (ValueError, TypeError) as error:
        raise ClusterError(f"--cluster {address}: not an address such as tcp://10.0.0.1:8786") from error


def _lost(error: BaseException) -> BrokenProcessPool:
    """What a campaign takes for a worker that died."""
    broken = BrokenProcessPool(f"the cluster lost a task: {error}")
    broken.__cause__ = error
    return broken
