"""The split and the fold of a group: a pure function of its name, the seed and the shares.

A hash of the name, read as a number in [0, 1), is compared with the shares of ``test`` and ``val``. The result does not
depend on the order of rows, on workers or on other films, and new films never move old ones. There is one unavoidable
exception: a new film that links two groups makes them one group, which goes where the smaller name goes.

*Stratification.* Rules that balance labels and sources by counting move films whenever films are added. The hash
ignores labels and sources, so on average each label of each source is divided by the same shares.

*External* sources are held out completely, with all groups that contain one of their kept films. So are films of
children if they are set apart; their split is ``pediatric``, with folds of its own.
"""

import hashlib

import pandas as pd

from pipeline.core.balance import PEDIATRIC
from pipeline.core.params import SplitParams
from pipeline.core.tables import is_pediatric


def assign(rows: pd.DataFrame, kept: "pd.Series[bool]", params: SplitParams) -> pd.DataFrame:
    """Add ``split`` and ``fold``; both are null where ``kept`` is False.

    Args:
        rows: with columns ``source``, ``group_id``, ``age`` and ``pediatric``.
        kept: whether the data set keeps each row.
        params: shares, seed, and what is held apart.
    """
    names = rows["group_id"].unique()
    split = rows["group_id"].map({name: split_of(name, params) for name in names})
    external = rows.loc[kept & rows["source"].isin(params.external), "group_id"]
    if params.children == "apart":
        split = split.mask(rows["group_id"].isin(rows.loc[kept & is_pediatric(rows), "group_id"]), PEDIATRIC)
    split = split.mask(rows["group_id"].isin(external), "external").where(kept)
    fold = rows["group_id"].map({name: fold_of(name, params) for name in names})
    return rows.assign(split=split, fold=fold.where(split.isin(["train", "val", PEDIATRIC])).astype("Int32"))


def split_of(group_id: str, params: SplitParams) -> str:
    """The split of a group: train, val or test."""
    number = hashed(group_id, f"{params.seed}/split")
    if number < params.test:
        return "test"
    return "val" if number < params.test + params.val else "train"


def fold_of(group_id: str, params: SplitParams) -> int:
    """The fold of a group, 0 to ``folds`` - 1."""
    return int(hashed(group_id, f"{params.seed}/fold") * params.folds)


def hashed(name: str, salt: str) -> float:
    """A pseudorandom number in [0, 1) that is the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{salt}/{name}".encode()).digest()[:6], "big") / 2**48
