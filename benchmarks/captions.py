"""Captions: how often the reading of a figure's caption is right.

Judged are the captions in ``tests/data/captions.jsonl``, which were written for this purpose before the rules were; a
third of them was set aside while the rules were made (*held out*). Each goes the whole way from JATS to rows, with as
many panels as it describes. For *real* captions (ROCO's radiology captions, if their folder is beside the checkout)
nobody has written down what is right, so that keywords stand in for it: a caption that says "chest radiograph" should
be fetched, one that says "radiograph" and names only other parts of the body should not.

Run: ``python -m benchmarks.captions``
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.articles.europepmc import Article
from sources.articles.figures import FigureFile
from sources.articles.jats import Figure, parse_jats
from sources.core.items import Item
from sources.language.ages import age_in_text
from sources.language.captions import read_caption
from sources.papers import figure_items

PROJECT = Path(__file__).parents[1]
CAPTIONS = PROJECT / "tests" / "data" / "captions.jsonl"
REAL = PROJECT.parent / "shared" / "facts" / "captions" / "roco_validation.tsv.gz"
RESULTS = Path(__file__).parent / "results" / "captions.json"
SIDE, GAP = 100, 10  # of the panels, in pixels
NO_CHEST_FILM = ("other body part", "animal", "crystal or spectrum")  # forms whose films must not be fetched

FILM, PART, TEXT, LABEL, NO_AGE = "chest film or not", "other part not fetched", "panel's text", "label", "no false age"
AGE, VIEW = "age", "view"
TARGETS = {FILM: 0.98, PART: 0.99, TEXT: 0.97, LABEL: 0.97, NO_AGE: 1.0, AGE: 0.97, VIEW: 0.97}

_FILM_WORD = re.compile(r"x[\s-]?ray|radiogra(?:ph|m)|roentgen|\bcxr", re.IGNORECASE)
_CHEST_FILM = re.compile(
    r"\bchest\s(?:x[\s-]?ray|radiogra|roentgen|film)|\bcxr|\b(?:x[\s-]?ray|radiograph)s?\s(?:of\s)?(?:the\s)?chest\b",
    re.IGNORECASE,
)
_CHEST_WORD = re.compile(r"chest|thora|lung|pulmon|cxr|pleur|pneumo|cardi|heart|medias|hil[au]|trach|bronch|cyst", re.I)
_PART_WORD = re.compile(
    r"pelvi|\bhips?\b|femor|femur|knee|tibia|ankle|\bfoot\b|hand|wrist|elbow|humer|shoulder|clavic|spine|lumbar|skull|"
    r"mandib|maxill|panoram|periapical|tooth|teeth|molar|abdom|bowel|kidney",
    re.IGNORECASE,
)
_SAYS_AGE = re.compile(r"\bold\b|\baged?\b|\b(?:ans|anni)\b|\bmale\b|\d[MF]\b", re.IGNORECASE)


@dataclass(frozen=True)
class Judged:
    """One thing that was read from a caption.

    Attributes:
        measure: one of :data:`TARGETS`.
        caption: where it was read; ``detail``: what was read and what is right.
    """

    measure: str
    is_right: bool
    is_held_out: bool
    caption: str
    detail: str


@dataclass(frozen=True)
class Boxes:
    """Stands for the files of an article: every figure has these panels."""

    boxes: tuple[tuple[int, int, int, int], ...]

    def find(self, figure: Figure) -> FigureFile:
        """The file of any figure."""
        return FigureFile("https://example.org/figure.png", panels=self.boxes)

    def expected(self, figure: Figure) -> FigureFile:
        """The file of any figure."""
        return self.find(figure)


def main() -> None:
    judged = list(judge(read_set()))
    rows = {measure: figures(judged, measure) for measure in TARGETS}
    print(f"{'':<26}{'target':>8}{'tuned':>18}{'held out':>18}")
    for measure, (tuned, held_out) in rows.items():
        print(f"{measure:<26}{TARGETS[measure]:>8.0%}{share(tuned):>18}{share(held_out):>18}")
    real = real_figures(real_captions(REAL)) if REAL.is_file() else {}
    for name, counts in real.items():
        print(f"real: {name:<47}{share(counts):>18}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"written": rows, "real": real}, indent=2) + "\n")


def read_set(path: Path = CAPTIONS) -> list[dict[str, Any]]:
    """The written captions, with what is right about each of their panels."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def judge(captions: Iterable[dict[str, Any]]) -> Iterator[Judged]:
    """What is read from each caption, compared with what is right."""
    for caption in captions:
        items = read_rows(caption)
        panels = caption["panels"]
        items = items if len(items) == len(panels) else items[:1] * len(panels)
        says = [set(panel.get("says", ())) for panel in panels]
        for place, (panel, item) in enumerate(zip(panels, items, strict=True)):
            others = set().union(*says) - says[place]
            for measure, is_right, detail in _compared(caption["form"], panel, item, others):
                yield Judged(measure, is_right, caption.get("held_out", False), caption["caption"], detail)


