"""Find the lungs of a film with a small network, run by OpenCV.

The network is an ONNX file: ``weights/lungs.onnx``, trained by ``training/classifiers/lungs.py`` (training data and
accuracy in docs/lung-model-card.md), or one that ``cxnet-data train-lungs`` wrote. Its input is a film, stretched to a
square, equalized and divided by 255, float32 (N, 1, size, size); its output are probabilities of lung, float32
(N, K, side, side), one map for each definition of a lung. The file states size and definitions itself.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.imaging.arrays import Gray
from sources.core.errors import UsageError

CLIP, TILES = 4.0, 8  # of the contrast-limited adaptive histogram equalization (the paper's AHE)
SHIPPED = "shipped"
FACTS = "cxnet_lungs"  # entry of the file's metadata with LungFacts as JSON
VERSION = 1  # of the input: how equalize works, and how pixels are scaled
MAX_BYTES = 200_000_000
MAX_SIZE = 1024  # px

Maps = npt.NDArray[np.float32]  # probabilities


@dataclass(frozen=True)
class LungFacts:
    """What the file of a lung network states.

    Attributes:
        version: :data:`VERSION`.
        size: side of the input (px).
        definitions: of a lung, one per output: visible (without the part behind the heart) | whole.
    """

    version: int
    size: int
    definitions: tuple[str, ...]

    def to_metadata(self) -> dict[str, str]:
        """As an entry of an ONNX file."""
        return {FACTS: json.dumps(asdict(self), sort_keys=True)}


@dataclass(frozen=True, eq=False)
class LungNetwork:
    """A loaded lung network.

    Attributes:
        net: run by OpenCV.
        facts: of its file.
    """

    net: cv2.dnn.Net
    facts: LungFacts

    def probabilities(self, inputs: Sequence[Gray], definition: str) -> Maps:
        """Probability of lung in each pixel of equalized inputs, float32 (N, size, size).

        Args:
            inputs: (size, size) uint8 each, as :func:`equalize` returns them.
            definition: one of ``facts.definitions``.
        """
        size = self.facts.size
        self.net.setInput(np.stack(inputs)[:, None].astype(np.float32) / np.float32(255))
        maps = self.net.forward()[:, self.facts.definitions.index(definition)]
        return np.stack([cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) for each in maps])


def equalize(film: Gray) -> Gray:
    """Adaptive histogram equalization of an input, (size, size) uint8."""
    return np.asarray(cv2.createCLAHE(CLIP, (TILES, TILES)).apply(film), np.uint8)


def lung_network(place: str, definition: str) -> LungNetwork:
    """Load a lung network; in each process, a file is read once.

    Args:
        place: path of an ONNX file, or ``shipped`` for the one of this package.
        definition: the definition of a lung that will be asked for.

    Raises:
        UsageError: the file is missing, damaged, of another kind or version, or knows another definition only.
    """
    network = _load(place)
    if definition not in network.facts.definitions:
        raise UsageError(
            f"{place} finds lungs by the definition {' and '.join(network.facts.definitions)}, not {definition}; "
            "change segment.definition or segment.network."
        )
    return network


def network_sha256(place: str) -> str:
    """Hash of the file of a lung network, so that models can tell which one their inputs were made with.

    Raises:
        UsageError: the file is missing.
    """
    return hashlib.sha256(_bytes_of(place)).hexdigest()


@cache
def _load(place: str) -> LungNetwork:
    return read_network(_bytes_of(place), place)


def _bytes_of(place: str) -> bytes:
    if place == SHIPPED:
        return files("pipeline.classifiers").joinpath("weights", "lungs.onnx").read_bytes()
    return _read(Path(place))


def read_network(data: bytes, place: str) -> LungNetwork:
    """The network in the bytes of an ONNX file.

    Args:
        data: the file.
        place: its name, for messages.

    Raises:
        UsageError: it is damaged, or of another kind or version.
    """
    facts = _facts(data, place)
    try:
        net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        shape = _answer(net, facts.size).shape
    except cv2.error:
        raise UsageError(f"{place} cannot be run by OpenCV; train it again with `cxnet-data train-lungs`.") from None
    if len(shape) != 4 or shape[1] != len(facts.definitions):
        raise UsageError(f"{place} does not give the masks that it states; train it again.")
    return LungNetwork(net, facts)


def _answer(net: cv2.dnn.Net, size: int) -> Maps:
    net.setInput(np.zeros((1, 1, size, size), np.float32))
    return np.asarray(net.forward(), np.float32)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB; it is no lung network.")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"Cannot read the lung network {path}: {error.strerror or error}; train it with `cxnet-data train-lungs`, "
            f"or set segment.network to {SHIPPED}."
        ) from None


def _facts(data: bytes, place: str) -> LungFacts:
    """What the file states about itself; its weights are checked, too."""
    import onnx  # takes a while
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        model = onnx.load_model_from_string(data)
        stated = {entry.key: entry.value for entry in model.metadata_props}
        facts = json.loads(stated[FACTS])
        found = LungFacts(int(facts["version"]), int(facts["size"]), tuple(map(str, facts["definitions"])))
        weights = [numpy_helper.to_array(weight) for weight in model.graph.initializer]
    except (DecodeError, KeyError, ValueError, TypeError):
        raise UsageError(
            f"{place} is no lung network of this package; write one with `cxnet-data train-lungs`, or set "
            f"segment.network to {SHIPPED}."
        ) from None
    if found.version != VERSION:
        raise UsageError(f"{place} is a lung network of version {found.version}, this version reads {VERSION}.")
    if not 1 <= found.size <= MAX_SIZE or not found.definitions:
        raise UsageError(
            f"{place} states an input of {found.size} px and {len(found.definitions)} outputs; train it again."
        )
    if not all(np.isfinite(weight).all() for weight in weights):
        raise UsageError(f"{place} has weights that are no numbers; train it again.")
    return found
