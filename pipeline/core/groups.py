"""Groups of rows that share values, directly or through other rows: patients, duplicate clusters, splits."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def group_rows(links: "Iterable[tuple[str, pd.Series[Any]]]") -> "pd.Series[int]":
    """Number the groups of rows that are linked by shared values.

    Two rows are in one group if they have the same value in some column of the same kind, or if a chain of such rows
    connects them. A missing value links nothing.

    Args:
        links: (kind of value, column) pairs over the same index. Columns of one kind name the same things: a patient
            may be listed in two columns.

    Returns:
        The number of each row's group, with the index of the columns.
    """
    columns = list(links)
    index = columns[0][1].index
    row = np.concatenate([np.flatnonzero(values.notna()) for _, values in columns])
    shared = pd.concat([kind + " " + values.dropna().astype(str) for kind, values in columns])
    node, nodes = pd.factorize(shared)
    total = len(index) + len(nodes)  # the graph has a node for each row and for each value
    graph = coo_array((np.ones(len(row), np.int8), (row, len(index) + node)), shape=(total, total))
    return pd.Series(connected_components(graph, directed=False)[1][: len(index)], index=index)


def smallest_by_group(values: "pd.Series[str]", group: "pd.Series[int]") -> "pd.Series[str]":
    """Return the smallest known value of each group, indexed by group; groups without a value are left out."""
    ordered = pd.Series(values.astype(object).to_numpy(), index=group.to_numpy()).dropna().sort_values()
    return ordered[~ordered.index.duplicated()]
