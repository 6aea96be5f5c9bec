"""The options of every stage: ``params.yaml`` (the active profile) in, one frozen dataclass per stage out.

What ``dvc.yaml`` lists as the params of a stage is exactly what its class here has; an unknown key, a wrong type, a
value out of range or values that do not fit each other are one sentence that names the file and the key: before
anything is fetched, not an hour later.
"""

from collections.abc import Collection, Hashable
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Entries = TypeVar("Entries", bound=Collection[Hashable])


def _different(entries: Entries) -> Entries:
    """Refuse a list that names something twice."""
    if len(set(entries)) < len(entries):
        raise ValueError("list should not name anything twice")
    return entries


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
SourceNames = Annotated[tuple[str, ...], AfterValidator(_different)]


class Options(BaseModel):
    """A group of options: frozen, every key known, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SandboxParams(Options):
    """The drawn mirror of all sources that the default profile runs on."""

    seed: Count = Field(7, description="seed of everything that is drawn")
    films: Annotated[int, Field(ge=50, le=200_000)] = Field(600, description="about how many images to draw")


class FolderParams(Options):
    """One folder or bucket of the user's own films."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] = Field(description="name of the source in all tables")
    path: str = Field(description="folder or bucket URL of the images")
    table: str | None = Field(None, description="CSV inside the folder, one row per image")
    columns: dict[str, str] = Field({}, description="our column name -> column name in the CSV")
    labels: dict[str, Literal["normal", "cap", "covid", "other"]] = Field({}, description="word in the CSV -> label")
    licence: str | None = Field(None, description="licence of the films, as one word")
    redistributable: bool = Field(False, description="may the bytes be passed on")


class FetchParams(Options):
    """How the sources are read."""

    contact: str | None = Field(None, description="address that the User-Agent names, so that a site can reach you")
    accept_terms: tuple[str, ...] = Field((), description="sources whose owners gave you permission to copy")
    on_unavailable: Literal["skip", "fail"] = Field("skip", description="what a closed source does to a run")
    delay_s: Annotated[float, Field(ge=0.0)] = Field(1.0, description="least time between two requests to one host")
    connections: Positive = Field(2, description="requests under way at once per host")
    max_file_mb: Positive = Field(5000, description="largest file that is accepted")
    max_source_gb: Positive = Field(200, description="most bytes taken from one source")
    timeout_s: Annotated[float, Field(gt=0.0)] = Field(30.0, description="longest silence of a server")
    retries: Count = Field(4, description="tries after a failure that may pass")
    limit: Count | None = Field(None, description="stop after so many images per source; empty = all")


class IngestParams(Options):
    """Decoding into the pool."""

    long_side: Annotated[int, Field(ge=64, le=4096)] = Field(1024, description="pool images are at most so long (px)")
    min_side: Positive = Field(64, description="smaller films are excluded (px)")
    max_aspect: Annotated[float, Field(ge=1.0)] = Field(5.0, description="longer strips are excluded (long/short side)")
    max_megapixels: Positive = Field(100, description="larger pictures are refused before decoding")
    max_file_mb: Positive = Field(200, description="larger image files are refused")
    shard_rows: Positive = Field(500, description="rows per pool shard")


class DedupeParams(Options):
    """Finding films that show the same exposure."""

    phash_distance: Annotated[int, Field(ge=0, le=32)] = Field(
        6, description="candidate if pHash bits differ by at most"
    )
    dhash_distance: Annotated[int, Field(ge=0, le=32)] = Field(
        4, description="candidate if dHash bits differ by at most"
    )
    similarity: Share = Field(0.74, description="proof: least median local correlation of fine detail after alignment")
    overlap: Share = Field(0.15, description="proof: least share of the smaller film that the overlap covers")


class ViewsParams(Options):
    """Which views stay."""

    keep: tuple[Literal["PA", "AP", "AP_SUPINE", "L", "CT", "OTHER", "unknown"], ...] = Field(
        ("PA", "AP", "AP_SUPINE", "unknown"), description="views that stay; unknown is judged by the picture"
    )
    frontal_score: Share = Field(0.75, description="least probability of a picture to be called frontal")
    review_score: Share = Field(
        0.9, description="the picture contradicts the source, or decides alone, from this score on"
    )


class HarmoniseParams(Options):
    """Histogram matching as tone curves."""

    sources: SourceNames = Field(("nih",), description="sources whose films are matched")
    reference: Literal["covid_mean", "image"] = Field(
        "covid_mean", description="mean CDF of kept covid films, or one film"
    )
    reference_image: str | None = Field(None, description="image_id of the base film when reference is image")


class ManifestParams(Options):
    """Which rows the data set keeps."""

    labels: tuple[Literal["normal", "cap", "covid", "other"], ...] = Field(
        ("normal", "cap", "covid"), description="labels kept"
    )
    keep_pediatric: bool = Field(False, description="keep films of children (below 18 years)")
    exclude_flags: tuple[
        Literal["rotated", "inverted", "mirrored", "border", "collimated", "text", "blurred", "upscaled", "few_levels"],
        ...,
    ] = Field((), description="films with one of these flags are excluded")
    shard_rows: Positive = Field(500, description="rows per image shard")


