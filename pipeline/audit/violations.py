"""A rule that a data set breaks, and where."""

from dataclasses import asdict, dataclass

import pandas as pd

from pipeline.core.tables import row_names


@dataclass(frozen=True, order=True)
class Violation:
    """One place where a rule is broken.

    Attributes:
        rule: the rule, as a sentence that should be true.
        row: ``<source>/<item_id>`` of the film; a file or a group where no single film is meant.
        value: what is there instead.
    """

    rule: str
    row: str
    value: str

    def as_json(self) -> dict[str, str]:
        """The violation as JSON values."""
        return asdict(self)


def broken(rule: str, rows: pd.DataFrame, value: "pd.Series[str] | str" = "") -> list[Violation]:
    """A violation for each of ``rows``, with a value for each, or one for all."""
    names = row_names(rows)
    values = value.astype(object).fillna("") if isinstance(value, pd.Series) else [value] * len(rows)
    return [Violation(rule, str(name), str(text)) for name, text in zip(names, values, strict=True)]
