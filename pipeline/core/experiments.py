"""The options of an experiment: one model, its films and how it is trained."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.core.architectures import MIN_SIZES
from pipeline.core.options import Count, Options, Positive, SourceNames, without_duplicates
from sources.core.errors import UsageError

FROZEN_AUGMENTATIONS = ("none", "mirror")  # of films that a frozen trunk sees only once
SMALLEST, LARGEST = 32, 1024  # side of any input (px)

Label = Literal["normal", "cap", "covid"]
ModelName = Literal["base", "covid_cxnet", "densenet", "efficientnet_lite", "resnet"]
ScaleName = Literal["unit", "imagenet", "caffe", "xray"]
Region = Literal["film", "concealed", "lungs"]
Protocol = Literal["grouped", "paper", "sources"]
PaperResult = Literal[
    "base_v1", "base_v2", "cxnet_v1", "cxnet_v2", "cxnet_concealed", "multiclass_flat", "multiclass_hierarchical"
]
REGIONS: tuple[Region, ...] = ("film", "concealed", "lungs")
Size = Annotated[int, Field(ge=SMALLEST, le=LARGEST)]


@dataclass(frozen=True)
class Inputs:
    """Which prepared inputs: their side (px) and what they show.

    As text, ``128`` are whole films, and ``128_concealed`` films without text and marks,
    ``128_lungs`` films cropped to their lungs.
    """

    size: int
    region: Region = "film"

    def __str__(self) -> str:
        return str(self.size) if self.region == "film" else f"{self.size}_{self.region}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inputs with this name.

        Raises:
            UsageError: it is no such name, or the size is out of range.
        """
        size, _, region = text.partition("_")
        known = {"" if name == "film" else name: name for name in REGIONS}
        if not size.isdecimal() or region not in known or text.endswith("_") or not SMALLEST <= int(size) <= LARGEST:
            raise UsageError(
                f"'{text}' is no name of model inputs; expected a size of {SMALLEST} to {LARGEST} px, such as 128, "
                "128_concealed or 128_lungs."
            )
        return cls(int(size), known[region])


class FilmsParams(Options):
    """Which films of one class an experiment uses."""

    sources: SourceNames = Field((), description="films of these sources only; empty = all")
    children: bool = Field(False, description="films of children, which `split.children: apart` sets apart")
    most: Positive | None = Field(None, description="maximum number of films, over all splits; empty = all")


class WeightsParams(Options):
    """A file of pretrained weights, here or on the web."""

    path: str | None = Field(None, description="the file")
    url: str | None = Field(None, pattern=r"^https?://[^/]+/", description="its address; sha256 is then needed")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(None, description="hash of the file")
    scale: ScaleName | None = Field(
        None,
        description="pixels that its network expects: [0, 1], ImageNet's, Caffe's or [-1024, 1024]; empty = told "
        "from the file",
    )
    license: str | None = Field(None, description="terms of the weights; empty = told from the file")

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("weights need either a path or a url")
        if self.url is not None and self.sha256 is None:
            raise ValueError("weights from a url need their sha256")
        return self


class GradCamParams(Options):
    """What the Grad-CAM pictures explain."""

    layer: str | None = Field(None, description="layer whose maps are weighted; empty = the last ones that locate")
    label: Label | None = Field(None, description="class to explain; empty = the predicted one of each film")


class LimeParams(Options):
    """LIME pictures; each takes `samples` runs of the network."""

    films: Count = Field(1, description="test films per class that get a LIME picture")
    samples: Positive = Field(1000, description="copies of a film with some superpixels black")
    features: Positive = Field(5, description="superpixels shown that support the class, and that oppose it")


