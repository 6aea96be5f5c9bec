"""Profiles that extend others, the shipped profiles, and the text of a whole profile."""

from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel
from ruamel.yaml import YAML

from pipeline.core.experiments import PaperResult
from pipeline.core.params import Params
from pipeline.profile.extends import find_profile, merge, read_profile, shipped_profiles
from pipeline.profile.load import check_profile, load_params
from pipeline.profile.plain_yaml import parse
from pipeline.profile.text import bare_text, profile_text
from sources.core.errors import UsageError

PROJECT = Path(__file__).parents[3]

SOURCES = ["radiopaedia", "sirm", "eurorad", "figure1", "cohen", "twitter", "papers", "hannover", "instagram"]
SOURCES += ["pediatric", "nih", "radiopaedia_normal"]
EXPERIMENT = {
    "range_test": False,
    "scheme": "flat",
    "region": "film",
    "films": {},
    "second_test": {},
    "paper": None,
    "classes": ["normal", "covid"],
    "class_weights": True,
    "augmentation": "modest",
    "patience": 0,
    "weights": None,
    "precision": "float32",
    "frozen": False,
    "batch_norm_momentum": None,
    "threshold": "half",
    "repeats": 1,
    "protocols": ["grouped"],
    "explained": 6,
    "grad_cam": {"layer": None, "label": None},
    "lime": {"films": 1, "samples": 1000, "features": 5},
    "seed": 18,
}
NO_LIME = {"films": 0, "samples": 1000, "features": 5}
BASE = EXPERIMENT | {"model": "base", "batch_size": 32, "label_smoothing": 0.0}
COVID_CXNET = EXPERIMENT | {"model": "covid_cxnet", "batch_size": 16, "label_smoothing": 0.1}
EFFNET_LITE = BASE | {
    "model": "efficientnet_lite",
    "frozen": True,
    "augmentation": "mirror",
    "batch_size": 64,
    "learning_rate": 0.003,
}
COMPARED = EFFNET_LITE | {"repeats": 10, "protocols": ["grouped", "paper", "sources"]}
COMMON = {
    "workers": 0,
    "folders": [],
    "sandbox": {"seed": 7, "films": 600},
    "ingest": {
        "long_side": 1024,
        "min_side": 64,
        "max_aspect": 5.0,
        "max_megapixels": 100,
        "max_file_mb": 200,
        "shard_rows": 500,
    },
    "dedupe": {"phash_distance": 6, "dhash_distance": 4, "similarity": 0.74, "overlap": 0.15},
    "views": {"keep": ["PA", "AP", "AP_SUPINE", "unknown"], "frontal_score": 0.75, "review_score": 0.9},
    "harmonise": {"sources": ["nih"], "reference": "covid_mean", "reference_image": None},
    "manifest": {
        "labels": ["normal", "cap", "covid"],
        "keep_pediatric": False,
        "exclude_flags": [],
        "shard_rows": 500,
    },
    "split": {"seed": 18, "val": 0.15, "test": 0.2, "folds": 5, "external": [], "children": "mixed"},
    "contradictions": {"age_years": 2.0, "undated_years": 15.0, "folds": 5, "seed": 18},
}
FETCH = {"contact": None, "accept_terms": [], "on_unavailable": "skip", "limit": None, "options": {}}
QUICK = FETCH | {"delay_s": 0.0, "connections": 4, "max_file_mb": 200, "timeout_s": 10.0}
LIVE = FETCH | {"delay_s": 1.0, "connections": 2, "max_file_mb": 5000, "timeout_s": 30.0}
PREPARE = {"aspect": "stretch", "beasf_gamma": 1.5, "clahe_clip": 2.0, "clahe_tiles": 8}
CHILDREN = {
    "manifest": COMMON["manifest"] | {"keep_pediatric": True},
    "split": COMMON["split"] | {"children": "apart"},
}
EXPECTED = {  # the values of the profiles before they could extend each other
    "sandbox": {
        "mirror": "sandbox",
        "sources": [*SOURCES, "tuberculosis", "cxnet"],
        "fetch": QUICK | {"max_source_gb": 1, "retries": 1},
        "prepare": PREPARE | {"sizes": [96]},
        "experiments": {
            "base": BASE | {"size": 96, "inputs": "96", "epochs": 12, "learning_rate": 0.001},
            "covid_cxnet": COVID_CXNET
            | {"size": 96, "inputs": "96", "epochs": 4, "learning_rate": 0.0002, "lime": NO_LIME},
            "effnet_lite_imagenet": EFFNET_LITE | {"size": 96, "inputs": "96", "epochs": 15, "weights": "imagenet"},
        },
    },
    "mirror": {
        "mirror": "../shared/mirror",
        "sources": [*SOURCES, "cxnet"],
        "fetch": QUICK | {"max_source_gb": 4, "retries": 0},
        "prepare": PREPARE | {"sizes": [128]},
        **CHILDREN,
    },
    "paper": {
        "mirror": None,
        "sources": [*SOURCES, "tuberculosis"],
        "fetch": LIVE | {"max_source_gb": 60, "retries": 4},
        "prepare": PREPARE | {"sizes": [320]},
        **CHILDREN,
    },
}


