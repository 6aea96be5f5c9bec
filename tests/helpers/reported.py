"""A small data set of handmade films, through split, with a hostile name: what the report shows."""

import numpy as np
import pandas as pd
from handmade import film, lay_out, options

from pipeline.core.layout import Layout
from pipeline.core.params import ManifestParams, SplitParams
from pipeline.core.schema import CONFLICTS_SCHEMA, CONTRADICTIONS_SCHEMA, DUPLICATES_SCHEMA
from pipeline.manifest import stage as manifest
from pipeline.split import stage as split
from sources.core.storage import write_table

EVIL = "<script>alert('x')</script>"


def laid_out(folder, pairs=True):
    layout = Layout.at(folder)
    curve = np.sqrt(np.arange(256) / 255)
    films = [
        film(
            "cohen",
            f"c{n}",
            label="covid",
            flags=["mirrored"] if n == 3 else [],
            patient_id=f"cohen:{n}",
            patient_key=f"cohen:{n}",
        )
        for n in range(8)
    ]
    films += [
        film(
            "nih", f"n{n}", label="normal", patient_key=f"nih:{n}", tone_curve=(curve * 255).astype(np.uint8).tobytes()
        )
        for n in range(8)
    ]
    films += [film("sirm", EVIL, finding=EVIL, excluded_by="views", reason=f"lateral film ({EVIL})", pixel_sha256="1")]
    films += [film("sirm", "gone", image=None, excluded_by="fetch", reason="HTTP 404")]
    lay_out(layout, films, through="harmonise")
    pair = {"a_source": "cohen", "a_item_id": "c0", "b_source": "nih", "b_item_id": "n0", "kind": "cropped"}
    empty = dict.fromkeys(DUPLICATES_SCHEMA.names)
    write_table(
        layout.duplicates,
        pd.DataFrame([empty | pair | {"similarity": 0.97}] * pairs, columns=list(empty)),
        DUPLICATES_SCHEMA,
    )
    conflict = {"a_source": "cohen", "a_item_id": "c0", "b_source": "nih", "b_item_id": "n0"}
    conflicts = [
        conflict | {"cluster_id": "1", "column": column, "a_value": f"{column}-of-a", "b_value": EVIL}
        for column in ("age", "patient_id")
    ]
    write_table(layout.conflicts, pd.DataFrame(conflicts * pairs, columns=CONFLICTS_SCHEMA.names), CONFLICTS_SCHEMA)
    doubt = {
        "source": "cohen",
        "item_id": "c1",
        "label": "covid",
        "kind": "rt_pcr",
        "evidence": f"RT-PCR negative {EVIL}",
    }
    doubts = pd.DataFrame(
        [dict.fromkeys(CONTRADICTIONS_SCHEMA.names) | doubt] * pairs, columns=CONTRADICTIONS_SCHEMA.names
    )
    write_table(layout.contradictions, doubts, CONTRADICTIONS_SCHEMA)
    manifest.run(layout, options(manifest=ManifestParams()))
    split.run(layout, options(split=SplitParams()))
    return layout
