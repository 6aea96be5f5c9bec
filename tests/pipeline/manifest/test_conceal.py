import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from handmade import film, lay_out, options
from marked import FILM, written

from pipeline.core.layout import Layout
from pipeline.core.parallel import open_executor
from pipeline.core.params import ManifestParams
from pipeline.imaging.png import decode_png
from pipeline.manifest import stage as manifest
from pipeline.manifest.conceal import run
from sources.core.errors import CxnetError

PLAIN = cv2.GaussianBlur(FILM, (0, 0), 6)


@pytest.fixture
def layout(tmp_path):
    layout = Layout.at(tmp_path)
    rows = [film("cohen", f"t{n}", picture=written(FILM, f"ERECT {n}")[0], flags=["text"]) for n in range(3)]
    rows += [film("cohen", f"p{n}", picture=PLAIN - n) for n in range(3)]
    lay_out(layout, rows, through="harmonise")
    manifest.run(layout, options(manifest=ManifestParams(shard_rows=4)))
    return layout


def tables(folder):
    return {path.name: pq.read_table(str(path)) for path in sorted(folder.glob("images-*.parquet"), key=str)}


def test_the_same_rows_come_back_without_what_is_written_on_them(layout):
    assert str(run(layout, options())) == "6 films, 3 with marks concealed"
    before, after = tables(layout.manifest), tables(layout.concealed)
    assert list(before) == list(after) and len(before) == 2
    for name, table in before.items():
        assert table.schema.equals(after[name].schema, check_metadata=True)
        assert table.drop_columns("image").equals(after[name].drop_columns("image"))
        for row, clean in zip(table.to_pylist(), after[name].to_pylist(), strict=True):
            same = row["image"]["bytes"] == clean["image"]["bytes"]
            assert same == (not row["flags"])
            assert decode_png(clean["image"]["bytes"]).shape == (row["height"], row["width"])


def test_the_number_of_processes_changes_nothing(layout):
    run(layout, options())
    alone = {path.name: path.read_bytes() for path in layout.concealed.iterdir()}
    with open_executor(2) as executor:
        run(layout, options(), executor)
    assert alone == {path.name: path.read_bytes() for path in layout.concealed.iterdir()}


def test_without_a_manifest_it_is_one_sentence(tmp_path):
    with pytest.raises(CxnetError, match="holds no images shard"):
        run(Layout.at(tmp_path), options())


def test_text_is_gone_from_the_picture(layout):
    run(layout, options())
    row = next(row for table in tables(layout.concealed).values() for row in table.to_pylist() if row["flags"])
    clean = decode_png(row["image"]["bytes"])
    assert np.abs(clean.astype(int) - FILM).mean() < 0.5
