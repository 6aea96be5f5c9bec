"""The options of every stage: one frozen class per stage, and :class:`Params` for a whole profile.

The options of a stage in ``dvc.yaml`` are exactly the fields of its class. Unknown keys, wrong types, values out of
range and values that do not fit together are refused before anything is fetched; see :mod:`pipeline.profile.load`.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.core.experiments import ExperimentParams, Size
from pipeline.core.options import Count, Name, Options, Positive, Share, SourceNames, without_duplicates
from pipeline.core.own_folder import FolderParams

ANY = "any"


def _any_as_entry(entries: object) -> object:
    """``any`` as the only entry of a list; a list as a tuple, since strict checks accept no list here."""
    return (ANY,) if entries == ANY else tuple(entries) if isinstance(entries, list) else entries


def _any_alone(entries: tuple[str, ...]) -> tuple[str, ...]:
    if ANY in entries and len(entries) > 1:
        raise ValueError(f"{ANY} stands alone; remove the other labels or {ANY}")
    return entries


class SandboxParams(Options):
    """The synthetic offline copy of all sources that the default profile uses."""

    seed: Count = Field(7, description="seed of all random choices")
    films: Annotated[int, Field(ge=50, le=200_000)] = Field(600, description="approximate number of images")


class FetchParams(Options):
    """How the sources are read."""

    contact: str | None = Field(None, description="address in the User-Agent, so that a site can reach you")
    accept_terms: tuple[str, ...] = Field((), description="sources whose owners gave you permission to copy")
    on_unavailable: Literal["skip", "fail"] = Field("skip", description="skip a closed or unreachable source, or fail")
    delay_s: Annotated[float, Field(ge=0.0)] = Field(1.0, description="minimum time between two requests to a host (s)")
    connections: Positive = Field(2, description="maximum number of requests to a host at a time")
    max_file_mb: Positive = Field(5000, description="maximum size of a file (MB)")
    max_source_gb: Positive = Field(200, description="maximum size of all files of a source (GB)")
    timeout_s: Annotated[float, Field(gt=0.0)] = Field(30.0, description="give up on a host that is silent so long (s)")
    retries: Count = Field(4, description="further attempts after a temporary failure")
    limit: Count | None = Field(None, description="maximum number of images per source; empty = all")
    options: dict[str, dict[str, str]] = Field({}, description="options of single sources: source -> option -> value")


class IngestParams(Options):
    """Decoding into the pool."""

    long_side: Annotated[int, Field(ge=64, le=4096)] = Field(
        1024, description="maximum long side of pool pictures (px)"
    )
    min_side: Positive = Field(64, description="exclude images with a shorter side than this (px)")
    max_aspect: Annotated[float, Field(ge=1.0)] = Field(5.0, description="exclude narrower images (long / short side)")
    max_megapixels: Positive = Field(100, description="refuse larger images before decoding")
    max_file_mb: Positive = Field(200, description="refuse larger files (MB)")
    shard_rows: Positive = Field(500, description="rows per pool shard")


class DedupeParams(Options):
    """Finding films that show the same exposure."""

    phash_distance: Annotated[int, Field(ge=0, le=32)] = Field(
        6, description="maximum number of differing pHash bits of a candidate pair"
    )
    dhash_distance: Annotated[int, Field(ge=0, le=32)] = Field(
        4, description="maximum number of differing dHash bits of a candidate pair"
    )
    similarity: Share = Field(0.74, description="proof: minimum median correlation of fine detail after alignment")
    overlap: Share = Field(0.15, description="proof: minimum share of the smaller film that the overlap covers")


class ViewsParams(Options):
    """Which views are kept."""

    keep: tuple[Literal["PA", "AP", "AP_SUPINE", "L", "CT", "OTHER", "unknown"], ...] = Field(
        ("PA", "AP", "AP_SUPINE", "unknown"), description="views to keep; unknown = looks frontal, projection not known"
    )
    frontal_score: Share = Field(0.75, description="minimum probability to accept a picture as frontal")
    review_score: Share = Field(
        0.9,
        description="probability from which the picture can dispute the source's view; below it, a view that only the "
        "picture gives is marked for review",
    )


Definition = Literal["visible", "whole"]  # of a lung: without or with the part behind the heart


class SegmentParams(Options):
    """Finding the lungs. Dilation and margin are pixels of a film of 320 x 320 px, the paper's input."""

    network: str = Field("shipped", description="shipped, or an ONNX file that `cxnet-data train-lungs` wrote")
    definition: Definition = Field(
        "whole", description="what counts as lung: without (visible) or with (whole) the part behind the heart"
    )
    dilation: Positive = Field(5, description="side of the square that dilates the mask (px)")
    iterations: Count = Field(3, description="how often the mask is dilated")
    margin: Count = Field(10, description="margin around the dilated mask (px)")
    min_share: Share = Field(0.05, description="smallest plausible share of the film that lungs cover")
    max_share: Share = Field(0.8, description="largest plausible share")
    least_quality: Share = Field(0.85, description="below this quality of the mask, the whole film is used")
    min_quality: Share = Field(0.9, description="below this quality, a mask is marked for review")

    @model_validator(mode="after")
    def _check_range(self) -> "SegmentParams":
        if self.min_share >= self.max_share:
            raise ValueError(f"min_share {self.min_share} is not below max_share {self.max_share}; lower it")
        return self


