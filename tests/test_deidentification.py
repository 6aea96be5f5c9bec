"""Nothing that identifies a patient leaves a file: no tag of DICOM, no text of JPEG, PNG, TIFF or GIF."""

import base64
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pydicom
import pytest
from phantoms import film
from PIL import Image, PngImagePlugin
from project import Project
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from pipeline.decoding.dicom import PIXEL_KEYWORDS

MARK = "ZQXJKVW"  # stands nowhere in a clean output
DIGITS = "7319824650317"
DAY, TIME = "17310824", "073158.246503"
WORDS = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
BYTES = {"OB", "OW", "UN", "OD", "OF", "OL", "OV"}
NUMBERS = {
    "UI": f"1.2.{DIGITS}",
    "AS": "073Y",
    "DS": DIGITS,
    "IS": "731982465",
    "DA": DAY,
    "TM": TIME,
}
NEEDED = [keyword for keyword in PIXEL_KEYWORDS if not keyword.endswith("GroupsSequence")]  # for decoding
UNFILLED = ("", "SOPClassUID", "SpecificCharacterSet", *NEEDED)
OTHER_GROUPS = (0x0000, 0x0002, 0x7FE0)  # commands, the file's own header, pixels
OVERLAY = 0x6000  # a group that the dictionary holds once for all overlays
# Attributes of the Basic Application Level Confidentiality Profile (PS3.15, table E.1-1) that tell most of a patient:
# https://dicom.nema.org/medical/dicom/current/output/chtml/part15/chapter_e.html
PROFILE = " ".join(
    (
        "AccessionNumber AcquisitionComments AcquisitionDate AcquisitionDateTime AcquisitionTime",
        "ActualHumanPerformersSequence AdditionalPatientHistory AdmissionID AdmittingDate",
        "AdmittingDiagnosesDescription Allergies BranchOfService CassetteID",
        "CommentsOnThePerformedProcedureStep ConfidentialityConstraintOnPatientDataDescription",
        "ContentCreatorName ContentDate ContentTime ContrastBolusAgent CountryOfResidence",
        "CurrentPatientLocation DerivationDescription DetectorID DeviceSerialNumber DeviceUID",
        "DischargeDiagnosisDescription EthnicGroup FrameComments FrameOfReferenceUID GantryID",
        "HumanPerformerName HumanPerformerOrganization IdentifyingComments ImageComments InstanceCreatorUID",
        "InstitutionAddress InstitutionCodeSequence InstitutionName InstitutionalDepartmentName",
        "InsurancePlanIdentification InterpretationAuthor InterpretationRecorder IssuerOfPatientID",
        "LastMenstrualDate MedicalAlerts MedicalRecordLocator MilitaryRank NameOfPhysiciansReadingStudy",
        "NamesOfIntendedRecipientsOfResults Occupation OperatorsName OrderEnteredBy OrderEntererLocation",
        "OtherPatientIDs OtherPatientNames PatientAddress PatientAge PatientBirthDate PatientBirthName",
        "PatientBirthTime PatientComments PatientID PatientInstitutionResidence PatientMotherBirthName",
        "PatientName PatientReligiousPreference PatientSex PatientSize PatientState PatientTelephoneNumbers",
        "PatientTransportArrangements PatientWeight PerformedLocation PerformedStationName",
        "PerformingPhysicianName PersonAddress PersonName PersonTelephoneNumbers PhysiciansOfRecord PlateID",
        "ProtocolName ReasonForStudy ReferringPhysicianAddress ReferringPhysicianName",
        "ReferringPhysicianTelephoneNumbers RegionOfResidence RequestAttributesSequence",
        "RequestedProcedureComments RequestingPhysician RequestingService ResponsibleOrganization",
        "ResponsiblePerson ScheduledPerformingPhysicianName SeriesDate SeriesDescription SeriesInstanceUID",
        "SeriesTime ServiceEpisodeDescription SOPInstanceUID SpecialNeeds StationName StudyComments StudyDate",
        "StudyDescription StudyID StudyInstanceUID StudyTime TextComments TextString TimezoneOffsetFromUTC",
        "TopicAuthor TopicTitle VerifyingObserverName VerifyingOrganization VisitComments",
    )
).split(" ")


