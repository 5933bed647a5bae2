"""Priority and CPUs of a process with a device, each in a process of its own."""

import os
import subprocess
import sys

import pytest

from picocell.radio.errors import RadioArgumentError
from picocell.radio.sdr import realtime

ASK = """
import os, sys, threading
from picocell.observe.background import Background
from picocell.radio.sdr import realtime
cpu = min(os.sched_getaffinity(0))
before, end = threading.Thread(target=lambda: end.wait()), threading.Event()
before.start()
refused = realtime.begin(7, [cpu])
of_thread = []
thread = threading.Thread(target=lambda: of_thread.append(os.sched_getaffinity(0)))
thread.start(); thread.join()
assert os.sched_getaffinity(0) == of_thread[0] == {cpu}
policy = os.sched_getscheduler(0)
assert (refused is None) == (policy == os.SCHED_FIFO), (refused, policy)
assert refused is None or "no real-time priority" in refused
assert os.sched_getaffinity(before.native_id) == {cpu}
if refused is None:
    # who holds the interpreter's lock must not wait for other processes
    assert os.sched_getscheduler(before.native_id) == os.SCHED_FIFO
    assert os.sched_getparam(before.native_id).sched_priority == 6
    with Background() as background:
        priorities = []
        background.do(lambda: priorities.append((os.sched_getscheduler(0), os.sched_getparam(0).sched_priority)))
    assert priorities == [(os.SCHED_FIFO, 6)]
    realtime.go_before()
    assert os.sched_getparam(0).sched_priority == 8
assert sys.getswitchinterval() == realtime.SWITCH_S
end.set()
"""


def test_cpus_and_priority_are_of_all_threads() -> None:
    subprocess.run([sys.executable, "-c", ASK], check=True, timeout=120)


def test_a_cpu_that_there_is_not() -> None:
    before = os.sched_getaffinity(0), sys.getswitchinterval()
    try:
        with pytest.raises(RadioArgumentError, match=r"radio\.cpus: 4096 is not allowed: this process has \d"):
            realtime.begin(None, [4096])
        assert os.sched_getaffinity(0) == before[0]
    finally:
        sys.setswitchinterval(before[1])