class LungsParams(Options):
    """Training a lung network on the masks that sources publish (`cxnet-data train-lungs`)."""

    network: Literal["unet", "lung_net"] = Field("unet", description="the paper's U-Net, or the small network")
    definition: Definition = Field("visible", description="what the masks of the sources call lung")
    size: Annotated[int, Field(ge=32, le=1024)] = Field(320, description="side of the input (px)")
    filters: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(min_length=1, max_length=6)] = Field(
        (32, 64, 128, 256), description="filters of the encoder, from the top down; the paper's by default"
    )
    epochs: Positive = Field(30, description="passes over the films")
    batch_size: Positive = Field(8, description="films per step")
    learning_rate: Annotated[float, Field(gt=0.0)] = Field(3e-4, description="highest learning rate of Adam")
    held_out: Share = Field(0.2, description="share of the patients that judge the network")
    seed: Count = Field(18, description="seed of weights, order and changes")

    @model_validator(mode="after")
    def _check_size(self) -> "LungsParams":
        step = 2 ** (len(self.filters) + (self.network == "lung_net"))
        if self.size % step:
            raise ValueError(f"size {self.size} is no multiple of {step}, as {len(self.filters)} filters need")
        return self


class HarmoniseParams(Options):
    """Histogram matching by tone curves."""

    sources: SourceNames = Field(("nih",), description="sources whose films are matched")
    reference: Literal["covid_mean", "image"] = Field(
        "covid_mean", description="histogram to match: the mean of covid films, or that of one film"
    )
    reference_image: str | None = Field(None, description="image_id of that one film, if reference is image")


class ManifestParams(Options):
    """Which rows the data set keeps."""

    labels: Annotated[
        tuple[Literal["normal", "cap", "covid", "other", "any"], ...],
        BeforeValidator(_any_as_entry),
        AfterValidator(_any_alone),
    ] = Field(("normal", "cap", "covid"), description="labels to keep; any = all films, also those without a label")
    keep_pediatric: bool = Field(False, description="keep films of children (under 18 years)")
    exclude_flags: tuple[
        Literal[
            "rotated",
            "inverted",
            "mirrored",
            "border",
            "collimated",
            "text",
            "blurred",
            "upscaled",
            "few_levels",
            "display_suspect",
        ],
        ...,
    ] = Field((), description="exclude films with any of these flags")
    shard_rows: Positive = Field(500, description="rows per image shard")

    @property
    def keeps_any_label(self) -> bool:
        """Are films kept whatever their label, also those without one?"""
        return ANY in self.labels


class SplitParams(Options):
    """Train, validation, test and external."""

    seed: Count = Field(18, description="seed of the hash that assigns groups")
    val: Share = Field(0.15, description="share of groups for validation")
    test: Share = Field(0.2, description="share of groups for testing")
    folds: Annotated[int, Field(ge=2, le=20)] = Field(5, description="cross-validation folds over train and val")
    external: SourceNames = Field((), description="sources that are held out completely")
    children: Literal["mixed", "apart"] = Field(
        "mixed",
        description="films of children, if manifest.keep_pediatric keeps them: mixed with the others, or apart, in a "
        "split named pediatric that an experiment has to ask for",
    )

    @model_validator(mode="after")
    def _check_shares(self) -> "SplitParams":
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val} and test {self.test} leave nothing for train; lower one")
        return self


