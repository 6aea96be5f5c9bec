"""The networks that an experiment can train, and those that come trained: facts that need no Keras.

:mod:`training.models` builds them; a test builds each and compares layers and parameters with these figures.
"""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """A network.

    Attributes:
        name: as in ``model`` of an experiment; a network that no experiment trains says so in ``about``.
        about: what it is, and where weights come from.
        section: where the paper describes it; None = it is ours.
        size: side of the paper's input (px), to which ``layers`` and ``parameters`` belong.
        min_size: smallest side of the input (px).
        layers, parameters: size of the network for two classes and random weights, input layer included.
        channels: of the input.
    """

    name: str
    about: str
    section: str | None
    size: int
    min_size: int
    layers: int
    parameters: int
    channels: int = 3

    @property
    def input(self) -> str:
        """Shape of the input, such as ``320 x 320 x 3``."""
        return f"{self.size} x {self.size} x {self.channels}"

    def as_json(self) -> dict[str, Any]:
        """The facts as JSON values."""
        return asdict(self) | {"input": [self.size, self.size, self.channels]}


ARCHITECTURES = (
    Architecture("unet", "U-Net for lung masks (`cxnet-data train-lungs`)", "3", 320, 16, 32, 7_759_521, channels=1),
    Architecture("base", "five strided convolutions, FC 10, FC 10", "4, Fig. 5", 320, 65, 10, 60_035),
    Architecture(
        "densenet", "DenseNet-121 (ImageNet) with a head of two small layers", "4, Fig. 13", 96, 32, 433, 7_047_995
    ),
    Architecture("resnet", "ResNet-50 (ImageNet) with the same head", "4", 96, 32, 181, 23_608_443),
    Architecture(
        "chexnet",
        "DenseNet-121 with CheXNet's 14 findings; only asked, never trained",
        "4, Fig. 14",
        224,
        32,
        430,
        7_051_854,
    ),
    Architecture("covid_cxnet", "COVID-CXNet: DenseNet-121 (CheXNet), FC 10", "4, Fig. 14", 320, 32, 431, 7_047_765),
    Architecture("efficientnet_lite", "EfficientNet-Lite0 (ImageNet)", None, 224, 32, 145, 3_414_305),
)
MIN_SIZES = {each.name: each.min_size for each in ARCHITECTURES}
