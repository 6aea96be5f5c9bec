"""One encoded film of the sandbox's world, as its source shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Film:
    """What the sandbox knows of one image file: what its source may tell, and the truth that it may not.

    Attributes:
        film_id: unique in the world.
        exposure_id: films of one exposure (planted duplicates) share it.
        source: name of the source that shows it.
        person: the true person, across sources; ``patient_id`` is what this source calls that person.
        study_id: examination within the source.
        label: true label (normal | cap | covid | other).
        finding: the source's word for it.
        view: true view (PA | AP | AP_SUPINE | L | CT | OTHER); ``stated_view`` is what the source says, or None.
        age: years; ``stated_age``/``stated_sex`` are None where the source is silent.
        offset_days: day relative to admission.
        rt_pcr: positive | negative | None.
        data: the encoded file; ``extension`` is the one its name carries (it may be wrong).
        width, height: pixels as drawn; 0 for a file that does not decode.
        duplicate_kind: how it differs from the first film of its exposure; None for that first film.
        lung_mask: the lungs as drawn, a PNG of the film's size with 0 and 255; None where there is none.
        defect: None or what is wrong with it (truncated | html | empty | wrong_extension | inverted | ...).
    """

    film_id: str
    exposure_id: str
    source: str
    person: str
    patient_id: str
    study_id: str
    label: str
    finding: str
    view: str
    stated_view: str | None
    age: float
    stated_age: float | None
    sex: str
    stated_sex: str | None
    offset_days: int | None
    rt_pcr: str | None
    data: bytes
    extension: str
    width: int
    height: int
    duplicate_kind: str | None = None
    defect: str | None = None
    lung_mask: bytes | None = None
