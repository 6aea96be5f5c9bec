"""Compare what we show of DICOM films with what dcmtk's ``dcmj2pnm`` shows.

Run: ``python -m benchmarks.dicom [FOLDER...]`` (default: the test films of pydicom). Needs ``dcmj2pnm`` on the path
(Debian: ``apt-get install dcmtk``). Compressed files are decompressed with pydicom first, as dcmtk lacks some decoders.
Known differences are left out: padding, which we show black, is not compared, and a table's depth comes from its
entries, as we do it (``+Mv``). A film without a table or window, or whose window shows nothing, has no display of its
own: each program chooses a range, and the two are compared by correlation.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pydicom.data
from pydicom.pixels import pixel_array
from rich.console import Console
from rich.table import Table

from pipeline.decoding.contract import BadImage
from pipeline.decoding.decode import Decoded
from pipeline.decoding.guarded import decode_guarded
from pipeline.imaging.arrays import Gray

LEVELS = 2  # gray levels by which two displays may differ
ENOUGH = 0.99  # share of the pixels within them
CORRELATED = 0.98  # of films whose range each program chooses
MODALITIES = {"CR", "CT", "DX", "MG", "MR", "NM", "RF", "XA"}  # gray pictures of detectors


@dataclass(frozen=True)
class Comparison:
    """One film.

    Attributes:
        name, modality: of the file.
        display: table | window | range.
        within: share of the pixels within :data:`LEVELS`; None if either program refuses.
        correlation: of the two pictures.
        note: what either program says.
    """

    name: str
    modality: str
    display: str
    within: float | None = None
    correlation: float | None = None
    note: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether the two displays are the same; None if there is nothing to compare."""
        if self.within is None or self.correlation is None:
            return None
        return self.within >= ENOUGH or (self.display == "range" and self.correlation >= CORRELATED)


def main() -> None:
    if shutil.which("dcmj2pnm") is None:
        sys.exit("dcmj2pnm is not on the path; install dcmtk.")
    folders = [Path(name) for name in sys.argv[1:]] or [Path(pydicom.data.__file__).parent / "test_files"]
    rows = list(compare_all(folders))
    table = Table("film", "modality", "display", "within 2 levels", "correlation", "note")
    for row in rows:
        share = "" if row.within is None else f"{row.within:.4f}"
        likeness = "" if row.correlation is None else f"{row.correlation:.4f}"
        table.add_row(row.name, row.modality, row.display, share, likeness, row.note)
    Console(width=160).print(table)
    compared = [row.agrees for row in rows if row.agrees is not None]
    print(f"{sum(compared)} of {len(compared)} films agree ({sum(compared) / max(1, len(compared)):.1%})")


def compare_all(folders: list[Path]) -> Iterator[Comparison]:
    """Every gray film of one frame below the folders."""
    for path in sorted(file for folder in folders for file in folder.rglob("*") if file.is_file()):
        try:
            dataset = pydicom.dcmread(path)
            is_film = dataset.get("Modality") in MODALITIES and "PixelData" in dataset
            if is_film and int(dataset.get("NumberOfFrames") or 1) == 1:
                yield compare(path, dataset)
        except Exception as error:  # pydicom's folder holds broken files on purpose
            if path.suffix == ".dcm":
                yield Comparison(path.name, "", "", note=f"pydicom: {type(error).__name__}")


def compare(path: Path, dataset: pydicom.Dataset) -> Comparison:
    """Both displays of one film."""
    display = "table" if dataset.get("VOILUTSequence") else "window" if "WindowWidth" in dataset else "range"
    row = Comparison(path.name, str(dataset.Modality), display)
    try:
        ours = decode_guarded(path.read_bytes(), max_megapixels=100)
    except BadImage as error:
        return Comparison(row.name, row.modality, display, note=f"ours: {error}")
    if any("window ignored" in warning for warning in ours.warnings):
        display = "range"
    padding = dataset.get("PixelPaddingValue")
    theirs = show_with_dcmtk(dataset, ours, display)
    if isinstance(theirs, str):
        return Comparison(row.name, row.modality, display, note=f"dcmtk: {theirs}")
    is_shown = np.ones(theirs.shape, bool) if padding is None else pixel_array(dataset, raw=True) != padding
    left, right = ours.gray[is_shown].astype(int), theirs[is_shown].astype(int)
    within, correlation = float((np.abs(left - right) <= LEVELS).mean()), float(np.corrcoef(left, right)[0, 1])
    return Comparison(row.name, row.modality, display, within, correlation, "; ".join(ours.warnings))


def show_with_dcmtk(dataset: pydicom.Dataset, ours: Decoded, display: str) -> Gray | str:
    """The picture that dcmj2pnm writes, or what it complains of."""
    option = {"table": ["+Wl", "1", "+Mv"], "window": ["+Wi", "1"], "range": ["+Wm"]}[display]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "film.dcm", Path(folder) / "film.pgm"
        try:
            if dataset.file_meta.TransferSyntaxUID.is_compressed:
                dataset.decompress()
            dataset.save_as(source, enforce_file_format=True)
        except Exception as error:
            return f"{type(error).__name__} of pydicom"
        done = subprocess.run(["dcmj2pnm", "-O", *option, source, target], capture_output=True, text=True)
        picture = cv2.imread(str(target), cv2.IMREAD_GRAYSCALE) if target.exists() else None
    if picture is None or picture.shape != ours.gray.shape:
        return (done.stderr.strip().splitlines() or ["no picture"])[-1]
    return np.asarray(picture, np.uint8)


if __name__ == "__main__":
    main()