class SplitParams(Options):
    """Train, validation, test and external."""

    seed: Count = Field(18, description="seed of the group hash")
    val: Share = Field(0.15, description="share of groups for validation")
    test: Share = Field(0.2, description="share of groups for the test")
    folds: Annotated[int, Field(ge=2, le=20)] = Field(5, description="folds over train and validation")
    external: SourceNames = Field((), description="sources held out whole")

    @model_validator(mode="after")
    def _leave_some_for_train(self) -> "SplitParams":
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val} and test {self.test} leave nothing for train; lower one")
        return self


class PrepareParams(Options):
    """From kept films to model inputs."""

    sizes: Annotated[
        tuple[Annotated[int, Field(ge=32, le=1024)], ...], Field(min_length=1), AfterValidator(_different)
    ] = Field((320,), description="sides of the square inputs (px)")
    aspect: Literal["stretch", "pad"] = Field("stretch", description="stretch = paper; pad keeps the aspect ratio")
    beasf_gamma: Annotated[float, Field(ge=0.0, le=10.0)] = Field(1.5, description="BEASF gamma")
    clahe_clip: Annotated[float, Field(gt=0.0)] = Field(2.0, description="CLAHE clip limit")
    clahe_tiles: Annotated[int, Field(ge=1, le=32)] = Field(8, description="CLAHE tiles per side")


class ContradictionsParams(Options):
    """Which labels are listed as contradicted."""

    age_years: Annotated[float, Field(ge=0.0)] = Field(
        2.0, description="ages of one patient may differ by so much from what the days between the films tell"
    )
    undated_years: Annotated[float, Field(ge=0.0)] = Field(
        15.0, description="ages of one patient may differ by so much where a day is not known"
    )
    folds: Annotated[int, Field(ge=2, le=20)] = Field(5, description="parts of the cross-validated judgement of labels")
    seed: Count = Field(18, description="seed of the division into these parts")


class ExperimentParams(Options):
    """One model of the paper and how it is trained."""

    model: Literal["base", "covid_cxnet"] = Field(description="architecture")
    size: Annotated[int, Field(ge=32, le=1024)] = Field(320, description="side of the input (px); one of prepare.sizes")
    classes: Annotated[
        tuple[Literal["normal", "cap", "covid"], ...], Field(min_length=2), AfterValidator(_different)
    ] = Field(("normal", "covid"), description="two or more, in index order")
    epochs: Positive = Field(10, description="most epochs")
    batch_size: Positive = Field(16, description="images per step")
    learning_rate: Annotated[float, Field(gt=0.0)] = Field(1e-4, description="of Adam")
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(0.0, description="0.1 in the paper's COVID-CXNet")
    class_weights: bool = Field(True, description="balanced: n / (k n_c)")
    augmentation: Literal["none", "modest", "paper"] = Field("modest", description="preset of random changes")
    patience: Count = Field(0, description="stop after so many epochs without a better validation loss; 0 = never")
    weights: str | None = Field(None, description="file with backbone weights (.weights.h5 or .keras), or empty")
    batch_norm_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] | None = Field(
        None, description="of the moving batch statistics; empty = 1 - 8 / steps per epoch, 0.8 to 0.99"
    )
    threshold: Literal["half", "val"] = Field(
        "half", description="score that counts as the second of two classes: 0.5, or the best balanced on validation"
    )
    explained: Count = Field(6, description="test films of each class that get a Grad-CAM picture")
    seed: Count = Field(18, description="seed of weights, order and augmentation")

    @model_validator(mode="after")
    def _refuse_what_has_no_effect(self) -> "ExperimentParams":
        if self.weights is not None and self.model != "covid_cxnet":
            raise ValueError(f"weights are read by model covid_cxnet alone; empty them, model is {self.model}")
        if self.threshold != "half" and len(self.classes) > 2:
            raise ValueError(f"of {len(self.classes)} classes the likeliest stands: threshold must be half")
        return self


class Params(Options):
    """One whole profile."""

    profile: str = Field(description="name of the profile")
    mirror: str | None = Field(None, description="sandbox, a folder in mirror layout, or empty for the live web")
    workers: Count = Field(0, description="processes; 0 = one per core")
    sources: SourceNames = Field((), description="sources to use, by name; `cxnet-data sources` lists them")
    folders: tuple[FolderParams, ...] = Field((), description="the user's own films")
    sandbox: SandboxParams = SandboxParams()
    fetch: FetchParams = FetchParams()
    ingest: IngestParams = IngestParams()
    dedupe: DedupeParams = DedupeParams()
    views: ViewsParams = ViewsParams()
    harmonise: HarmoniseParams = HarmoniseParams()
    manifest: ManifestParams = ManifestParams()
    split: SplitParams = SplitParams()
    prepare: PrepareParams = PrepareParams()
    contradictions: ContradictionsParams = ContradictionsParams()
    experiments: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ExperimentParams] = Field(
        {}, description="name -> experiment"
    )

    @model_validator(mode="after")
    def _prepare_what_experiments_take(self) -> "Params":
        made = ", ".join(map(str, self.prepare.sizes))
        for name, experiment in self.experiments.items():
            if experiment.size not in self.prepare.sizes:
                raise ValueError(f"experiments.{name}.size is {experiment.size}, but prepare.sizes lists {made}")
        return self

    @property
    def source_names(self) -> tuple[str, ...]:
        """The sources of the profile and its folders, by name."""
        return (*self.sources, *(folder.name for folder in self.folders))
