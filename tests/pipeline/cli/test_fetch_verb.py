import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.core.layout import Layout
from pipeline.fetch.plans import plan_all
from pipeline.fetch.retries import ask_again, to_retry
from pipeline.fetch.session import open_session
from pipeline.profile.load import load_params
from sources.core.items import LOCK_SCHEMA, Item
from sources.core.origin import LIVE
from sources.core.source import get_source
from sources.core.storage import read_table, write_table
from sources.download.driver import FetchOptions, Watcher
from sources.download.rows import row_of, table_of
from sources.download.store import Store
from sources.eurorad import SEARCH
from sources.transport.mirror import mirror_path

HOST = "raw.githubusercontent.com"
COMMIT = "ad7ab099b425f16e06bba22322336b7d6a732965"
REPOSITORY = f"{HOST}/ml-workgroup/covid-19-image-repository/{COMMIT}"


@pytest.fixture
def project(tmp_path):
    """A folder with a small offline copy of Hannover's films, and a profile that runs on it."""
    place = tmp_path / "copy" / REPOSITORY
    (place / "png").mkdir(parents=True)
    header = "patient_id,image_id,sex,age,admission_offset,modality,projection\n"
    rows = "".join(f"p{number},film{number},m,50,-{number},CR,pa\n" for number in range(3))
    (place / "data.csv").write_text(header + rows, encoding="utf-8")
    for number in range(2):
        body = b"\x89PNG\r\n\x1a\n" + np.random.default_rng(number).bytes(1000)
        (place / "png" / f"film{number}.png").write_bytes(body)
    write_profile(tmp_path, mirror=str(tmp_path / "copy"))
    return tmp_path


def write_profile(folder: Path, **changes) -> None:
    fetch = {"retries": 0, **changes.pop("fetch", {})}
    values = {"extends": "sandbox", "profile": "sandbox", "fetch": fetch, **changes}
    (folder / "profile.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")


def fetch(folder: Path, *words: str):
    return CliRunner().invoke(
        app, ["fetch", *words, "--params", str(folder / "profile.yaml"), "--root", str(folder / "root")]
    )


def raw(folder: Path, name: str) -> Path:
    return folder / "root" / "data" / "raw" / name


def receipt(folder: Path, name: str):
    return json.loads((raw(folder, name) / "fetch.json").read_text(encoding="utf-8"))


def test_a_fetch_ends_with_counts_and_reasons(project):
    done = fetch(project, "hannover")
    assert done.exit_code == 0, done.output
    assert "hannover" in done.stdout
    assert "failed: HTTP 404" in done.stdout
    rows = read_table(raw(project, "hannover") / "items.parquet")
    assert list(rows.fetch_status) == ["fetched", "fetched", "failed"]
    assert receipt(project, "hannover")["world"] == "mirror"


def test_json_is_for_machines(project):
    (outcome,) = json.loads(fetch(project, "hannover", "--json").stdout)
    assert outcome["counts"]["fetched"] == 2
    assert outcome["counts"]["failed"] == 1
    assert outcome["reasons"] == {"failed: HTTP 404": 1}


def test_a_dry_run_shows_sizes_and_fetches_no_film(project):
    (result,) = json.loads(fetch(project, "hannover", "--dry-run", "--json").stdout)
    assert (result["listed"], result["wanted"], result["missing"]) == (3, 2, 1)
    assert (result["bytes"], result["sizes_unknown"]) == (2 * 1008, 0)
    assert [file["url"].rpartition("/")[2] for file in result["files"]] == ["film0.png", "film1.png"]
    assert [file["bytes"] for file in result["files"]] == [1008, 1008]
    assert not (raw(project, "hannover") / "files").exists()
    shown = fetch(project, "hannover", "--dry-run").stdout
    assert "would be fetched" in shown
    assert "film1.png" in shown


def test_an_update_prints_what_changed(project):
    fetch(project, "hannover")
    film = project / "copy" / REPOSITORY / "png" / "film0.png"
    film.write_bytes(film.read_bytes() + b"!")
    shown = fetch(project, "hannover", "--update").stdout
    assert "changed" in shown
    assert "film0" in shown


def test_locked_reports_rot_and_fails(project):
    fetch(project, "hannover")
    for path in (raw(project, "hannover") / "files").iterdir():
        path.unlink()
    assert fetch(project, "hannover", "--locked").exit_code == 0
    for path in (raw(project, "hannover") / "files").iterdir():
        path.unlink()
    (project / "copy" / REPOSITORY / "png" / "film0.png").unlink()
    done = fetch(project, "hannover", "--locked")
    assert done.exit_code == 1
    assert "vanished" in done.stdout
    assert "1 file differs from the lock" in str(done.exception)


