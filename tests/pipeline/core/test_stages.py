"""The order of the stages agrees with dvc.yaml, the options, the tables and the report."""

from pathlib import Path

import pytest
import yaml

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.schema import MASK_FIELD, TABLES
from pipeline.core.stages import BUILD_STAGES, EXCLUDING_STAGES, PICTURE_STAGES, STAGES, TABLE_STAGES
from pipeline.report.numbers import FUNNEL
from sources.core.items import KEY

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def dvc():
    """The entries of dvc.yaml by name, those of a ``foreach`` without it."""
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    return {name: entry.get("do", entry) for name, entry in stages.items()}


def test_dvc_lists_the_stages_in_their_order(dvc):
    assert [name for name in dvc if name in STAGES] == list(STAGES)


def test_the_groups_of_stages_are_in_the_same_order():
    for group in (TABLE_STAGES, BUILD_STAGES, PICTURE_STAGES):
        assert [name for name in STAGES if name in group] == list(group)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_rerun_when_its_options_change(dvc, stage):
    assert stage in dvc[stage]["params"]
    assert {name.split(".")[0] for name in dvc[stage]["params"]} <= set(Params.model_fields)


@pytest.mark.parametrize("stage", TABLE_STAGES)
def test_a_table_stage_writes_its_table_with_the_key_and_the_exclusion(dvc, stage):
    assert str(Layout.at(".").table(stage)) in dvc[stage]["outs"]
    assert set(TABLES[stage].names) > {*KEY, "excluded_by", "reason"}


def test_every_column_of_the_table_stages_but_masks_is_in_the_manifest():
    for stage in TABLE_STAGES:
        assert set(TABLES[stage].names) - {MASK_FIELD.name} <= set(TABLES["manifest"].names)
    assert MASK_FIELD.name not in TABLES["manifest"].names


def test_the_funnel_of_the_report_has_a_bar_for_each_stage_that_excludes():
    assert tuple(FUNNEL) == tuple(stage for stage in EXCLUDING_STAGES if stage not in ("segment", "harmonise"))
