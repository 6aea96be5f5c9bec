"""How networks that others trained expect their pixels; the scaling becomes the first layer of the network."""

from dataclasses import dataclass

from pipeline.core.experiments import ScaleName

MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet in [0, 1]
CAFFE_MEAN = (103.939, 116.779, 123.68)  # of ImageNet in [0, 255]


@dataclass(frozen=True)
class Scale:
    """Scaling of each channel: factor * x + offset, where x is in [0, 1]."""

    factors: list[float]
    offsets: list[float]


SCALES: dict[ScaleName, Scale | None] = {
    "unit": None,
    "imagenet": Scale([1 / sd for sd in SD], [-mean / sd for mean, sd in zip(MEAN, SD, strict=True)]),
    "caffe": Scale([255.0] * 3, [-mean for mean in CAFFE_MEAN]),
    "xray": Scale([2048.0] * 3, [-1024.0] * 3),  # torchxrayvision: [-1024, 1024]
}