def test_several_sources_are_fetched_in_one_run_and_named_in_order(project):
    folder = project / "films"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_profile(project, mirror=str(project / "copy"), folders=[{"name": "clinic", "path": str(folder)}])
    outcomes = json.loads(fetch(project, "hannover", "clinic", "--json").stdout)
    assert [(one["source"], one["counts"]["fetched"]) for one in outcomes] == [("hannover", 2), ("clinic", 1)]


@pytest.mark.parametrize("how", [[], ["--json"], ["--dry-run"], ["--locked"]])
def test_a_source_that_fails_hides_neither_the_others_nor_another_failure(project, how):
    fetch(project, "hannover")
    done = fetch(project, "cohen", "hannover", "figure1", *how)
    message = str(done.exception).lower()
    assert done.exception.exit_code == 1
    assert "hannover" in done.stdout
    assert ("ieee8023" in message or "raw/cohen" in message) and "figure1" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "Unknown source 'nope'; expected one of: "),
        ([], "Name at least one source"),
        (["hannover", "--url", "https://x.org"], "'hannover' has no pages"),
        (["hannover", "cohen", "--url", "https://x.org"], "need exactly one source"),
        (["hannover", "--urls", "absent.txt"], "absent.txt cannot be read"),
        (["hannover", "--locked", "--update"], "--locked fetches what items.parquet names"),
        (
            ["eurorad", "--forget", "a"],
            "'a' is not one of the pages that were given to 'eurorad' by --url; there are",
        ),
        (["eurorad", "sirm", "--forget", "a"], "--forget need exactly one source"),
        (["papers", "--forget", "a", "--url", "10.1000/1"], "--url and --forget cannot be combined"),
        (["eurorad", "--url", ""], "'' names no page"),
        (
            ["eurorad", "--url", "https://x.org/case/1"],
            "'https://x.org/case/1' is not a page of 'eurorad'; its",
        ),
        (["sirm", "--url", "/etc/passwd"], "'/etc/passwd' is not a page of 'sirm'"),
        (["radiopaedia", "--url", "http://[::1"], "'http://[::1' is not a page of 'radiopaedia'"),
    ],
)
def test_an_impossible_request_is_a_usage_error(project, words, message):
    done = fetch(project, *words)
    assert getattr(done.exception, "exit_code", None) == 2
    assert message in str(done.exception)


def test_a_dry_run_shows_the_size_of_own_films(project):
    folder = project / "films"
    folder.mkdir()
    (folder / "a b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_profile(project, mirror=str(project / "copy"), folders=[{"name": "clinic", "path": str(folder)}])
    (result,) = json.loads(fetch(project, "clinic", "--dry-run", "--json").stdout)
    assert (result["wanted"], result["bytes"], result["sizes_unknown"]) == (1, 8, 0)


def test_a_dry_run_promises_what_a_fetch_does(project):
    (before,) = json.loads(fetch(project, "hannover", "--dry-run", "--json").stdout)
    (done,) = json.loads(fetch(project, "hannover", "--json").stdout)
    assert (before["wanted"], before["missing"]) == (done["counts"]["fetched"], done["counts"]["failed"])
    folder = project / "films"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    own = {"name": "clinic", "path": str(folder)}
    write_profile(project, mirror=str(project / "copy"), folders=[own])
    for _ in range(2):  # own films are read in every fetch
        (before,) = json.loads(fetch(project, "clinic", "--dry-run", "--json").stdout)
        (done,) = json.loads(fetch(project, "clinic", "--json").stdout)
        assert (before["wanted"], before["here"]) == (1, 0) == (done["counts"]["fetched"], done["counts"]["cached"])


def test_own_films_are_the_same_in_every_profile(project):
    folder = project / "films"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode())
    own = [{"name": "clinic", "path": str(folder)}]
    write_profile(project, mirror=str(project / "copy"), folders=own)
    fetch(project, "clinic")
    (folder / "a.png").unlink()
    write_profile(project, mirror=None, folders=own)
    assert "held files from" not in fetch(project, "clinic").stderr
    assert len(list((raw(project, "clinic") / "files").iterdir())) == 1
    assert not (raw(project, "clinic") / "other_origins").exists()


def test_a_wrong_address_leaves_no_row(project):
    fetch(project, "eurorad", "--url", "https://x.org/case/1")
    assert not raw(project, "eurorad").exists()


