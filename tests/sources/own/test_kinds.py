"""Which files of a folder may be films."""

import gzip

import pytest

from pipeline.decoding.decode import READERS
from sources.core.formats import EXTENSIONS, IMAGE_FORMATS
from sources.own.kinds import Kind, kind_by_name, kind_of, stem_of

DICOM = bytes(128) + b"DICM"


def never():
    raise AssertionError("the name decides")


def test_every_format_that_is_decoded_has_extensions():
    assert READERS.keys() == EXTENSIONS.keys() - {"JPEG XL"}
    assert all(known.extension in EXTENSIONS[known.name] for known in IMAGE_FORMATS)


@pytest.mark.parametrize("extension", [each for extensions in EXTENSIONS.values() for each in extensions])
def test_a_film_is_known_by_any_extension_also_compressed(extension):
    for name in (f"a.b.{extension}", f"A.B.{extension.upper()}", f"a.b.{extension}.gz"):
        assert kind_of(name, never) == Kind.IMAGE
        assert stem_of(name).lower() == "a.b"


@pytest.mark.parametrize("name", ["IM0001", "1.2.840.113619", "film.gz", "film.weird"])
def test_a_name_that_says_nothing_leaves_it_to_the_bytes(name):
    assert kind_by_name(name) is None
    assert kind_of(name, lambda: DICOM) == kind_of(name, lambda: gzip.compress(DICOM)) == Kind.IMAGE
    assert kind_of(name, lambda: b"no picture") == kind_of(name, lambda: gzip.compress(b"none")) == Kind.OTHER
