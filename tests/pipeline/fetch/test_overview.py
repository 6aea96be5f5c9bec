import json
import re
from pathlib import Path

import pytest
import yaml

from pipeline.core.layout import Layout
from pipeline.core.own_folder import FolderParams
from pipeline.core.params import FetchParams, Params
from pipeline.core.schema import TABLES, schema_rows
from pipeline.fetch.access import access
from pipeline.fetch.overview import source_rows, state
from pipeline.profile.load import load_params
from sources.core.errors import UsageError
from sources.core.source import get_source, registry

PROJECT = Path(__file__).parents[3]
THIRTEEN = {
    *("radiopaedia", "sirm", "eurorad", "figure1", "cohen", "twitter", "papers", "hannover", "instagram"),
    *("pediatric", "nih", "radiopaedia_normal", "tuberculosis"),
}


def test_there_are_thirteen_sources_and_an_optional_one():
    assert {name for name, source in registry().items() if not source.optional} == THIRTEEN
    assert {name for name, source in registry().items() if source.optional} == {"cxnet"}


def test_a_folder_of_the_profile_is_listed_beside_them(tmp_path):
    params = Params(profile="p", mirror="sandbox", folders=(FolderParams(name="clinic", path=str(tmp_path)),))
    columns, rows = source_rows(Layout.at(tmp_path), params)
    assert columns[0] == "source"
    assert [row[0] for row in rows][-1] == "clinic" and len(rows) == 15


@pytest.mark.parametrize(
    ("name", "accepted", "expected"),
    [
        ("hannover", (), "open"),
        ("radiopaedia", (), "closed: needs permission, then --accept-terms radiopaedia"),
        ("radiopaedia", ("radiopaedia",), "open"),
        ("twitter", (), "API, needs X_BEARER_TOKEN"),
    ],
)
def test_access_on_the_live_web(name, accepted, expected):
    params = Params(profile="p", fetch=FetchParams(accept_terms=accepted))
    assert access(get_source(name), params) == expected


def test_the_state_of_a_source_is_read_from_its_receipt(tmp_path):
    layout, params = Layout.at(tmp_path), Params(profile="p", sources=("cohen",))
    assert state(layout, "cohen", params) == "not fetched"
    assert state(layout, "nih", params) == "not in the profile"
    receipt = layout.raw / "cohen" / "fetch.json"
    receipt.parent.mkdir(parents=True)
    for content, expected in (
        ({"state": "fetched", "listed": 1200, "fetched": 7}, "7 of 1,200 fetched"),
        ({"world": "mirror", "listed": 9, "fetched": 3}, "3 of 9 fetched from the mirror"),
        ({"world": "live", "listed": 9, "fetched": 9}, "9 of 9 fetched from the live web"),
        ({"world": "own folder", "listed": 9, "fetched": 9}, "9 of 9 fetched from your own folder"),
        ({"state": "skipped", "why": "no token"}, "skipped: no token"),
    ):
        receipt.write_text(json.dumps(content))
        assert state(layout, "cohen", params) == expected
    for damaged in ("{", "[]"):
        receipt.write_text(damaged)
        assert state(layout, "cohen", params) == "fetch.json is damaged; fetch again"


def test_every_column_of_every_table_has_a_meaning():
    for table in TABLES:
        assert all(meaning.strip() for _, _, meaning in schema_rows(table))


def test_an_unknown_table_is_answered_with_those_there_are():
    with pytest.raises(UsageError, match="Unknown table 'x'; expected one of: items, pool"):
        schema_rows("x")


@pytest.mark.parametrize("name", ["sandbox", "mirror", "paper"])
def test_the_shipped_profiles_are_valid_and_name_real_sources(name):
    params = load_params(PROJECT / "profiles" / f"{name}.yaml")
    assert params.profile == name
    assert set(params.sources) <= set(registry())
    assert all(experiment.size in params.prepare.sizes for experiment in params.experiments.values())


def test_stages_verbs_and_the_drawn_architecture_agree():
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    assert "data/judged/README.txt" in stages.pop("judged")["outs"]  # one line of shell, no verb
    verbs = {re.match(r"cxnet-data ([a-z]+)", (stage.get("do") or stage)["cmd"])[1] for stage in stages.values()}
    assert verbs == set(stages) - {"fetch_folder"}
    page = (PROJECT / "docs" / "architecture.md").read_text()
    assert set(re.findall(r"<b>(\w+)</b>", page)) == set(stages)
    for path in re.findall(r"`((?:pipeline|sources|training)/[\w/]*(?:\.py)?)`", page):
        assert (PROJECT / path).exists(), path
