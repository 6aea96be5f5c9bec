"""CheXNet: DenseNet-121 with one sigmoid for each of NIH's 14 findings (Rajpurkar et al. 2017; paper, section 4).

It is asked, never trained here. (The paper's probe put a softmax on weights trained with sigmoids, and left out
ImageNet's normalization; its "extremely high Infiltration" is at least partly that.)
"""

import keras
from keras import layers

from training.models.backbones import densenet_trunk
from training.pretrained.converted import Pretrained
from training.pretrained.read import HEAD

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)


def chexnet(size: int = 224, pretrained: Pretrained | None = None) -> keras.Model:
    """Images float32 (N, size, size, 3) in [0, 1] to the probability of each of :data:`FINDINGS`, (N, 14).

    ImageNet's normalization is the first layer. 7,051,854 parameters.

    Args:
        size: side of the images (px), at least 32; the published weights were trained at 224.
        pretrained: weights of the trunk and of the 14 outputs; None for random weights.

    Raises:
        CxnetError: the weights do not fit the network, or have no 14 outputs.
    """
    trunk = densenet_trunk(size, scale="imagenet" if pretrained is None else pretrained.origin.scale)
    features = layers.GlobalAveragePooling2D(name="pool")(trunk.output)
    findings = layers.Dense(len(FINDINGS), activation="sigmoid", name=HEAD)(features)
    model = keras.Model(trunk.input, findings, name="chexnet")
    if pretrained is not None:
        pretrained.load_into(model)
    return model
