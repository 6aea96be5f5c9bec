"""The columns of all tables, with their descriptions, which the Parquet files carry in their metadata.

Stages add columns and never remove rows. Each stage table holds the key ``(source, item_id)``, the columns that the
stage adds, and ``excluded_by`` and ``reason`` as they are after it. The first stage that excludes a row is recorded.
"""

import pyarrow as pa

from sources.core.errors import unknown
from sources.core.items import FETCH_FIELDS, ITEM_FIELDS, KEY, LOCK_SCHEMA, field

UNLABELED = "unlabeled"  # how films without a label are counted

VERSION = "1"

KEY_FIELDS = [LOCK_SCHEMA.field(name) for name in KEY]

EXCLUSION_FIELDS = [
    field("excluded_by", pa.string(), "stage that excluded the row; null = not excluded"),
    field("reason", pa.string(), "why the row was excluded"),
]

PIXEL_FIELDS = [
    field("image_id", pa.string(), "sha256 of the image's bytes as received"),
    field(
        "format",
        pa.string(),
        "JPEG | PNG | WEBP | GIF | TIFF | BMP | DICOM | JPEG2000 | AVIF | HEIC | NPY | PPM, detected from the bytes",
    ),
    field("width", pa.int32(), "width at full size, once upright (px)"),
    field("height", pa.int32(), "height at full size, once upright (px)"),
    field("bit_depth", pa.int32(), "bits per sample as received"),
    field("photometric", pa.string(), "MONOCHROME1 | MONOCHROME2 | RGB | PALETTE"),
    field("pixel_sha256", pa.string(), "sha256 of width, height and the decoded 8-bit gray pixels at full size"),
    field("rotation", pa.int32(), "clockwise rotation of the film as received: 0 | 90 | 180 | 270; corrected"),
    field("inverted", pa.bool_(), "whether the film was a negative; corrected"),
    field("upright_score", pa.float64(), "probability of rotation and inverted"),
    field("mirrored_score", pa.float64(), "probability that left and right are swapped (frontal films; not corrected)"),
    field("sharpness", pa.float64(), "variance of the Laplacian of the pool picture"),
    field("detail", pa.string(), "fine | blurred | upscaled (an enlarged thumbnail)"),
    field("detail_score", pa.float64(), "probability that fine detail is there (fine) or missing (blurred, upscaled)"),
    field("gray_levels", pa.float64(), "effective number of gray levels: exponential of the histogram's entropy"),
    field("clipped_share", pa.float64(), "share of pixels that are 0 or 255"),
    field("border_share", pa.float64(), "share of the picture in uniform borders"),
    field("collimated_share", pa.float64(), "share of the picture in the straight shadow of the collimator"),
    field("text_share", pa.float64(), "share of pixels in burned-in text and drawn marks"),
    field("is_color", pa.bool_(), "whether the color channels differ visibly"),
    field(
        "flags",
        pa.list_(pa.string()),
        "rotated | inverted | mirrored | border | collimated | text | blurred | upscaled | few_levels | "
        "display_suspect",
    ),
    field(
        "file_subject",
        pa.string(),
        "what a DICOM file says that it shows, if no chest film: CT | modality US, ... | another part of the body | "
        "an animal",
    ),
    field("decode_warning", pa.string(), "what was wrong with the file, although it was decoded; null = nothing"),
]

IMAGE_FIELD = field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]), "8-bit gray PNG")

DEDUPE_FIELDS = [
    field("phash", pa.string(), "pHash, 16 hex digits (imagehash)"),
    field("dhash", pa.string(), "dHash, 16 hex digits (imagehash)"),
    field("cluster_id", pa.string(), "same for all films of an exposure; null = no duplicate"),
    field("duplicate_of", pa.string(), "<source>/<item_id> of the film kept for the cluster"),
    field(
        "duplicate_kind",
        pa.string(),
        "bytes | pixels | reencoded | resized | cropped | annotated | contrast | mirrored | inverted | detail",
    ),
    field("similarity", pa.float64(), "correlation of fine detail with the kept film"),
    field("patient_key", pa.string(), "patient, linked across sources through proven duplicates"),
]

MERGED_FIELDS = [  # where the kept film has no value, that of its copies if they agree
    entry for entry in ITEM_FIELDS if entry.name in ("label", "view", "age", "sex", "offset_days", "rt_pcr")
]

VIEWS_FIELDS = [
    field("view", pa.string(), "PA | AP | AP_SUPINE | L | CT | OTHER | unknown, after the views stage"),
    field("view_source", pa.string(), "metadata | model | review; null = unknown"),
    field("view_class", pa.string(), "what the picture shows: frontal | lateral | other"),
    field("view_score", pa.float64(), "probability of view_class"),
    field("view_review", pa.string(), "why a person should check the view; null = no need"),
]