def write(folder: Path, **texts: str) -> Path:
    """Write one profile per name; the path of the last one."""
    path = folder
    for name, text in texts.items():
        path = folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", EXPECTED)
def test_the_shipped_profiles_have_the_values_that_they_always_had(name):
    params = load_params(PROJECT / "profiles" / f"{name}.yaml")
    expected = COMMON | EXPECTED[name] | {"profile": name}
    assert {key: params.model_dump(mode="json")[key] for key in expected} == expected


def test_all_shipped_profiles_are_tested_and_are_part_of_the_package():
    assert shipped_profiles().keys() == EXPECTED.keys()
    assert all(path.is_relative_to(PROJECT / "pipeline" / "profiles") for path in shipped_profiles().values())


def test_a_profile_states_only_what_differs(tmp_path):
    text = "extends: paper\nsources: [nih]\nfetch: {delay_s: 3.0}\nexperiments:\n"
    text += "  base_v1: {epochs: 1}\n  multiclass_hierarchical: null"
    mine, paper = load_params(write(tmp_path, mine=text)), load_params(shipped_profiles()["paper"])
    assert (mine.profile, mine.sources, mine.fetch.delay_s, mine.fetch.max_source_gb) == ("mine", ("nih",), 3.0, 60)
    assert mine.experiments["base_v1"] == paper.experiments["base_v1"].model_copy(update={"epochs": 1})
    assert mine.experiments.keys() == paper.experiments.keys() - {"multiclass_hierarchical"}
    assert mine.views == paper.views


def test_profiles_extend_each_other_in_chains_by_name_or_path(tmp_path):
    (tmp_path / "far").mkdir()
    write(tmp_path / "far", first="extends: sandbox\nsplit: {seed: 1, val: 0.1}")
    write(tmp_path, second="extends: far/first.yaml\nsplit: {seed: 2}", third="extends: second\nprofile: last")
    third = load_params(tmp_path / "third.yaml")
    assert (third.profile, third.mirror, third.split.seed, third.split.val) == ("last", "sandbox", 2, 0.1)


def test_an_experiment_takes_everything_else_from_the_one_that_it_extends(tmp_path):
    text = "extends: a\nexperiments: {z: {extends: y, epochs: 3}, x: {size: 100}, y: {extends: x, size: 90}}"
    path = write(tmp_path, a="experiments: {x: {model: base, size: 80, lime: {films: 2}}}", b=text)
    found = load_params(path).experiments
    assert {name: (each.size, each.epochs, each.lime.films) for name, each in found.items()} == {
        "x": (100, 10, 2),
        "z": (90, 3, 2),
        "y": (90, 10, 2),
    }


@pytest.mark.parametrize("name", ["mirror", "paper"])
def test_there_is_an_experiment_for_every_result_of_the_paper(name):
    found = load_params(PROJECT / "profiles" / f"{name}.yaml").experiments.values()
    assert {each.paper for each in found} >= set(get_args(PaperResult))


def test_a_profile_may_be_called_like_the_shipped_one_that_it_extends(tmp_path):
    assert load_params(write(tmp_path, paper="extends: paper\nworkers: 3")).fetch.max_source_gb == 60


