"""A small project with all its files, through the splits: what check, snapshots and withdrawals work on."""

from importlib import import_module

import yaml
from collection import OPTIONS, draw_collection

from pipeline.core.layout import Layout
from pipeline.profile.load import load_params
from sources.core.items import KEY, LOCK_SCHEMA
from sources.core.storage import read_table, write_table

STAGES = ("ingest", "dedupe", "views", "segment", "harmonise", "manifest", "split")
TERMS = {"cohen": ("CC-BY-4.0", True), "nih": (None, False)}


def build(root, films=5, terms=None):
    """Draw the films, state their terms, run the stages; the layout and the profile."""
    layout = Layout.at(root)
    draw_collection(layout, films)
    for source, (licence, may) in (terms or TERMS).items():
        path = layout.raw / source / "items.parquet"
        rows = read_table(path, None, LOCK_SCHEMA).assign(licence=licence, redistributable=may)
        names = rows["item_id"]
        rows = rows.assign(patient_id=source + ":" + names, attribution="Ana", url="https://films.test/" + names)
        write_table(path, rows, LOCK_SCHEMA)
    layout.decisions.parent.mkdir(parents=True, exist_ok=True)
    layout.decisions.write_text("image_id,decision,field,value,who,when,why\n")
    profile = root / "profile.yaml"
    profile.write_text(yaml.safe_dump({"extends": "sandbox", "sources": list(TERMS), "experiments": NONE, **OPTIONS}))
    params = load_params(profile)
    run(layout, params)
    return layout, params


NONE = dict.fromkeys(("base", "covid_cxnet", "effnet_lite_imagenet"))


def run(layout, params, stages=STAGES):
    for stage in stages:
        import_module(f"pipeline.{stage}.stage").run(layout, params)


def change(path, schema, edit):
    """Edit a table in place; ``edit`` takes the rows and returns those to write."""
    write_table(path, edit(read_table(path, None, schema).astype(object)), schema)


def first(rows, **values):
    """The index of the first row with these values."""
    chosen = rows
    for name, value in values.items():
        chosen = chosen[chosen[name] == value]
    return chosen.sort_values(list(KEY)).index[0]