def identified() -> bytes:
    """A DICOM film with the mark in every attribute of the standard, in private ones and the preamble."""
    data = plain_dicom()
    for tag in pydicom.datadict.DicomDictionary:
        if tag >> 16 not in OTHER_GROUPS and tag & 0xFFFF and keyword_for_tag(tag) not in UNFILLED:
            fill(data, tag)
    data.PatientSpeciesDescription = f"Human {MARK}"  # an unknown word alone says that it is an animal
    for element in (0x0022, 0x1500):  # description and label of an overlay
        data.add_new((OVERLAY, element), "LO", MARK)
    data.add_new((OVERLAY, 0x4000), "LT", MARK)
    block = data.private_block(0x0009, f"{MARK} MAKER", create=True)
    block.add_new(0x01, "LO", MARK)
    block.add_new(0x02, "UN", MARK.encode())
    block.add_new(0x03, "SQ", nested(4))
    data.file_meta.SourceApplicationEntityTitle = MARK
    data.file_meta.ImplementationVersionName = MARK
    file = io.BytesIO()
    data.preamble = (MARK * 20).encode()[:128]
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def nested(depth: int) -> Sequence:
    """Sequences within sequences, the mark at the bottom and a private mark beside every one."""
    inner = Dataset()
    inner.private_block(0x0011, f"{MARK} MAKER", create=True).add_new(0x01, "LO", MARK)
    inner.PatientName = MARK
    if depth:
        inner.ReferencedStudySequence = nested(depth - 1)
    return Sequence([inner])


def fill(data: Dataset, tag: int) -> None:
    """Put the mark into one attribute, in the form that its value representation allows."""
    vr = dictionary_VR(tag).split(" or ")[0]
    if vr in WORDS:
        data.add_new(tag, vr, MARK if vr != "AE" else MARK[:16])
    elif vr in BYTES:
        data.add_new(tag, vr, (MARK + " ").encode() * 2)
    elif vr in NUMBERS:
        value = NUMBERS[vr]
        data.add_new(tag, vr, value if dictionary_VM(tag).startswith("1") else [value] * 2)
    elif vr == "DT":
        data.add_new(tag, vr, f"{DAY}{TIME}")
    elif vr == "SQ":
        data.add_new(tag, vr, nested(0))


def plain_dicom() -> Dataset:
    picture = film(31)
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = f"1.2.{DIGITS}"
    data.Rows, data.Columns = picture.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = picture.tobytes()
    return data


def jpeg_with_everything() -> bytes:
    picture = Image.fromarray(film(32))
    exif = Image.Exif()
    for tag in (0x010E, 0x010F, 0x013B, 0x8298, 0x9C9B, 0x9C9D):
        exif[tag] = MARK
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + MARK.encode()
    exif.get_ifd(0x8825)[0x001D] = MARK
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, exif=exif, comment=MARK, icc_profile=(MARK * 40).encode(), xmp=MARK.encode())
    return file.getvalue()


def png_with_everything() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", MARK)
    info.add_text("Patient", MARK, zip=True)
    info.add_itxt("XML:com.adobe.xmp", MARK)
    exif = Image.Exif()
    exif[0x010E] = MARK
    file = io.BytesIO()
    Image.fromarray(film(33)).save(file, "PNG", pnginfo=info, exif=exif)
    return file.getvalue()