class PrepareParams(Options):
    """From kept films to model inputs."""

    sizes: Annotated[tuple[Size, ...], Field(min_length=1), AfterValidator(without_duplicates)] = Field(
        (320,), description="sides of the square inputs that are made of whole films, besides those of experiments (px)"
    )
    aspect: Literal["stretch", "pad"] = Field(
        "stretch", description="stretch to a square as the paper does, or pad to keep the aspect ratio"
    )
    beasf_gamma: Annotated[float, Field(ge=0.0, le=10.0)] = Field(1.5, description="gamma of BEASF")
    clahe_clip: Annotated[float, Field(gt=0.0)] = Field(2.0, description="clip limit of CLAHE")
    clahe_tiles: Annotated[int, Field(ge=1, le=32)] = Field(8, description="tiles per side of CLAHE")


class ContradictionsParams(Options):
    """Which labels are listed as contradicted."""

    age_years: Annotated[float, Field(ge=0.0)] = Field(
        2.0, description="tolerance for the ages of a patient, after the days between the films are subtracted (years)"
    )
    undated_years: Annotated[float, Field(ge=0.0)] = Field(
        15.0, description="tolerance for the ages of a patient where those days are unknown (years)"
    )
    folds: Annotated[int, Field(ge=2, le=20)] = Field(5, description="folds of the cross-validated classifier")
    seed: Count = Field(18, description="seed of these folds")


class Params(Options):
    """One whole profile."""

    profile: str = Field(description="name of the profile")
    mirror: str | None = Field(None, description="sandbox, a folder in mirror layout, or empty for the live web")
    workers: Count = Field(0, description="number of processes; 0 = one per core")
    sources: SourceNames = Field((), description="sources to use, by name; `cxnet-data sources` lists them")
    folders: tuple[FolderParams, ...] = Field((), description="your own films")
    folder_names: SourceNames = Field((), description="their names, filled in: DVC records these, and no path")
    sandbox: SandboxParams = SandboxParams()
    fetch: FetchParams = FetchParams()
    ingest: IngestParams = IngestParams()
    dedupe: DedupeParams = DedupeParams()
    views: ViewsParams = ViewsParams()
    segment: SegmentParams = SegmentParams()
    lungs: LungsParams = LungsParams()
    harmonise: HarmoniseParams = HarmoniseParams()
    manifest: ManifestParams = ManifestParams()
    split: SplitParams = SplitParams()
    prepare: PrepareParams = PrepareParams()
    contradictions: ContradictionsParams = ContradictionsParams()
    input_names: tuple[str, ...] = Field((), description="all model inputs to prepare, filled in")
    experiments: dict[Name, ExperimentParams] = Field({}, description="name -> experiment")

    @model_validator(mode="after")
    def _name_folders(self) -> "Params":
        self.__dict__["folder_names"] = tuple(folder.name for folder in self.folders)
        return self

    @model_validator(mode="after")
    def _check_children(self) -> "Params":
        are_apart = self.manifest.keep_pediatric and self.split.children == "apart"
        for name, experiment in self.experiments.items():
            chosen = [*experiment.films.values(), *experiment.second_test.values()]
            if any(films.children for films in chosen) and not are_apart:
                raise ValueError(
                    f"experiments.{name} asks for films of children; set manifest.keep_pediatric to true and "
                    "split.children to apart"
                )
        return self

    @model_validator(mode="after")
    def _name_inputs(self) -> "Params":
        wanted = [*map(str, self.prepare.sizes), *(each.inputs for each in self.experiments.values())]
        self.__dict__["input_names"] = tuple(dict.fromkeys(wanted))
        return self

    @property
    def source_names(self) -> tuple[str, ...]:
        """The sources of the profile and its folders, by name."""
        return (*self.sources, *self.folder_names)