SEGMENT_FIELDS = [
    field(
        "lung_box",
        pa.list_(pa.int32(), 4),
        "left, top, right, bottom of the lungs with dilation and margin (px of the pool picture, right and bottom "
        "exclusive); the whole film without a plausible mask",
    ),
    field("lung_share", pa.float64(), "share of the film that the lung mask covers"),
    field("mask_quality", pa.float64(), "agreement of the lung masks of variants of the film, 0 to 1"),
    field("lungs_cut", pa.bool_(), "whether a lung leaves the picture"),
    field("lung_reason", pa.string(), "why lung_box is the whole film, or a person should check the mask; null = fine"),
]
WHOLE_FILM = "whole film"  # how lung_reason begins where no plausible lungs were found
MASK_FIELD = field("lung_mask", pa.binary(), "lung mask over the whole film, not dilated: PNG, 320 x 320, 1 bit")

HARMONISE_FIELDS = [
    field("tone_curve", pa.binary(256), "look-up table of 256 entries for the pool picture; null = unchanged"),
    field("tone_reference", pa.string(), "sha256 of the reference histogram"),
]

STATUS_FIELDS = [field("status", pa.string(), "kept | excluded"), *EXCLUSION_FIELDS]

SPLIT_FIELDS = [
    field("group_id", pa.string(), "same for rows that belong together: merged patients and duplicate clusters"),
    field("split", pa.string(), "train | val | test | external | pediatric (children set apart); null = excluded"),
    field("fold", pa.int32(), "cross-validation fold over train and val, and another one over pediatric"),
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
        field("net", pa.string(), "how the pair was found: bytes | pixels | hash | features | features+hash | chain"),
        field("same_cluster", pa.bool_(), "false = a chain of pairs was cut here"),
    ],
    metadata={"version": VERSION},
)
CONFLICTS_SCHEMA = pa.schema(
    [
        field("cluster_id", pa.string(), "the cluster whose films disagree"),
        field("column", pa.string(), "label | view | age | sex | rt_pcr | patient_id"),
        field("a_source", pa.string(), "source of the kept film, or else of the first film with a value"),
        field("a_item_id", pa.string(), "its item_id"),
        field("a_value", pa.string(), "the value at that source"),
        field("b_source", pa.string(), "source of the film that disagrees"),
        field("b_item_id", pa.string(), "its item_id"),
        field("b_value", pa.string(), "the value at that source"),
        field("similarity", pa.float64(), "similarity of the two films; null = linked only through other films"),
    ],
    metadata={"version": VERSION},
)
CONTRADICTIONS_SCHEMA = pa.schema(
    [
        *KEY_FIELDS,
        PIXEL_FIELDS[0],
        field("label", pa.string(), "label of the film, after the decisions of people"),
        field("status", pa.string(), "kept | excluded"),
        field("kind", pa.string(), "rt_pcr | finding | rows | two_labels | age | sex | model"),
        field("suggested", pa.string(), "label without the contradiction, if it is known"),
        field("score", pa.float64(), "strength from 0 to 1; null = not measured"),
        field("evidence", pa.string(), "what contradicts the label, for a person to review"),
        field("other", pa.string(), "<source>/<item_id> of the film it contradicts"),
    ],
    metadata={"version": VERSION},
)
VIEWS_SCHEMA = _schema(KEY_FIELDS, VIEWS_FIELDS, EXCLUSION_FIELDS)
SEGMENT_SCHEMA = _schema(KEY_FIELDS, SEGMENT_FIELDS, [MASK_FIELD], EXCLUSION_FIELDS)
HARMONISE_SCHEMA = _schema(KEY_FIELDS, HARMONISE_FIELDS, EXCLUSION_FIELDS)
MANIFEST_SCHEMA = _schema(
    [entry for entry in ITEM_FIELDS if entry.name != "view"],
    FETCH_FIELDS,
    PIXEL_FIELDS,
    DEDUPE_FIELDS,
    VIEWS_FIELDS,
    SEGMENT_FIELDS,
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
    "segment": SEGMENT_SCHEMA,
    "harmonise": HARMONISE_SCHEMA,
    "manifest": MANIFEST_SCHEMA,
    "images": IMAGES_SCHEMA,
    "splits": SPLITS_SCHEMA,
    "contradictions": CONTRADICTIONS_SCHEMA,
}


def schema_rows(table: str) -> list[tuple[str, str, str]]:
    """Name, type and description of each column of ``table``.

    Raises:
        UsageError: there is no such table.
    """
    if table not in TABLES:
        raise unknown("table", table, list(TABLES))
    return [
        (column.name, str(column.type), (column.metadata or {})[b"description"].decode()) for column in TABLES[table]
    ]
