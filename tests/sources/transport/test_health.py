from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from loopback import Answer, busy, serving, silent
from toy import Toy, client, fetch, fill

from sources.core.items import Item
from sources.transport.health import Health


def test_a_host_is_given_up_after_failures_in_a_row():
    health = Health(2)
    health.failed("a.org", "HTTP 503")
    health.answered("a.org")
    health.failed("a.org", "no connection")
    assert health.verdict("a.org") is None
    health.failed("a.org", "HTTP 503")
    assert health.verdict("a.org") == (
        "a.org is given up for this run after 2 failed requests in a row (HTTP 503); fetch again later"
    )
    assert health.verdict("b.org") is None


def test_a_late_answer_does_not_bring_a_host_back():
    health = Health(1)
    health.failed("a.org", "HTTP 503")
    health.answered("a.org")
    health.failed("a.org", "no connection")
    assert "(HTTP 503)" in health.verdict("a.org")


def test_failures_are_counted_over_threads():
    health = Health(400)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: health.failed("a.org", str(number)), range(400)))
    assert "after 400 failed" in health.verdict("a.org")


@pytest.fixture
def site():
    with serving() as site:
        yield site


def hanging_up(answer: Answer, before: int) -> bool:
    answer.hang_up()
    return True


@pytest.mark.parametrize("fault", [busy(10_000, 503), hanging_up, silent(0.5)], ids=["busy", "hangs up", "hangs"])
def test_the_other_films_of_a_dead_host_fail_at_once_and_a_later_run_fetches_them(site, tmp_path, fault):
    films = fill(site, 60, size=200)
    dead = films[10:]
    site.faults |= dict.fromkeys(dead, fault)
    sender = client(most_failures=3, connections=1, timeout_s=0.2)
    outcome, rows = fetch(Toy(site.url), tmp_path / "toy", with_client=sender)
    assert outcome.retry is not None and outcome.retry.startswith("47 images of 'toy' failed: 127.0.0.1:")
    assert outcome.receipt["retry"] == outcome.retry
    assert outcome.counts["fetched"] == 10
    assert outcome.counts["failed"] == 50
    given_up = rows[rows.fetch_reason.str.contains("is given up for this run after 3 failed requests", na=False)]
    assert len(given_up) == 47
    requests = sum(site.counts()[path] for path in dead)
    assert requests == 3 * (sender.policy.retries + 1)
    site.faults.clear()
    outcome, _ = fetch(Toy(site.url), tmp_path / "toy")
    assert (outcome.counts["cached"], outcome.counts["fetched"]) == (10, 50)
    assert outcome.retry is None and "retry" not in outcome.receipt


def test_a_host_without_a_server_is_asked_again_by_the_next_run(site, tmp_path):
    films = fill(site, 30, size=200)
    with serving() as gone:
        closed = gone.url

    class Split(Toy):
        def items(self, web: Any) -> Iterator[Item]:
            for item in super().items(web):
                yield item if item.item_id in films[:10] else replace(item, url=closed + item.item_id)

    outcome, _ = fetch(Split(site.url), tmp_path / "toy", with_client=client(most_failures=3))
    assert outcome.counts["fetched"] == 10
    assert outcome.retry == ("20 images of 'toy' failed: its robots.txt cannot be read: no connection (4 tries).")


def test_a_host_that_refuses_single_files_is_not_given_up(site, tmp_path):
    films = fill(site, 40, size=200)
    for path in films[:30]:
        del site.files[path]  # HTTP 404
    outcome, _ = fetch(Toy(site.url), tmp_path / "toy", with_client=client(most_failures=3))
    assert outcome.counts["fetched"] == 10


def test_a_few_files_that_always_fail_among_good_ones_do_no_harm(site, tmp_path):
    films = fill(site, 40, size=200)
    site.faults |= {path: busy(10_000, 503) for path in films[::4]}
    outcome, _ = fetch(Toy(site.url), tmp_path / "toy", with_client=client(most_failures=3, connections=1))
    assert outcome.counts["fetched"] == 30
