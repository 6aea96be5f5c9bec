"""The six kinds of evidence against a label."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.contradictions.disagreement import DIGITS, judge
from pipeline.core.params import ContradictionsParams
from pipeline.core.tables import row_names
from pipeline.prepare.arrays import Arrays
from sources.reading.labels import label_of

KINDS = ("rt_pcr", "finding", "two_labels", "age", "sex", "model")
TESTS = (("covid", "negative"), ("cap", "positive"))  # label, and the RT-PCR that speaks against it
SIGNS = re.compile(r"infiltrat|consolidat", re.IGNORECASE)  # how some sources (NIH) write pneumonia
NOTHING_SEEN = re.compile(r"\bno\s+(?:acute\s+)?(?:abnormalit|finding|opacit)|\bunremarkable\b", re.IGNORECASE)
DAYS_PER_YEAR = 365.25
QUOTED = 200  # characters of a finding that are quoted


@dataclass(frozen=True)
class Contradiction:
    """One thing that speaks against one film.

    Attributes:
        film: ``<source>/<item_id>``.
        kind: one of :data:`KINDS`.
        suggested: the label that would not be contradicted, where one is told.
        score: 0 to 1, how strongly; None where nothing measures it.
        evidence: one clause for a person.
        other: the film it contradicts, as ``<source>/<item_id>``.
    """

    film: str
    kind: str
    suggested: str | None
    score: float | None
    evidence: str
    other: str | None = None


def against_test(rows: pd.DataFrame) -> Iterator[Contradiction]:
    """Films called covid beside a negative RT-PCR, or cap beside a positive one, of their source or of a copy's."""
    called = rows["label"].astype(object).where(rows["label"].notna(), _told(rows["finding"]))
    for label, test in TESTS:
        said = (rows["rt_pcr"] == test).fillna(False).astype(bool)
        is_called = called == label
        for film in rows.loc[is_called & said, "film"]:
            yield Contradiction(film, "rt_pcr", None, 1.0, f"called {label}, but RT-PCR {test} by its source or a copy")
        copies = rows[said & rows["cluster_id"].notna()].drop_duplicates("cluster_id")
        tested = dict(zip(copies["cluster_id"], copies["film"], strict=True))
        silent = rows[is_called & rows["rt_pcr"].isna() & rows["cluster_id"].isin(tested)]
        for film, cluster in zip(silent["film"], silent["cluster_id"], strict=True):
            other = tested[cluster]
            yield Contradiction(film, "rt_pcr", None, 1.0, f"called {label}, but its copy {other} is {test}", other)


def against_finding(rows: pd.DataFrame) -> Iterator[Contradiction]:
    """Films whose finding, in the source's own words, stands for another label, or sees nothing abnormal."""
    told = _told(rows["finding"])
    labelled = rows[told.notna() & rows["label"].notna()]
    for film, finding, label, other in zip(
        labelled["film"], labelled["finding"], labelled["label"], told[labelled.index], strict=True
    ):
        quoted = repr(finding[:QUOTED])
        if other != label and not (label == "cap" and other == "other" and SIGNS.search(finding)):
            yield Contradiction(film, "finding", other, 1.0, f"the finding {quoted} stands for {other}")
        elif label != "normal" and NOTHING_SEEN.search(finding):  # ill, but not to be seen on this film
            yield Contradiction(film, "finding", "normal", 0.5, f"the finding {quoted} sees nothing abnormal")


def two_labels(conflicts: pd.DataFrame) -> Iterator[Contradiction]:
    """Both films of every pair of copies that carry two labels."""
    for pair in conflicts[conflicts["column"] == "label"].to_dict("records"):
        for here, there in (("a", "b"), ("b", "a")):
            film, other = (f"{pair[f'{side}_source']}/{pair[f'{side}_item_id']}" for side in (here, there))
            label = str(pair[f"{there}_value"])
            score = None if pd.isna(pair["similarity"]) else round(float(pair["similarity"]), DIGITS)
            yield Contradiction(film, "two_labels", label, score, f"its copy {other} is called {label}", other)


def _told(findings: "pd.Series[str]") -> "pd.Series[str]":
    """The label that every finding stands for; null where it tells none."""
    labels = {finding: label_of(finding) for finding in findings.dropna().unique()}
    return findings.astype(object).map(labels).astype(object)


