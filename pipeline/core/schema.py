"""The manifest's columns: one table that grows to the right from stage to stage, described in its own metadata.

Every stage table holds the key ``(source, item_id)``, the columns that the stage adds, and the two columns
``excluded_by`` and ``reason`` as they stand after it: the first stage that excludes a row keeps it.
"""

import pyarrow as pa

from sources.core.errors import unknown
from sources.core.items import FETCH_FIELDS, ITEM_FIELDS, KEY, LOCK_SCHEMA, field

VERSION = "1"

KEY_FIELDS = [LOCK_SCHEMA.field(name) for name in KEY]

EXCLUSION_FIELDS = [
    field("excluded_by", pa.string(), "stage that excluded the row; null = not excluded"),
    field("reason", pa.string(), "why the row was excluded"),
]

PIXEL_FIELDS = [
    field("image_id", pa.string(), "sha256 of the image's bytes as received"),
    field("format", pa.string(), "JPEG | PNG | WEBP | GIF | TIFF | BMP | DICOM, from the bytes"),
    field("width", pa.int32(), "width as received, put upright (px)"),
    field("height", pa.int32(), "height as received, put upright (px)"),
    field("bit_depth", pa.int32(), "bits per sample as received"),
    field("photometric", pa.string(), "MONOCHROME1 | MONOCHROME2 | RGB | PALETTE"),
    field("pixel_sha256", pa.string(), "sha256 of width, height and the decoded 8-bit gray pixels at full size"),
    field("rotation", pa.int32(), "degrees clockwise by which the film stood turned: 0 | 90 | 180 | 270; put right"),
    field("inverted", pa.bool_(), "it was a negative; put right"),
    field("upright_score", pa.float64(), "probability of rotation and inverted"),
    field("mirrored_score", pa.float64(), "probability that left and right are exchanged (frontal films; not changed)"),
    field("sharpness", pa.float64(), "variance of the Laplacian of the pool image"),
    field("detail", pa.string(), "fine | blurred | upscaled (a thumbnail blown up)"),
    field("detail_score", pa.float64(), "probability that fine detail is there (fine) or lacking (blurred, upscaled)"),
    field("gray_levels", pa.float64(), "gray levels in use: exponential of the histogram's entropy"),
    field("clipped_share", pa.float64(), "share of pixels that are 0 or 255"),
    field("border_share", pa.float64(), "share of the picture in uniform borders"),
    field("collimated_share", pa.float64(), "share of the picture in the straight shadow of the collimator"),
    field("text_share", pa.float64(), "share of pixels in burnt-in text and drawn marks"),
    field("is_color", pa.bool_(), "the channels differ visibly"),
    field(
        "flags",
        pa.list_(pa.string()),
        "rotated | inverted | mirrored | border | collimated | text | blurred | upscaled | few_levels",
    ),
]

IMAGE_FIELD = field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]), "8-bit gray PNG of the pool")

DEDUPE_FIELDS = [
    field("phash", pa.string(), "pHash, 16 hex digits (imagehash)"),
    field("dhash", pa.string(), "dHash, 16 hex digits (imagehash)"),
    field("cluster_id", pa.string(), "films of one exposure share it; null = no duplicate"),
    field("duplicate_of", pa.string(), "<source>/<item_id> of the film kept for this cluster"),
    field(
        "duplicate_kind",
        pa.string(),
        "bytes | pixels | reencoded | resized | cropped | annotated | contrast | mirrored | inverted | detail",
    ),
    field("similarity", pa.float64(), "correlation of fine detail with the film kept"),
    field("patient_key", pa.string(), "patient, linked across sources through proven duplicates"),
]

MERGED_FIELDS = [  # the copies' values where the film kept is silent and they agree
    entry for entry in ITEM_FIELDS if entry.name in ("label", "view", "age", "sex", "offset_days", "rt_pcr")
]

VIEWS_FIELDS = [
    field("view", pa.string(), "PA | AP | AP_SUPINE | L | CT | OTHER | unknown, after the views stage"),
    field("view_source", pa.string(), "metadata | model | review; null = unknown"),
    field("view_class", pa.string(), "frontal | lateral | other, from the picture alone"),
    field("view_score", pa.float64(), "probability of view_class"),
    field("view_review", pa.string(), "why a person should look at the view; null = no need"),
]

HARMONISE_FIELDS = [
    field("tone_curve", pa.binary(256), "256-entry look-up table of the pool image; null = unchanged"),
    field("tone_reference", pa.string(), "sha256 of the reference histogram"),
]

STATUS_FIELDS = [field("status", pa.string(), "kept | excluded"), *EXCLUSION_FIELDS]

SPLIT_FIELDS = [
    field("group_id", pa.string(), "rows that must not be parted: merged patients and duplicate clusters"),
    field("split", pa.string(), "train | val | test | external; null = excluded"),
    field("fold", pa.int32(), "cross-validation fold over train and val"),
]


