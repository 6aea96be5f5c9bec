"""Groups of rows that must stay in one split.

Rows are linked if they share a patient (also one linked through duplicates), a study, a duplicate cluster or a case
page. All rows that are linked directly or through other rows, kept or not, are a group. Its name is its smallest
``patient_id``, or its smallest ``<source>/<item_id>`` if no patient is known.
"""

from urllib.parse import urlsplit

import pandas as pd

from pipeline.core.groups import group_rows, smallest_by_group
from pipeline.core.tables import row_names

# Homepages of sources: films that have only such a page in common are no case. They are listed here, and compared with
# the sources by a test, so that the split does not depend on the code of every source.
HOMEPAGES = (
    "https://data.mendeley.com/datasets/rscbjbr9sj",
    "https://github.com/agchung/Figure1-COVID-chestxray-dataset",
    "https://github.com/armiro/COVID-CXNet",
    "https://github.com/ieee8023/covid-chestxray-dataset",
    "https://github.com/ml-workgroup/covid-19-image-repository",
    "https://lhncbc.nlm.nih.gov/LHC-downloads/downloads.html#tuberculosis-image-data-sets",
    "https://nihcc.app.box.com/v/ChestXray-NIHCC",
    "https://radiopaedia.org/articles/covid-19-4",
    "https://radiopaedia.org/cases/normal-chest-x-ray",
    "https://twitter.com/ChestImaging/status/1243928581983670272",
    "https://www.instagram.com/theradiologistpage",
    "https://www.sirm.org/category/senza-categoria/covid-19",
)
LIST_SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".json", ".txt", ".zip", ".gz", ".parquet")
CASE_ROWS = 40  # a page with more films is a list of patients, not a case


def groups(rows: pd.DataFrame) -> "pd.Series[str]":
    """The name of each row's group."""
    names = row_names(rows)
    group = group_rows(
        [
            ("row", names),
            ("row", rows["duplicate_of"]),
            ("patient", rows["patient_id"]),
            ("patient", rows["patient_key"]),
            ("study", rows["study_id"]),
            ("cluster", rows["cluster_id"]),
            ("page", _case_pages(rows)),
        ]
    )
    return group.map(smallest_by_group(rows["patient_id"], group).combine_first(smallest_by_group(names, group)))


def _case_pages(rows: pd.DataFrame) -> "pd.Series[str]":
    """The page of each row if it is a case, an article or a post; null if it lists a whole collection."""
    pages = rows["page_url"].astype(object)
    cases = {page for page, count in pages.value_counts().items() if count <= CASE_ROWS and is_case(str(page))}
    return pages.where(pages.isin(cases))


def is_case(page: str) -> bool:
    """Whether an address can be that of one case: not the homepage of a site or source, and not a table or archive."""
    address = urlsplit(page)
    is_list = address.path.lower().endswith(LIST_SUFFIXES) or page.rstrip("/") in HOMEPAGES
    return address.scheme in ("http", "https") and bool(address.path.strip("/")) and not is_list
