"""The options of a folder with the user's own films."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.core.options import Name, Options
from sources.core.text import filled, label_pattern, patient_pattern

FilledText = Annotated[str, AfterValidator(filled)]


class FolderParams(Options):
    """One folder or bucket with your own films."""

    name: Name = Field(description="name of the source in all tables")
    path: FilledText = Field(description="folder or bucket URL with the images")
    table: FilledText | None = Field(None, description="table in the folder: CSV, Excel, Parquet or JSON lines")
    columns: dict[str, FilledText] = Field({}, description="our column name -> column name in the table")
    label_columns: tuple[FilledText, ...] = Field((), description="columns of findings, answered by yes or no")
    labels: dict[str, Literal["normal", "cap", "covid", "other"]] = Field({}, description="word in the table -> label")
    patient_from_path: Annotated[str, AfterValidator(patient_pattern)] | None = Field(
        None, description="regular expression with a group patient_id, perhaps study_id, that is searched in paths"
    )
    label_from_path: Annotated[str, AfterValidator(label_pattern)] | None = Field(
        None,
        description="regular expression with a group label that is searched in paths, for films whose table has none",
    )
    licence: str | None = Field(None, description="license of the films, as one word")
    redistributable: bool = Field(False, description="whether others may get copies of the files")
