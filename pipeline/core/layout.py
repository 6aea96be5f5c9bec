"""Where each stage keeps its files."""

from dataclasses import dataclass

from upath import UPath


@dataclass(frozen=True)
class Layout:
    """The folders of one data set.

    Attributes:
        root: folder or bucket URL (``s3://...``) with ``data/``, ``models/`` and ``reports/``.
    """

    root: UPath

    @classmethod
    def at(cls, root: "str | UPath" = ".") -> "Layout":
        """The layout below ``root``."""
        return cls(UPath(root))

    @property
    def data(self) -> UPath:
        return self.root / "data"

    @property
    def sandbox(self) -> UPath:
        """The synthetic copy of all sources, and ``truth/`` with its true labels."""
        return self.data / "sandbox"

    @property
    def raw(self) -> UPath:
        """``<source>/items.parquet``, ``<source>/fetch.json`` and ``<source>/files/``."""
        return self.data / "raw"

    @property
    def pool(self) -> UPath:
        """Shards ``pool-00000.parquet``, ...: all rows with their pictures as 8-bit gray PNG."""
        return self.data / "pool"

    def table(self, stage: str) -> UPath:
        """The columns that one of ``TABLE_STAGES`` adds."""
        return self.data / f"{stage}.parquet"

    @property
    def dedupe(self) -> UPath:
        return self.table("dedupe")

    @property
    def duplicates(self) -> UPath:
        """The proven pairs with their evidence."""
        return self.data / "duplicates.parquet"

    @property
    def conflicts(self) -> UPath:
        """Copies that disagree on label, view, age, sex or patient."""
        return self.data / "conflicts.parquet"

    @property
    def views(self) -> UPath:
        return self.table("views")

    @property
    def segment(self) -> UPath:
        return self.table("segment")

    @property
    def harmonise(self) -> UPath:
        return self.table("harmonise")

    @property
    def manifest(self) -> UPath:
        """``manifest.parquet`` (all rows) and ``images-00000.parquet``, ... (kept rows with their pictures)."""
        return self.data / "manifest"

    @property
    def concealed(self) -> UPath:
        """``images-*.parquet`` of the manifest with text and drawn marks in-painted."""
        return self.data / "concealed"

    @property
    def splits(self) -> UPath:
        return self.data / "splits.parquet"

    @property
    def contradictions(self) -> UPath:
        """Contradicted labels with the evidence."""
        return self.data / "contradictions.parquet"

    @property
    def decisions(self) -> UPath:
        """What people decided; the file to edit by hand."""
        return self.root / "curation" / "decisions.csv"

    @property
    def withdrawn(self) -> UPath:
        """Films that were withdrawn; it travels with every snapshot."""
        return self.root / "curation" / "withdrawn.csv"

    def arrays(self, inputs: str) -> UPath:
        """Model inputs by name (see :class:`pipeline.core.experiments.Inputs`): images, and their rows."""
        return self.data / "arrays" / inputs

    def vectors(self, inputs: str) -> UPath:
        """What frozen trunks made of these inputs: a cache, which may be deleted at any time."""
        return self.data / "vectors" / inputs

    def unfinished(self, experiment: str) -> UPath:
        """Where a training that was killed goes on; gone when it has finished."""
        return self.data / "unfinished" / experiment

    def model(self, experiment: str) -> UPath:
        return self.root / "models" / experiment

    def report(self, experiment: str) -> UPath:
        return self.root / "reports" / experiment

    def judged(self, experiment: str) -> UPath:
        """Receipt of an evaluated experiment: the hash of each file in its report folder."""
        return self.data / "judged" / f"{experiment}.json"

    @property
    def reports(self) -> UPath:
        return self.root / "reports"
