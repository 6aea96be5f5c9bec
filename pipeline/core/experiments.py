"""The options of an experiment: one model, its films and how it is trained."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.core.options import Count, Options, Positive, without_duplicates

MIN_SIZES = {"base": 65, "covid_cxnet": 32, "efficientnet_lite": 32}  # smallest input (px)


class ExperimentParams(Options):
    """One model and how to train it."""

    model: Literal["base", "covid_cxnet", "efficientnet_lite"] = Field(description="architecture")
    size: Annotated[int, Field(ge=32, le=1024)] = Field(320, description="side of the input (px); one of prepare.sizes")
    classes: Annotated[
        tuple[Literal["normal", "cap", "covid"], ...], Field(min_length=2), AfterValidator(without_duplicates)
    ] = Field(("normal", "covid"), description="two or more labels, in index order")
    epochs: Positive = Field(10, description="maximum number of epochs")
    batch_size: Positive = Field(16, description="films per step")
    learning_rate: Annotated[float, Field(gt=0.0)] = Field(1e-4, description="learning rate of Adam")
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.0, description="label smoothing; 0.1 in the paper's COVID-CXNet"
    )
    class_weights: bool = Field(True, description="weight each class by n / (k n_c)")
    augmentation: Literal["none", "modest", "paper"] = Field("modest", description="preset of random changes")
    patience: Count = Field(0, description="stop after so many epochs without a better validation loss; 0 = never")
    weights: str | None = Field(
        None,
        description="covid_cxnet: file with backbone weights (.weights.h5 or .keras); efficientnet_lite: imagenet or a "
        "checkpoint; empty = random",
    )
    batch_norm_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] | None = Field(
        None, description="momentum of the batch statistics; empty = 1 - 8 / steps per epoch, within 0.8 and 0.99"
    )
    threshold: Literal["half", "val"] = Field(
        "half", description="score that counts as the second of two classes: 0.5, or the best one on validation"
    )
    explained: Count = Field(6, description="test films per class that get a Grad-CAM picture")
    seed: Count = Field(18, description="seed of weights, order and augmentation")

    @model_validator(mode="after")
    def _check_size(self) -> "ExperimentParams":
        least = MIN_SIZES[self.model]
        if self.size < least:
            raise ValueError(f"size {self.size} is too small for model {self.model}, which needs at least {least} px")
        return self

    @model_validator(mode="after")
    def _refuse_options_without_effect(self) -> "ExperimentParams":
        if self.weights is not None and self.model == "base":
            raise ValueError("weights are not for model base; leave them empty")
        if self.threshold != "half" and len(self.classes) > 2:
            raise ValueError(f"threshold {self.threshold} is for two classes only; set it to half")
        return self