def impossible_ages(rows: pd.DataFrame, params: ContradictionsParams) -> Iterator[Contradiction]:
    """Films of one patient whose ages no one person can have.

    Ages at films with days in one source, or of one exposure, are compared day for day; others may lie years apart.
    """
    told = rows[rows["age"].notna()]
    born = told["age"].astype(float) - told["offset_days"].fillna(0.0).astype(float) / DAYS_PER_YEAR
    for patient, films in _patients(told.assign(born=born), ["age", "born"], params.age_years):
        disagree = _ages_disagree(films, params)
        days = [f" on day {day:g}" if pd.notna(day) else "" for day in films["offset_days"]]
        said = [f"age {age:g}{day}" for age, day in zip(films["age"], days, strict=True)]
        yield from _blamed(patient, films, disagree, "age", said)


def _ages_disagree(films: pd.DataFrame, params: ContradictionsParams) -> npt.NDArray[np.bool_]:
    """Which of N films of a patient cannot both tell the truth, (N, N)."""
    age = films["age"].to_numpy(float)
    year = films["offset_days"].fillna(np.nan).to_numpy(float) / DAYS_PER_YEAR
    apart = year[:, None] - year[None, :]
    dated = _equal(films["source"].to_numpy(object)) & ~np.isnan(apart)
    off = np.abs(age[:, None] - age[None, :] - np.where(dated, apart, 0.0))
    cluster = films["cluster_id"].fillna("").to_numpy(object)
    same_exposure = _equal(cluster) & (cluster != "")[:, None]
    return np.asarray(off > np.where(dated | same_exposure, params.age_years, params.undated_years), bool)


def impossible_sexes(rows: pd.DataFrame) -> Iterator[Contradiction]:
    """Films of one patient whose sex changes."""
    told = rows[rows["sex"].notna()]
    for patient, films in _patients(told.assign(is_female=(told["sex"] == "F").astype(float)), ["is_female"], 0.5):
        sex = films["sex"].to_numpy(object)
        yield from _blamed(patient, films, ~_equal(sex), "sex", [f"sex {value}" for value in sex])


def _patients(rows: pd.DataFrame, columns: list[str], spread: float) -> Iterator[tuple[str, pd.DataFrame]]:
    """The patients with values of one of ``columns`` that differ by more than ``spread``, and their films."""
    rows = rows.assign(patient=rows["patient_key"].astype(object).combine_first(rows["patient_id"].astype(object)))
    grouped = rows.groupby("patient")[columns]
    wide = (grouped.max().astype(float) - grouped.min().astype(float) > spread).any(axis=1)
    for patient, films in rows[rows["patient"].isin(wide.index[wide])].groupby("patient"):
        yield str(patient), films


def _equal(values: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Which of N values are equal, (N, N)."""
    return np.asarray(values[:, None] == values[None, :], bool)


def _blamed(
    patient: str, films: pd.DataFrame, disagree: npt.NDArray[np.bool_], kind: str, said: list[str]
) -> Iterator[Contradiction]:
    """Of every pair that disagrees, the film that disagrees with more of the patient's films (both, where even).

    The score is the share of the patient's other films that it disagrees with.
    """
    names = films["film"].tolist()
    against = disagree.sum(axis=1)
    for place in np.flatnonzero(against):
        others = np.flatnonzero(disagree[place])
        if against[place] < against[others].min():
            continue
        other = int(others[0])
        share = round(float(against[place] / (len(names) - 1)), DIGITS)
        evidence = f"{said[place]} here, {said[other]} on {names[other]}, both of patient {patient}"
        yield Contradiction(names[place], kind, None, share, evidence, names[other])


def against_model(arrays: Arrays, params: ContradictionsParams) -> Iterator[Contradiction]:
    """Kept films whose label the cross-validated classifier contradicts, see :mod:`.disagreement`."""
    rows = arrays.rows.assign(film=row_names(arrays.rows))
    judged = judge(arrays.images, rows["label"], rows["group_id"], params.folds, params.seed)
    for place in np.flatnonzero(judged.suspicious):
        chance = dict(zip(judged.classes, judged.probabilities[place].tolist(), strict=True))
        given = str(rows["label"].iloc[place])
        suggested = max(chance, key=lambda label: chance[label])
        scores = f"{suggested} {chance[suggested]:.2f}, {given} {chance[given]:.2f}"
        evidence = f"a classifier that never saw this patient gives {scores}"
        yield Contradiction(rows["film"].iloc[place], "model", suggested, round(1 - chance[given], DIGITS), evidence)
