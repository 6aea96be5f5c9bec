"""Stage compare: the paper's results beside those of the profile's experiments.

Reads ``reports/<experiment>/metrics.json`` and ``models/<experiment>/params.json`` of every experiment that names a
result of the paper (option ``paper``). Writes ``reports/compare.json``, with the figures and as tables to print; the
report shows these. Results that no experiment repeats are there, too, and say so.
"""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.core.experiments import PaperResult
from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.summary import Summary
from sources.core.storage import write_json
from training.compare.ours import Ours, read_ours
from training.compare.paper import ABOUT_ALL, OTHERS, RESULTS, Result, accuracy_of, f1_of

NOT_RUN = "not in this profile"


@dataclass(frozen=True)
class CompareSummary(Summary):
    """Results of the paper, and how many of them an experiment of the profile repeats."""

    results: int
    repeated: int

    def __str__(self) -> str:
        return f"{self.repeated} of the paper's {self.results} results have an experiment beside them"


def run(layout: Layout, params: Params) -> CompareSummary:
    """Write ``reports/compare.json``.

    Raises:
        CxnetError: the report of an experiment is damaged.
    """
    ours: dict[PaperResult, list[Ours]] = {name: [] for name in RESULTS}
    for experiment, options in params.experiments.items():
        if options.paper is not None and layout.report(experiment).exists():
            ours[options.paper].append(read_ours(layout, experiment, options))
    content = {
        "about": ABOUT_ALL if params.experiments else "",
        "tables": [_results(ours), _spread(ours), _others()] if any(ours.values()) else [],
        "remarks": [f"{each.table}, {each.title}: {each.remark}" for each in RESULTS.values() if each.remark],
        "results": {
            name: {"paper": _paper_facts(result), "ours": [asdict(one) for one in ours[name]]}
            for name, result in RESULTS.items()
        },
    }
    write_json(layout.reports / "compare.json", content)
    return CompareSummary(len(RESULTS), sum(bool(found) for found in ours.values()))


def _paper_facts(result: Result) -> dict[str, Any]:
    """The paper's figures, and what follows from its matrix by arithmetic."""
    facts = asdict(result)
    if result.matrix is not None:
        facts["by_arithmetic"] = {
            "accuracy": round(accuracy_of(result.matrix), 4),
            "f1_covid": round(f1_of(result.matrix, len(result.matrix) - 1), 4),
        }
    return facts


def _table(title: str, columns: list[str], rows: list[list[str]]) -> dict[str, Any]:
    return {"title": title, "columns": columns, "rows": rows}


def _results(ours: dict[PaperResult, list[Ours]]) -> dict[str, Any]:
    """Tables 1 to 5 and what belongs to them."""
    rows = []
    for name, result in RESULTS.items():
        printed = [_number(result.accuracy), _number(result.f1), _matrix(result.matrix)]
        rows.append([result.title, result.table, _count(result.test_films), *printed, "the paper"])
        for one in ours[name]:
            figures = [str(one.accuracy), str(one.f1), _matrix(one.matrix)]
            rows.append(["", one.experiment, _count(one.n), *figures, one.how])
        if not ours[name]:
            rows.append(["", "–", "–", "–", "–", "–", NOT_RUN])
    columns = ["result", "where", "test films", "accuracy", "F1 of COVID-19", "confusion (rows actual)", "how"]
    return _table("Tables 1 to 5 of the paper, and ours", columns, rows)


def _spread(ours: dict[PaperResult, list[Ours]]) -> dict[str, Any]:
    """Table 6: ten runs."""
    rows = []
    for name, result in RESULTS.items():
        if result.range is None:
            continue
        low, high = result.range
        found = [one for one in ours[name] if one.runs > 1]
        mean = "; ".join(f"{one.mean_accuracy} over {one.runs} seeds ({one.experiment})" for one in found)
        rows.append([result.title, _count(result.films), f"{low:.4f} – {high:.4f}", mean or "a single run"])
    columns = ["result", "films in the paper", "the paper's worst and best of ten runs", "our mean, 95% interval"]
    return _table("Table 6: accuracy over runs", columns, rows)


def _others() -> dict[str, Any]:
    """Table 7: what the paper compares itself with."""
    rows = [[name, _count(films), "not stated" if f1 is None else f"{f1:.4f}"] for name, films, f1 in OTHERS]
    title = "Table 7: other methods, as the paper quotes them; their films differ"
    return _table(title, ["method", "films of COVID-19", "F1"], rows)


def _number(value: float | None) -> str:
    return "not printed" if value is None else f"{value:.3f}"


def _count(value: int | None) -> str:
    return "not stated" if value is None else f"{value:,}"


def _matrix(matrix: Any) -> str:
    return "–" if matrix is None else " / ".join(" ".join(f"{cell:,}" for cell in row) for row in matrix)