def test_lists_and_values_are_replaced_and_mappings_merged():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": {"f": 1}}
    assert merge(base, {"a": {"c": [3]}, "d": {"x": 1}, "e": None}) == {
        "a": {"b": 1, "c": [3]},
        "d": {"x": 1},
        "e": None,
    }


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"a": "extends: b", "b": "extends: a"}, "extend each other in a circle"),
        ({"a": "extends: a.yaml"}, "extend each other in a circle"),
        ({"b": "", "a": "extends: papr"}, "Unknown profile 'papr'; expected one of: b, mirror, paper, sandbox"),
        ({"a": "extends: [paper]"}, "extends is ['paper']: input should be the name of a profile or a path"),
        ({"a": "extends: far/b.yaml"}, "far/b.yaml does not exist"),
        ({"b": "- 1", "a": "extends: b"}, "b.yaml must hold a mapping of options, found list"),
        (
            {"a": "experiments: {x: {extends: y}, y: {extends: x}}"},
            "experiments extend each other in a circle (x -> y -> x)",
        ),
        ({"a": "experiments: {x: {extends: y}}"}, "experiments.x.extends: Unknown experiment 'y'"),
        ({"a": "experiments: {x: {extends: [y]}, z: 3}"}, "expected one of: z"),
        ({"a": "experiments: {x: {extend: y, model: base}}"}, "unknown key 'experiments.x.extend'"),
        ({"a": "extends: paper\nextend: b"}, "unknown key 'extend'; expected one of: profile, mirror"),
    ],
)
def test_what_cannot_be_extended_is_one_sentence(tmp_path, texts, message):
    write(tmp_path, **texts)
    with pytest.raises(UsageError) as caught:
        load_params(tmp_path / "a.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_profile_is_found_by_name_here_or_among_the_shipped_and_by_path(tmp_path):
    mine = write(tmp_path, mine="", paper="")
    assert find_profile("mine", tmp_path).read_text() == ""
    assert find_profile("paper", tmp_path) == mine.with_name("paper.yaml")
    assert find_profile("sandbox", tmp_path) == shipped_profiles()["sandbox"]
    assert find_profile("x/y.yaml", tmp_path) == Path("x/y.yaml")
    with pytest.raises(UsageError, match="Unknown profile 'min'; expected one of: mine, mirror, paper, sandbox"):
        find_profile("min", tmp_path)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_text_of_a_profile_can_be_saved_and_used_and_means_the_same_to_every_reader(name):
    params = load_params(shipped_profiles()[name])
    text = profile_text(params)
    values = params.model_dump(mode="json")
    assert parse(text, name) == yaml.safe_load(text) == YAML(typ="safe").load(text) == values
    assert check_profile(parse(text, name), Path(name)) == params
    assert max(map(len, text.splitlines())) <= 120
    assert parse(bare_text(params), name) == values
    assert "#" not in bare_text(params)


def test_every_option_is_described_in_the_text_of_a_profile():
    params = load_params(shipped_profiles()["paper"])
    text = " ".join(profile_text(params).replace("# ", "").split())
    groups = [params, *(getattr(params, name) for name in type(params).model_fields), *params.experiments.values()]
    described = [options for options in groups if isinstance(options, BaseModel)]
    assert len(described) == 20
    for options in described:
        for field in type(options).model_fields.values():
            assert field.description is None or " ".join(field.description.split()) in text


def test_odd_words_survive_the_text_of_a_profile(tmp_path):
    labels = {"Yes": "covid", "No": "normal", "1": "cap", "1e-4": "other", "": "other", "a: b #c": "cap"}
    labels |= {"naïve \u2028 \x85 😀": "cap", "-": "cap", "'\"\\": "cap", "null": "normal"}
    folder = {"name": "own", "path": "s3://b/a b", "columns": {"item_id": "on"}, "labels": labels}
    values = {"profile": "x", "folders": [folder], "fetch": {"delay_s": 1e-7, "contact": "a@b.c"}}
    params = check_profile(values, Path("x"))
    text = profile_text(params)
    assert parse(text, "x") == yaml.safe_load(text) == YAML(typ="safe").load(text) == params.model_dump(mode="json")


def test_the_name_of_a_profile_is_that_of_its_file_unless_it_states_one(tmp_path):
    assert read_profile(write(tmp_path, clinic="workers: 1"))["profile"] == "clinic"
    assert read_profile(write(tmp_path, clinic="profile: ward"))["profile"] == "ward"
    assert Params(profile="x").experiments == {}
