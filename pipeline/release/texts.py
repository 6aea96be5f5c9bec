"""The texts of a snapshot for people and for hubs: attribution, card, citation, DataCite; all of it computed."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from upath import UPath

from pipeline.audit.rules import Tables
from pipeline.core.terms import ALLOWED, CLASSES, classes_of
from pipeline.release.croissant import croissant
from pipeline.release.facts import Facts
from pipeline.release.record import SnapshotRecord
from sources.core.storage import atomic, write_json

ATTRIBUTED = ("source", "item_id", "image_id", "licence", "attribution", "page_url", "url")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_attribution(path: UPath, kept: pd.DataFrame, purpose: str) -> None:
    """Author, address and license of each film whose picture is in the snapshot, as CC BY demands."""
    allowed = CLASSES if purpose == "all" else ALLOWED[purpose]  # type: ignore[index]
    rows = kept[classes_of(kept).isin(allowed)][list(ATTRIBUTED)].astype(object)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(ATTRIBUTED)
    writer.writerows([_harmless(value) for value in row] for row in rows.where(rows.notna(), "").to_numpy())
    with atomic(path, "w") as file:
        file.write(buffer.getvalue())


def _harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def write_texts(folder: UPath, record: SnapshotRecord, tables: Tables) -> None:
    """Write card, Croissant, DataCite and citation; they all say the same."""
    facts = Facts.of(record, tables)
    today = datetime.now(UTC).date().isoformat()
    with atomic(folder / "README.md", "w") as file:
        file.write(card(record, facts))
    write_json(folder / "croissant.json", croissant(record, facts, today))
    write_json(folder / "datacite.json", datacite(record, facts, today))
    with atomic(folder / "CITATION.cff", "w") as file:
        file.write(citation(record, facts, today))


def card(record: SnapshotRecord, facts: Facts) -> str:
    """The card of a hub: YAML front matter, then what a person should know before using the films."""
    front: dict[str, Any] = {
        "pretty_name": facts.title,
        "license": "other",
        "license_name": "by-film",
        "license_link": "ATTRIBUTION.csv",
        "task_categories": ["image-classification"],
        "tags": ["medical", "chest-x-ray", "radiology", "covid-19"],
        "size_categories": [_size(facts.kept)],
    }
    if record.pictures:
        front["configs"] = [{"config_name": "default", "data_files": "images/*.parquet"}]
    parts = [
        "---",
        *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()),
        "---",
        "",
        f"# {facts.title}",
        "",
        f"{facts.kept:,} chest films ({_listed(facts.labels)}) of {facts.patients:,} known patients, from "
        f"{len(facts.by_source):,} sources. {facts.listed:,} images were listed; {facts.excluded:,} were excluded, "
        "each with a reason in `manifest.parquet`. For research only, not for diagnosis.",
        "",
        f"Root hash: `{record.root_sha256}`. `cxnet-data snapshot verify .` proves that nothing has changed.",
        "",
        "## Before you use it",
        "",
        *(f"- {text}" for text in (*facts.warnings, facts.caveat)),
        "",
        "## What may be done with the films",
        "",
        *_table(
            ("class", "films", "with picture", "meaning"),
            [(name, films, pictures, meaning) for name, (films, pictures, meaning) in facts.terms.items()],
        ),
        "",
        "The license of each film, and whom to credit, is in `ATTRIBUTION.csv` and in the columns `licence` and "
        "`attribution`. Pictures that are not here are rebuilt from the sources: `cxnet-data snapshot restore`.",
        *_override(record),
        "",
        "## Films by source and label",
        "",
        *_crosstab(facts.by_source),
    ]
    if facts.splits is not None:
        parts += ["", "## Films by label and split", "", *_crosstab(facts.splits)]
        parts += ["", "All films of a patient, and all copies of an exposure, are in one split."]
    parts += ["", "## Excluded rows by stage", "", *_table(("stage", "rows"), list(facts.reasons.items()))]
    shares = [(name, f"{share:.0%}") for name, share in facts.missing.items()]
    parts += ["", "## Not known", "", *_table(("column", "kept films without it"), shares)]
    parts += [
        "",
        "## Files",
        "",
        "- `manifest.parquet`: every listed image with all columns (`cxnet-data schema` explains them)",
        "- `splits.parquet`: group, split and fold of every film",
        "- `images/*.parquet`: the kept films with their pictures (8-bit gray PNG), by class of terms",
        "- `locks/*.parquet`: addresses and sha256 of the files as the sources give them",
        *(["- `report.html`: the data set in pictures and figures"] if "report.html" in record.files else []),
        "",
        "```python",
        "import pandas as pd",
        'films = pd.read_parquet("images")          # rows with pictures',
        'rows = pd.read_parquet("manifest.parquet") # all rows',
        "```",
        "",
    ]
    return "\n".join(parts)


def _override(record: SnapshotRecord) -> list[str]:
    if record.purpose != "all":
        return []
    return ["", "**This snapshot was made with `--include all`: it holds pictures that may not be passed on.**"]


def citation(record: SnapshotRecord, facts: Facts, today: str) -> str:
    """CITATION.cff of the snapshot."""
    return "\n".join(
        [
            "cff-version: 1.2.0",
            "message: Cite this data set, and the sources of the films that you use (ATTRIBUTION.csv).",
            f"title: {json.dumps(facts.title, ensure_ascii=False)}",
            "type: dataset",
            "authors:",
            "  - name: not known",
            f"version: {json.dumps(record.name)}",
            f"date-released: {today}",
            "identifiers:",
            f"  - {{type: other, value: {json.dumps('sha256:' + record.root_sha256)}, description: root hash}}",
            "",
        ]
    )


def datacite(record: SnapshotRecord, facts: Facts, today: str) -> dict[str, Any]:
    """Metadata for a DOI (DataCite 4.5), as far as they can be computed."""
    return {
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Chest X-ray images and tables"},
        "titles": [{"title": facts.title}],
        "creators": [{"name": "not known"}],
        "publisher": {"name": "not known"},
        "publicationYear": int(today[:4]),
        "version": record.name,
        "language": "en",
        "formats": ["application/vnd.apache.parquet", "image/png"],
        "sizes": [f"{facts.kept} films", f"{sum(file.bytes for file in record.files.values())} bytes"],
        "subjects": [{"subject": word} for word in ("chest X-ray", "COVID-19", "pneumonia", "radiology")],
        "dates": [
            {"dateType": "Created", "date": today},
            *([{"dateType": "Collected", "date": "/".join(facts.retrieved)}] if facts.retrieved else []),
        ],
        "rightsList": [{"rights": f"{name} ({count:,} films)"} for name, count in facts.licences.items()],
        "relatedIdentifiers": [
            {
                "relatedIdentifier": "arXiv:2006.13807",
                "relatedIdentifierType": "arXiv",
                "relationType": "IsDerivedFrom",
            }
        ],
        "alternateIdentifiers": [{"alternateIdentifier": record.root_sha256, "alternateIdentifierType": "root sha256"}],
        "descriptions": [{"descriptionType": "Abstract", "description": " ".join([*facts.warnings, facts.caveat])}],
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    }


def _size(films: int) -> str:
    return next((word for limit, word in SIZES if films < limit), "n>1M")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _crosstab(table: pd.DataFrame) -> list[str]:
    rows = [(name, *(int(count) for count in row)) for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return _table((str(table.index.name), *map(str, table.columns)), rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table in Markdown; cells hold no mark-up of their own."""
    return [
        "| " + " | ".join(columns) + " |",
        "| " + " | ".join("---" for _ in columns) + " |",
        *("| " + " | ".join(_cell(value) for value in row) + " |" for row in rows),
    ]


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
