"""``cxnet-data show``: what a manifest holds, all of it or the rows that a condition chooses."""

from pathlib import Path

import typer

from pipeline.cli.console import print_table
from pipeline.core.layout import Layout
from pipeline.report.summary import count_kinds, kind_tables, manifest_path, manifest_tables
from sources.core.text import counted


def show_manifest(layout: Layout, manifest: str | None, where: str | None, sheet: Path | None) -> None:
    """Print the tables, and write the sheet if one is asked for.

    Raises:
        UsageError: the condition is none.
        CxnetError: the manifest cannot be read, or the sheet would be empty.
    """
    if where is None and sheet is None:
        tables = manifest_tables(layout, manifest)
    else:
        from pipeline.report.query import rows_table, select_rows, write_sheet  # DuckDB takes a moment to load

        path = manifest_path(layout, manifest)
        rows = select_rows(path, where or "true")
        tables = [*kind_tables(count_kinds(rows)), rows_table(rows)]
    for table in tables:
        print_table(table.title, table.columns, table.rows)
    if sheet is not None:
        films = write_sheet(path, rows, sheet)
        typer.echo(f"{sheet}: {counted(films, 'film')}.")
