"""DICOM files as tests need them: any attribute, in any notation."""

import io

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)  # every 12-bit value once


def dicom(samples, bits=12, photometric="MONOCHROME2", syntax=ExplicitVRLittleEndian, **attributes) -> bytes:
    """A DICOM file; an attribute of None is left out."""
    data = dataset(samples, bits, photometric, syntax)
    for name, value in attributes.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    return saved(data)


def dataset(samples, bits=12, photometric="MONOCHROME2", syntax=ExplicitVRLittleEndian) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3"
    data.Rows, data.Columns = samples.shape[:2]
    data.SamplesPerPixel = samples.shape[2] if samples.ndim == 3 else 1
    if samples.ndim == 3:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = photometric
    data.BitsAllocated, data.BitsStored, data.HighBit = 8 * samples.dtype.itemsize, bits, bits - 1
    data.PixelRepresentation = int(samples.dtype.kind == "i")
    data.PixelData = samples.astype(samples.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")).tobytes()
    return data


def saved(data: Dataset) -> bytes:
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def compressed(stream: bytes, samples, syntax, **attributes) -> bytes:
    """A DICOM file with a compressed stream of ``samples``."""
    bits = attributes.pop("bits", 8 * samples.dtype.itemsize)
    data = dataset(samples, bits, "RGB" if samples.ndim == 3 else "MONOCHROME2")
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate([stream])
    data["PixelData"].is_undefined_length = True
    for name, value in attributes.items():
        setattr(data, name, value)
    return saved(data)


def raw(data: bytes, keyword: str, text: bytes) -> bytes:
    """A file with the value of an attribute replaced by bytes of the same length, whatever they mean."""
    tag = Tag(keyword)
    start = data.index(tag.group.to_bytes(2, "little") + tag.elem.to_bytes(2, "little"))
    length = int.from_bytes(data[start + 6 : start + 8], "little")
    assert len(text) <= length
    return data[: start + 8] + text.ljust(length) + data[start + 8 + length :]


def table(entries, first=0, bits=16, kind="US", packed=False, count=None) -> Sequence:
    """A sequence with one look-up table."""
    item = Dataset()
    length = len(entries) if count is None else count
    item.add(DataElement(Tag("LUTDescriptor"), kind, [length % 65536, first, bits]))
    content = np.asarray(entries, np.uint8 if packed else np.uint16).tobytes()
    item.add(DataElement(Tag("LUTData"), "OW", content + b"\0" * (len(content) % 2)))
    return Sequence([item])