def test_an_article_may_be_named_by_its_doi_alone(project):
    done = fetch(project, "papers", "--url", "10.1148/ryct.2020200034", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[0]["counts"]["listed"] == 1


def test_a_record_that_cannot_be_written_is_one_sentence(project):
    done = fetch(project, "hannover", "--record", str(project / "profile.yaml"))
    assert getattr(done.exception, "exit_code", None) == 1
    assert str(done.exception).endswith("profile.yaml: File exists; choose another folder for --record.")


def test_a_dry_run_waits_for_a_fetch_of_the_same_source(project):
    waits = []
    options = load_params(project / "profile.yaml")
    run = open_session(Layout.at(str(project / "root")), options, ["hannover"])
    store = run.store(run.chosen[0])
    holding = ExitStack()
    holding.enter_context(store.exclusive(waits.append))

    def say(text: str) -> None:
        waits.append(text)
        holding.close()

    (plan,) = plan_all(run, FetchOptions(), lambda source: Watcher(), say)
    assert (plan.listed, waits) == (3, ["another fetch of hannover is running; waiting for it to end"])


# ------------------------------------------------------------------------------------------------- closed sources


def live(folder: Path, **fetch_options) -> None:
    write_profile(folder, mirror=None, fetch=fetch_options)


def test_a_source_whose_terms_forbid_copying_refuses_with_one_sentence(project):
    live(project)
    done = fetch(project, "radiopaedia")
    assert done.exception.exit_code == 2
    assert "--accept-terms radiopaedia" in str(done.exception)
    assert not raw(project, "radiopaedia").exists()


def test_on_an_offline_copy_every_source_is_open(project):
    done = fetch(project, "radiopaedia")
    assert "terms" not in str(done.exception)
    assert getattr(done.exception, "exit_code", 0) in (0, 1)


def test_in_a_pipeline_a_closed_source_is_skipped_with_a_reason(project):
    live(project)
    done = fetch(project, "--pipeline", "radiopaedia")
    assert done.exit_code == 0, done.output
    assert "fetch@radiopaedia: skipped: " in done.stdout
    result = receipt(project, "radiopaedia")
    assert (result["state"], result["listed"], result["world"]) == ("skipped", 0, "live")
    assert "--accept-terms radiopaedia" in result["why"]
    assert len(read_table(raw(project, "radiopaedia") / "items.parquet")) == 0


@pytest.mark.parametrize("how", [["eurorad"], ["--pipeline", "eurorad"]])
def test_a_changed_site_is_a_warning_in_a_pipeline_too(project, how):
    page = project / "copy" / mirror_path(SEARCH)
    page.parent.mkdir()
    page.write_text("<html><p>A new layout</p></html>")
    done = fetch(project, *how)
    assert done.exit_code == 0, done.output
    assert "warning: 1 of 1 page of 'eurorad' shows no image" in done.stderr
    assert 'a[href*="/case/"]' in done.stderr


def test_a_token_without_the_account_is_skipped_too(project, monkeypatch):
    live(project)
    monkeypatch.setenv("INSTAGRAM_TOKEN", "secret")
    monkeypatch.delenv("INSTAGRAM_USER_ID", raising=False)
    done = fetch(project, "--pipeline", "instagram")
    assert done.exit_code == 0, done.output
    assert "needs the id of your own account in the environment variable INSTAGRAM_USER_ID" in done.stdout
    assert "secret" not in done.stdout


def test_a_profile_may_demand_that_no_source_is_missing(project):
    live(project, on_unavailable="fail")
    done = fetch(project, "--pipeline", "radiopaedia")
    assert done.exception.exit_code == 1
    assert "'radiopaedia' is closed" in str(done.exception)


def test_files_fetched_with_permission_stay_in_the_pipeline(project):
    live(project)
    fetch(project, "--pipeline", "radiopaedia")
    items = raw(project, "radiopaedia") / "items.parquet"
    row = row_of(get_source("radiopaedia"), Item("a", "https://radiopaedia.org/a.jpg"), "failed", "HTTP 404")
    write_table(items, table_of([row]), LOCK_SCHEMA)
    done = fetch(project, "--pipeline", "radiopaedia")
    assert "1 row of an earlier fetch is used" in done.stdout
    assert len(read_table(items)) == 1


def test_the_live_lock_is_kept_aside_while_an_offline_copy_is_used(project):
    live_store = Store(raw(project, "hannover"), LIVE)
    row = row_of(get_source("hannover"), Item("a", "https://x.org/a.png"), "failed", "HTTP 404")
    with live_store.exclusive(lambda text: None):
        live_store.write(table_of([row]), {"state": "fetched"})
    fetch(project, "hannover")
    assert len(read_table(raw(project, "hannover") / "items.parquet")) == 3
    with live_store.exclusive(lambda text: None):
        previous = live_store.previous()
    assert previous is not None
    assert list(previous.item_id) == ["a"]


def test_a_source_that_cannot_be_reached_does_not_stop_a_run(project, monkeypatch):
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody answers there
    live(project)
    receipts, written = raw(project, ""), raw(project, "hannover") / "fetch.json"
    done = fetch(project, "--pipeline", "hannover")
    assert done.exit_code == 0, done.output
    assert "skipped: " in done.stdout and "no connection" in done.stdout
    assert "the run goes on without it" in done.stderr and "`cxnet-data doctor hannover`" in done.stderr
    assert list(to_retry(receipts)) == ["hannover"]
    before = written.read_bytes()
    ask_again(receipts)
    assert to_retry(receipts) == {} and written.read_bytes() != before  # DVC sees a change
    fetch(project, "--pipeline", "hannover")
    assert written.read_bytes() == before


def test_rows_of_an_earlier_fetch_are_used_while_a_source_cannot_be_reached(project, monkeypatch):
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    live(project)
    fetch(project, "--pipeline", "hannover")
    row = row_of(get_source("hannover"), Item("a", "https://x.org/a.png"), "failed", "HTTP 404")
    write_table(raw(project, "hannover") / "items.parquet", table_of([row]), LOCK_SCHEMA)
    assert "1 row of an earlier fetch is used; now " in fetch(project, "--pipeline", "hannover").stdout
    live(project, on_unavailable="fail")
    done = fetch(project, "--pipeline", "hannover")
    assert done.exception.exit_code == 1 and "take 'hannover' out of `sources`" in str(done.exception)


@pytest.mark.parametrize(("name", "key"), [("figure1", "sources"), ("clinic", "folders")])
def test_a_listing_that_a_copy_or_a_folder_lacks_stops_a_run(project, name, key):
    own = [{"name": "clinic", "path": str(project / "absent")}]
    write_profile(project, mirror=str(project / "copy"), folders=own)
    done = fetch(project, "--pipeline", name)
    assert done.exception.exit_code == 1
    assert f"take '{name}' out of `{key}` in the profile" in str(done.exception)


def test_one_fetch_imports_one_source(project):
    code = (
        "import sys; from pathlib import Path; from pipeline.core.layout import Layout\n"
        "from pipeline.fetch.session import open_session; from pipeline.profile.load import load_params\n"
        "open_session(Layout.at(sys.argv[1]), load_params(Path(sys.argv[1]) / 'profile.yaml'), ['hannover'])\n"
        "from sources.core.source import source_names\n"
        "print([name for name in [*source_names(), 'folder'] if f'sources.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(project)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['hannover']"


def test_folders_run_as_stages_under_their_own_name(project):
    folder = project / "films"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_profile(project, mirror=None, folders=[{"name": "clinic", "path": str(folder)}])
    done = fetch(project, "--pipeline", "clinic")
    assert done.exit_code == 0, done.output
    assert "fetch@clinic: 1 listed, 1 fetched" in done.stdout


def test_saved_answers_need_no_token(project, monkeypatch):
    live(project)
    monkeypatch.delenv("X_BEARER_TOKEN", raising=False)
    assert "needs an API token" in str(fetch(project, "twitter").exception)
    post = {"id": "1243928581983670272", "text": "#COVID19", "author_id": "1"}
    media = [{"media_key": "13_1", "type": "video"}]
    answer = {"data": [post | {"attachments": {"media_keys": ["13_1"]}}], "includes": {"media": media}}
    (project / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    done = fetch(project, "twitter", "--url", str(project / "answer.json"), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[0]["reasons"] == {"skipped: a video, not an image": 1}


def test_a_list_of_pages_may_be_a_catalog_and_must_have_an_address(project):
    (project / "pages.csv").write_text("page_url,patients\nhttps://radiopaedia.org/cases/a,2\n", encoding="utf-8")
    (result,) = json.loads(fetch(project, "radiopaedia", "--urls", str(project / "pages.csv"), "--json").stdout)
    assert result["reasons"] == {"skipped: page is gone: HTTP 404": 1}
    (project / "pages.csv").write_text("page_url,patients\n# nothing yet\n", encoding="utf-8")
    done = fetch(project, "radiopaedia", "--urls", str(project / "pages.csv"))
    assert done.exception.exit_code == 2
    assert "pages.csv has no address" in str(done.exception)