def read_rows(caption: dict[str, Any]) -> list[Item]:
    """The rows of a figure with this caption, by way of a full text in JATS."""
    kind = "case-report" if caption.get("case_report") else "research-article"
    words = caption["caption"].replace("&", "&amp;")
    text = parse_jats(
        f'<article xmlns:xlink="x" article-type="{kind}"><body><fig><label>Fig. 1</label><caption><p>{words}</p>'
        '</caption><graphic xlink:href="figure"/></fig></body></article>'.encode()
    )
    title = caption.get("title", "")
    article = Article("PMC1", "PMC1", None, "https://example.org", title, is_case_report=text.is_case_report)
    places = [n * (SIDE + GAP) for n in range(len(caption["panels"]))]
    boxes = [(0, place, SIDE, SIDE) if caption.get("stacked") else (place, 0, SIDE, SIDE) for place in places]
    return list(figure_items(article, text.figures, Boxes(tuple(boxes) if len(boxes) > 1 else ())))


def _compared(form: str, panel: dict[str, Any], item: Item, others: set[str]) -> Iterator[tuple[str, bool, str]]:
    """(measure, is it right, what was read) of one panel.

    Args:
        others: what the caption says about the other panels alone.
    """
    is_film, finding = item.skip is None, item.finding or ""
    if panel["film"] is not None:
        yield FILM, is_film == panel["film"], f"{item.skip}"
    if panel["film"] is False and form in NO_CHEST_FILM:
        yield PART, not is_film, f"{item.skip}"
    if panel["film"] and panel["label"] != "any":
        yield LABEL, item.label == panel["label"], f"{item.label} for {panel['label']}"
    if panel["film"] and panel["view"] != "any":
        yield VIEW, item.view == panel["view"], f"{item.view} for {panel['view']}"
    age = panel.get("age")
    yield (NO_AGE if age is None else AGE), item.age == age, f"{item.age} for {age}"
    if says := panel.get("says"):
        is_right = all(words in finding for words in says) and not any(words in finding for words in others)
        yield TEXT, is_right, finding


def figures(judged: Iterable[Judged], measure: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """(right, all) of the captions by which the rules were made, and of those held out."""
    counts = Counter((one.is_held_out, one.is_right) for one in judged if one.measure == measure)
    tuned, held_out = ((counts[out, True], counts[out, True] + counts[out, False]) for out in (False, True))
    return tuned, held_out


def real_captions(path: Path) -> list[str]:
    """The captions of a gzipped table of name and caption."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [line.rstrip("\n").partition("\t")[2].strip() for line in lines]


def real_figures(captions: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(as the keywords say, all) of real captions."""
    counts: dict[str, Counter[bool]] = {name: Counter() for name in ("chest films fetched", "other parts not fetched")}
    counts["ages beside a word for age or sex"] = Counter()
    for caption in captions:
        is_film = read_caption(caption)[0].skip is None
        if _CHEST_FILM.search(caption):
            counts["chest films fetched"][is_film] += 1
        elif _FILM_WORD.search(caption) and _PART_WORD.search(caption) and not _CHEST_WORD.search(caption):
            counts["other parts not fetched"][not is_film] += 1
        if age_in_text(caption) is not None:
            counts["ages beside a word for age or sex"][_SAYS_AGE.search(caption) is not None] += 1
    return {name: (count[True], count.total()) for name, count in counts.items()}


def share(counts: tuple[int, int]) -> str:
    right, total = counts
    return f"{right}/{total} {right / max(total, 1):.1%}"


if __name__ == "__main__":
    main()
