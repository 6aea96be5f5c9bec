"""The report of hostile tables in a real browser: no script runs, and no request leaves the page."""

import shutil

import pandas as pd
import pyarrow as pa
import pytest
from handmade import film, options
from reported import laid_out

from pipeline.core.schema import (
    CONFLICTS_SCHEMA,
    CONTRADICTIONS_SCHEMA,
    DUPLICATES_SCHEMA,
    MANIFEST_SCHEMA,
    SPLITS_SCHEMA,
)
from pipeline.report import content
from pipeline.report.stage import run
from sources.core.storage import read_table

CHROMIUM = shutil.which("chromium")
HOSTILE = (
    "<script>window.hit=1</script>",
    "<img src=http://192.0.2.1/x onerror=window.hit=1>",
    "\"><svg onload=window.hit=1><a href='http://192.0.2.1/'>",
    "' onmouseover='window.hit=1' style='background:url(http://192.0.2.1/y)",
    "</style><style>@import 'http://192.0.2.1/z';</style>",
    "</table></body><iframe src=http://192.0.2.1/f></iframe>",
    "{{ 7 * 7 }}{% raw %}<!--",
    "javascript:window.hit=1",
    "&lt;script&gt;&#x3c;b onclick=1&#x3e;",
    "\u202e\ufeff\u0000\x1b[2J",
)
KEPT_AS_THEY_ARE = ("image_id", "status", "excluded_by", "split", "label", "a_source", "b_source")


def poisoned(table: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """The table with a hostile text in every column of texts, another one in each row; keys stay together."""
    columns = {}
    for entry in schema:
        if pa.types.is_string(entry.type) and entry.name not in KEPT_AS_THEY_ARE and entry.name in table:
            columns[entry.name] = [
                f"{HOSTILE[row % len(HOSTILE)]}{entry.name}" if value is not None else value
                for row, value in enumerate(table[entry.name].astype(object).where(table[entry.name].notna(), None))
            ]
    return table.assign(**{name: pd.Series(values, table.index, dtype=object) for name, values in columns.items()})


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium, to look at the page in a real browser")
def test_nothing_of_a_hostile_table_runs_or_asks_the_web(tmp_path, monkeypatch):
    from playwright.sync_api import sync_playwright

    layout = laid_out(tmp_path)
    schemas = (MANIFEST_SCHEMA, SPLITS_SCHEMA, DUPLICATES_SCHEMA, CONFLICTS_SCHEMA, CONTRADICTIONS_SCHEMA)
    read = iter(schemas)

    def hostile_table(path, columns=None, schema=None):
        return poisoned(read_table(path, columns, schema), next(read))

    monkeypatch.setattr(content, "read_table", hostile_table)
    run(layout, options())
    asked, problems = [], []
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto("file://" + (layout.reports / "index.html").path)
        for element in page.query_selector_all("[onmouseover], [onclick], [onerror], [onload], iframe, script, svg a"):
            problems.append(element.evaluate("element => element.outerHTML"))
        hit = page.evaluate("window.hit")
        text = page.inner_text("body")
        browser.close()
    assert hit is None
    assert problems == []
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []
    assert "<script>window.hit=1</script>" in text or "<img src=http" in text


def test_the_poison_reaches_every_column_of_texts():
    rows = pd.DataFrame([film(finding="pneumonia", patient_id="p")])
    hostile = poisoned(rows, MANIFEST_SCHEMA)
    assert hostile["finding"].iloc[0] == f"{HOSTILE[0]}finding"
    assert hostile["patient_id"].iloc[0] == f"{HOSTILE[0]}patient_id"
    assert hostile["label"].iloc[0] == "covid"
