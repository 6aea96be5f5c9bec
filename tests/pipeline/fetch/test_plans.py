from loopback import serving
from toy import Toy, client, fetch, fill

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.fetch.plans import plan_all
from pipeline.fetch.session import Session
from sources.download.driver import FetchOptions, Watcher


def test_what_is_here_already_and_what_is_missing_is_not_promised(tmp_path):
    """Three films are here, one of them has been damaged since; of two new ones, one does not exist."""
    layout = Layout.at(str(tmp_path))
    with serving() as site:
        paths = fill(site, 5)
        gone = {path: site.files.pop(path) for path in paths[3:]}
        _, rows = fetch(Toy(site.url), tmp_path / "data" / "raw" / "toy")
        (tmp_path / "data" / "raw" / "toy" / rows.file[paths[1]]).write_bytes(b"damaged")
        site.files[paths[3]] = gone[paths[3]]
        run = Session(layout, Params(profile="p"), (Toy(site.url),), client())
        (plan,) = plan_all(run, FetchOptions(), lambda source: Watcher(), print)
        outcome, _ = fetch(Toy(site.url), tmp_path / "data" / "raw" / "toy")
    assert (plan.listed, plan.wanted, plan.here, plan.missing) == (5, 2, 2, 1)
    assert (outcome.counts["fetched"], outcome.counts["cached"], outcome.counts["failed"]) == (2, 2, 1)
    assert plan.bytes == sum(len(site.files[path]) for path in (paths[1], paths[3]))