def saved_with(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(film(34 + len(kind))).save(file, kind, **options)
    return file.getvalue()


def damaged_dicom() -> bytes:
    whole = identified()
    return whole[: len(whole) - 100_000]


FILES = {
    "a.dcm": identified,
    "b.jpg": jpeg_with_everything,
    "c.png": png_with_everything,
    "d.tif": lambda: saved_with("TIFF", description=MARK, software=MARK),
    "e.gif": lambda: saved_with("GIF", comment=MARK),
    "f.dcm": damaged_dicom,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    project = Project(tmp_path_factory.mktemp("clinic"))
    for place, (name, made) in enumerate(FILES.items()):
        project.add(name, made(), "covid" if place % 2 else "normal")
    project.rows = project.build()
    for command in (("prepare", "96"), ("contradictions",), ("conceal",), ("report",), ("show",)):
        project.run(*command)
    return project


def test_every_attribute_of_the_profile_carries_the_mark():
    data = pydicom.dcmread(io.BytesIO(identified()))
    absent = [name for name in PROFILE if name not in data]
    assert absent == []
    assert len(data) > 2000
    assert str(data.PatientName) == MARK and data.PatientBirthDate == DAY
    assert data.RequestAttributesSequence[0].PatientName == MARK
    assert data[OVERLAY, 0x1500].value == data.WindowCenterWidthExplanation == MARK


@pytest.mark.parametrize("name", FILES)
def test_every_file_carries_the_mark_before(name):
    assert any(form in everything(FILES[name]()) for form in forms())


def test_the_films_are_rows_all_the_same(project):
    assert project.rows["status"].tolist() == ["kept"] * 5 + ["excluded"]
    assert "DICOM" in project.rows.loc["f.dcm", "reason"]


def test_the_mark_is_in_no_output_and_in_nothing_that_was_said(project):
    seen = [path for path in outputs(project.root) if path.is_file()]
    assert len(seen) > 12
    for path in seen:
        found = [form for form in forms() if form in everything(path.read_bytes(), path)]
        assert not found, f"{path} holds {found}"
    assert not any(form.decode("latin-1") in project.output for form in forms())


def outputs(root: Path) -> Iterator[Path]:
    """All that the stages wrote, but for the films as they were received."""
    for folder in ("data", "reports", "models", ".dvc"):
        for path in (root / folder).rglob("*"):
            if "files" not in path.relative_to(root).parts:
                yield path


def forms() -> list[bytes]:
    """The mark as any table, log or page may hold it."""
    texts = [MARK, DIGITS, DAY, TIME]
    plain = [text.encode(coding) for text in texts for coding in ("ascii", "utf-16-le", "utf-16-be")]
    return [*plain, *(base64.b64encode(text.encode())[:-4] for text in (MARK * 3,))]


def everything(data: bytes, path: Path | None = None) -> bytes:
    """The bytes, with what is packed in Parquet and in chunks of PNG unpacked."""
    if path is not None and path.suffix == ".parquet":
        table = pq.read_table(str(path))
        cells = b"\n".join(unpacked(value) for column in table.columns for value in column.to_pylist())
        return cells + str(table.schema.metadata).encode() + str(table.schema).encode()
    return data + (unzipped(data) if data.startswith(b"\x89PNG") else b"")


def unpacked(value: object) -> bytes:
    if isinstance(value, dict):
        return b"\n".join(unpacked(entry) for entry in value.values())
    return everything(value) if isinstance(value, bytes) else str(value).encode()


def unzipped(png: bytes) -> bytes:
    """The compressed texts of a PNG."""
    start = png.find(b"zTXt")
    if start < 0:
        return b""
    body = png[start + 4 : start + 4 + int.from_bytes(png[start - 4 : start], "big")]
    return zlib.decompress(body[body.index(b"\0") + 2 :])


def test_pixels_are_what_is_left(project):
    shard = pq.read_table(str(project.root / "data" / "pool" / "pool-00000.parquet")).to_pylist()
    pictures = {row["item_id"]: row["image"]["bytes"] for row in shard if row["image"] and row["image"]["bytes"]}
    assert sorted(pictures) == sorted(FILES)[:5]
    chunks = {kind for png in pictures.values() for kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf") if kind in png}
    assert chunks == set()
    gray = cv2.imdecode(np.frombuffer(pictures["a.dcm"], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.corrcoef(gray.ravel(), film(31).ravel())[0, 1] > 0.999