def _schema(*groups: list[pa.Field]) -> pa.Schema:
    return pa.schema([entry for group in groups for entry in group], metadata={"version": VERSION})


POOL_SCHEMA = _schema([*ITEM_FIELDS, *FETCH_FIELDS], PIXEL_FIELDS, EXCLUSION_FIELDS, [IMAGE_FIELD])
DEDUPE_SCHEMA = _schema(KEY_FIELDS, DEDUPE_FIELDS, MERGED_FIELDS, EXCLUSION_FIELDS)
DUPLICATES_SCHEMA = pa.schema(
    [
        field("a_source", pa.string(), "source of the first film, by (source, item_id)"),
        field("a_item_id", pa.string(), "item_id of the first film"),
        field("b_source", pa.string(), "source of the second film"),
        field("b_item_id", pa.string(), "item_id of the second film"),
        field("kind", pa.string(), "main difference, as in duplicate_kind"),
        field("similarity", pa.float64(), "correlation of fine detail on the overlap; 1 for identical pixels"),
        field("overlap", pa.float64(), "share of the smaller film that the overlap covers"),
        field("a_overlap", pa.float64(), "share of the first film that the overlap covers"),
        field("b_overlap", pa.float64(), "share of the second film that the overlap covers"),
        field(
            "transform", pa.list_(pa.float64(), 6), "2 x 3 affine matrix, row by row: pool pixels of a to those of b"
        ),
        field("net", pa.string(), "what found the pair: bytes | pixels | hash | features | features+hash | chain"),
        field("same_cluster", pa.bool_(), "false: a chain of pairs was cut here"),
    ],
    metadata={"version": VERSION},
)
CONFLICTS_SCHEMA = pa.schema(
    [
        field("cluster_id", pa.string(), "the cluster whose films disagree"),
        field("column", pa.string(), "label | view | age | sex | patient_id | rt_pcr | ..."),
        field(
            "a_source", pa.string(), "source of the film kept for the cluster, or of the first film that has a value"
        ),
        field("a_item_id", pa.string(), "its item_id"),
        field("a_value", pa.string(), "what that film's source says"),
        field("b_source", pa.string(), "source of the film that disagrees"),
        field("b_item_id", pa.string(), "its item_id"),
        field("b_value", pa.string(), "what that film's source says"),
        field("similarity", pa.float64(), "how surely the two show one exposure; null = only through others"),
    ],
    metadata={"version": VERSION},
)
CONTRADICTIONS_SCHEMA = pa.schema(
    [
        *KEY_FIELDS,
        PIXEL_FIELDS[0],
        field("label", pa.string(), "what the film is called, after the decisions of people"),
        field("status", pa.string(), "kept | excluded"),
        field("kind", pa.string(), "rt_pcr | finding | two_labels | age | sex | model"),
        field("suggested", pa.string(), "the label that would not be contradicted, where one is told"),
        field("score", pa.float64(), "0 to 1, how strongly; null = nothing measures it"),
        field("evidence", pa.string(), "what speaks against it, for a person to judge"),
        field("other", pa.string(), "<source>/<item_id> of the film it contradicts"),
    ],
    metadata={"version": VERSION},
)
VIEWS_SCHEMA = _schema(KEY_FIELDS, VIEWS_FIELDS, EXCLUSION_FIELDS)
HARMONISE_SCHEMA = _schema(KEY_FIELDS, HARMONISE_FIELDS, EXCLUSION_FIELDS)
MANIFEST_SCHEMA = _schema(
    [entry for entry in ITEM_FIELDS if entry.name != "view"],
    FETCH_FIELDS,
    PIXEL_FIELDS,
    DEDUPE_FIELDS,
    VIEWS_FIELDS,
    HARMONISE_FIELDS,
    STATUS_FIELDS,
)
IMAGES_SCHEMA = MANIFEST_SCHEMA.append(IMAGE_FIELD)
SPLITS_SCHEMA = _schema(KEY_FIELDS, [PIXEL_FIELDS[0]], SPLIT_FIELDS)

TABLES = {
    "items": LOCK_SCHEMA,
    "pool": POOL_SCHEMA,
    "dedupe": DEDUPE_SCHEMA,
    "duplicates": DUPLICATES_SCHEMA,
    "conflicts": CONFLICTS_SCHEMA,
    "views": VIEWS_SCHEMA,
    "harmonise": HARMONISE_SCHEMA,
    "manifest": MANIFEST_SCHEMA,
    "images": IMAGES_SCHEMA,
    "splits": SPLITS_SCHEMA,
    "contradictions": CONTRADICTIONS_SCHEMA,
}


def schema_rows(table: str) -> list[tuple[str, str, str]]:
    """Name, type and meaning of every column of ``table``.

    Raises:
        UsageError: there is no such table.
    """
    if table not in TABLES:
        raise unknown("table", table, list(TABLES))
    return [
        (column.name, str(column.type), (column.metadata or {})[b"description"].decode()) for column in TABLES[table]
    ]