class ExperimentParams(Options):
    """One model and how to train it."""

    model: ModelName = Field(description="architecture; see `cxnet-data models`")
    size: Size = Field(320, description="side of the input (px)")
    region: Region = Field(
        "film",
        description="what the input shows: the film, without text and marks (concealed), or cropped to its lungs",
    )
    inputs: str = Field("", description="name of the inputs in data/arrays/, filled in")
    classes: Annotated[tuple[Label, ...], Field(min_length=2), AfterValidator(without_duplicates)] = Field(
        ("normal", "covid"), description="two or more labels, in index order"
    )
    scheme: Literal["flat", "hierarchical"] = Field(
        "flat", description="hierarchical = first normal or pneumonia, then CAP or COVID-19; for three classes"
    )
    films: dict[str, FilmsParams] = Field({}, description="class -> which of its films; others use all")
    second_test: dict[str, FilmsParams] = Field(
        {}, description="class -> which test films make a second test set, such as adults for a model of children"
    )
    paper: PaperResult | None = Field(
        None, description="result of the paper that `cxnet-data compare` sets beside this one"
    )
    epochs: Positive = Field(10, description="maximum number of epochs")
    batch_size: Positive = Field(16, description="films per step")
    learning_rate: Annotated[float, Field(gt=0.0)] = Field(1e-4, description="learning rate of Adam")
    range_test: bool = Field(False, description="first draw the loss by learning rate, from 1e-7 to 0.1")
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.0, description="label smoothing; 0.1 in the paper's COVID-CXNet"
    )
    class_weights: bool = Field(True, description="weight each class by n / (k n_c)")
    augmentation: Literal["none", "mirror", "modest", "paper"] = Field("modest", description="preset of random changes")
    patience: Count = Field(0, description="stop after so many epochs without a better validation loss; 0 = never")
    weights: str | WeightsParams | None = Field(
        None,
        description="file with weights of the trunk, or its path or url with sha256; efficientnet_lite: imagenet or a "
        "checkpoint; empty = random",
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "float32",
        description="numbers that training computes with; mixed_* is faster on most GPUs. The stored model is float32",
    )
    frozen: bool = Field(
        False, description="train only the head: the trunk runs once per film; augmentation none or mirror"
    )
    batch_norm_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] | None = Field(
        None, description="momentum of the batch statistics; empty = 1 - 8 / steps per epoch, within 0.8 and 0.99"
    )
    threshold: Literal["half", "val"] = Field(
        "half", description="score that counts as the second of two classes: 0.5, or the best one on validation"
    )
    repeats: Positive = Field(1, description="number of trainings, with seeds seed, seed + 1, ...; the first is kept")
    protocols: Annotated[tuple[Protocol, ...], AfterValidator(without_duplicates)] = Field(
        ("grouped",),
        description="divisions of the films to train and test with: grouped (kept), paper (random 80/20, tested on the "
        "films that choose the epoch), sources (each source tested by a model that saw none of it)",
    )
    explained: Count = Field(6, description="test films per class that get a Grad-CAM picture")
    grad_cam: GradCamParams = GradCamParams()
    lime: LimeParams = LimeParams()
    seed: Count = Field(18, description="seed of weights, order and augmentation")

    @model_validator(mode="after")
    def _name_inputs(self) -> Self:
        self.__dict__["inputs"] = str(Inputs(self.size, self.region))
        return self

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        least = MIN_SIZES[self.model]
        if self.size < least:
            raise ValueError(f"size {self.size} is too small for model {self.model}, which needs at least {least} px")
        return self

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        for option, labels in (("films", self.films), ("second_test", self.second_test)):
            for label in labels:
                if label not in self.classes:
                    raise ValueError(
                        f"{option} names {label}, which is not one of the classes ({', '.join(self.classes)})"
                    )
        if self.grad_cam.label not in (None, *self.classes):
            raise ValueError(
                f"grad_cam explains {self.grad_cam.label}, which is not one of the classes ({', '.join(self.classes)})"
            )
        return self

    @model_validator(mode="after")
    def _check_paper(self) -> Self:
        if self.paper is None:
            return self
        many = self.paper.startswith("multiclass")
        if many != (self.classes == ("normal", "cap", "covid")) or (not many and self.classes != ("normal", "covid")):
            wanted = "normal, cap, covid" if many else "normal, covid"
            raise ValueError(
                f"the paper's {self.paper} has the classes {wanted} in this order; change classes or paper"
            )
        if many and self.paper != f"multiclass_{self.scheme}":
            raise ValueError(f"the paper's {self.paper} is not of scheme {self.scheme}; change scheme or paper")
        return self

    @model_validator(mode="after")
    def _refuse_options_without_effect(self) -> Self:
        if self.weights is not None and self.model == "base":
            raise ValueError("weights are not for model base; leave them empty")
        if self.frozen and self.model == "base":
            raise ValueError("model base has no trunk to freeze; set frozen to false")
        if self.frozen and self.augmentation not in FROZEN_AUGMENTATIONS:
            raise ValueError(
                f"augmentation {self.augmentation} would need a new run of the frozen trunk for every change; "
                f"set it to {' or '.join(FROZEN_AUGMENTATIONS)}"
            )
        if self.frozen and self.precision != "float32":
            raise ValueError("a frozen trunk runs once per film, in float32; set precision to float32")
        if self.frozen and self.batch_norm_momentum is not None:
            raise ValueError("a frozen trunk keeps its batch statistics; leave batch_norm_momentum empty")
        if self.scheme == "hierarchical" and self.classes != ("normal", "cap", "covid"):
            raise ValueError("scheme hierarchical needs the classes normal, cap, covid in this order")
        if self.scheme == "hierarchical" and self.range_test:
            raise ValueError("range_test is for scheme flat only; set it to false")
        if "grouped" not in self.protocols:
            raise ValueError("protocols needs grouped, which trains the model that is kept; add it")
        if isinstance(self.weights, WeightsParams) and self.model == "efficientnet_lite":
            raise ValueError("weights of efficientnet_lite are imagenet or the path of a checkpoint")
        if self.threshold != "half" and len(self.classes) > 2:
            raise ValueError(f"threshold {self.threshold} is for two classes only; set it to half")
        return self
