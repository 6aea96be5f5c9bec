"""What all readers of image formats share: their result, their errors, and the limits they check before they decode."""

from dataclasses import dataclass

from pipeline.imaging.arrays import Pixels

BYTES_PER_PIXEL = 4  # of the largest allowed picture, decoded: 16-bit gray, 8-bit color with alpha
MAX_MEMORY = 1_000_000_000  # bytes for decoding one file, the file itself included
MAX_EFFORT = 150_000_000  # samples that a worker decodes itself; a helper process, which may be stopped, does the rest


class BadImage(Exception):  # noqa: N818 - it is an outcome of every fetch, not a failure of the program
    """The bytes are not a usable picture; the message becomes the reason of the row."""


class CostlyImage(Exception):  # noqa: N818 - a request, not a failure
    """Decoding may take long, or its decoder may crash: a helper process should do it."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What a reader makes of a file.

    Attributes:
        pixels: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA, as stored: not yet turned, and of any depth.
        bit_depth: bits per sample as received.
        photometric: MONOCHROME1 | MONOCHROME2 | RGB | PALETTE, as received.
        orientation: how to turn the picture, 1 to 8 as in EXIF; 1 is upright.
        is_negative: whether the smallest sample is white.
        is_suspect: whether the reader itself reduced the samples to 8 bits and lost most of the picture.
        subject: what the file says that it shows, if that is no chest film.
        warnings: what was wrong with the file, although the picture could be decoded.
    """

    pixels: Pixels
    bit_depth: int
    photometric: str
    orientation: int = 1
    is_negative: bool = False
    is_suspect: bool = False
    subject: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What one file may cost. Readers check every number of a header here before they decode a pixel.

    Attributes:
        max_megapixels: of one picture.
        has_helper: whether the caller can pass a costly file on to a helper process.
    """

    max_megapixels: float
    has_helper: bool = False

    def check_size(self, width: int, height: int, samples: int = 1, bits: int = 8) -> None:
        """Check the size that a header gives.

        Raises:
            BadImage: there are no pixels, or too many, or they would fill too many bytes.
        """
        if width < 1 or height < 1:
            raise BadImage(f"{width} x {height} pixels according to the header")
        if width * height > self.max_megapixels * 1e6:
            raise BadImage(f"{width} x {height} pixels, more than {self.max_megapixels:g} megapixels")
        size = width * height * samples * -(-bits // 8)
        if size > BYTES_PER_PIXEL * self.max_megapixels * 1e6:
            limit = BYTES_PER_PIXEL * self.max_megapixels
            raise BadImage(f"{width} x {height} pixels of {samples} x {bits} bits, more than {limit:g} MB")

    def check_cost(self, memory: float, effort: float, is_fragile: bool = False) -> None:
        """Check what decoding takes.

        Args:
            memory: bytes at the peak, the file itself included.
            effort: samples to decode, counted again for every pass over them.
            is_fragile: whether the decoder is known to crash or to hang on hostile files.

        Raises:
            BadImage: it takes too much memory.
            CostlyImage: a helper process should do it.
        """
        if memory > MAX_MEMORY:
            raise BadImage(f"decoding takes {memory / 1e6:,.0f} MB of memory, more than {MAX_MEMORY / 1e6:,.0f} MB")
        if self.has_helper and (is_fragile or effort > MAX_EFFORT):
            raise CostlyImage


def check_installed(module: object, what: str, package: str) -> None:
    """Check that an optional decoder is there.

    Raises:
        BadImage: it is not; the message names the package.
    """
    if module is None:
        raise BadImage(f"{what}, for which no decoder is installed: pip install {package}")
