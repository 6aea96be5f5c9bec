"""Which split and fold a group goes to: a pure function of its name, the seed and the shares."""

import hashlib

import pandas as pd

from pipeline.core.params import SplitParams


def assign(rows: pd.DataFrame, kept: "pd.Series[bool]", params: SplitParams) -> pd.DataFrame:
    """Add ``split`` and ``fold`` to rows that have a ``group_id``; both are null where ``kept`` is False."""
    names = rows["group_id"].unique()
    split = rows["group_id"].map({name: split_of(name, params) for name in names})
    external = rows.loc[kept & rows["source"].isin(params.external), "group_id"]
    split = split.mask(rows["group_id"].isin(external), "external").where(kept)
    fold = rows["group_id"].map({name: fold_of(name, params) for name in names})
    return rows.assign(split=split, fold=fold.where(split.isin(["train", "val"])).astype("Int32"))


def split_of(group_id: str, params: SplitParams) -> str:
    """train, val or test: a pure function of the group's name, the seed and the shares."""
    place = hashed(group_id, f"{params.seed}/split")
    if place < params.test:
        return "test"
    return "val" if place < params.test + params.val else "train"


def fold_of(group_id: str, params: SplitParams) -> int:
    """Number of the group's fold, 0 to ``folds`` - 1."""
    return int(hashed(group_id, f"{params.seed}/fold") * params.folds)


def hashed(name: str, salt: str) -> float:
    """A number in [0, 1) that looks random and is the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{salt}/{name}".encode()).digest()[:6], "big") / 2**48
