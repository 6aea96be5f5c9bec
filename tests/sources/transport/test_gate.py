import threading
import time

import pytest
from clock import Clock

from sources.transport.gate import Gate


def test_requests_to_one_host_keep_their_distance():
    clock = Clock()
    gate = Gate(2.0, 1, clock, clock.sleep)
    for _ in range(3):
        with gate.request("a.org"):
            pass
    assert clock.slept == pytest.approx([2.0, 2.0])


def test_hosts_do_not_wait_for_each_other():
    clock = Clock()
    gate = Gate(2.0, 1, clock, clock.sleep)
    for host in ("a.org", "b.org", "c.org"):
        with gate.request(host):
            pass
    assert clock.slept == []


def test_the_host_may_ask_for_a_longer_distance():
    clock = Clock()
    gate = Gate(1.0, 1, clock, clock.sleep)
    for _ in range(2):
        with gate.request("a.org", delay_s=10.0):
            pass
    assert clock.slept == pytest.approx([10.0])


def test_a_busy_host_is_left_alone():
    clock = Clock()
    gate = Gate(0.0, 1, clock, clock.sleep)
    gate.pause("a.org", 30.0)
    with gate.request("a.org"):
        pass
    assert clock.slept == pytest.approx([30.0])


def test_no_more_requests_are_under_way_than_allowed():
    gate = Gate(0.0, 3)
    under_way, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal under_way, most
        with gate.request("a.org"):
            with lock:
                under_way += 1
                most = max(most, under_way)
            time.sleep(0.01)
            with lock:
                under_way -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3
