"""One encoded film of the sandbox, as its source shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Film:
    """One image file: what its source states about it, and the truth, which the source may not state.

    Attributes:
        film_id: unique in the sandbox.
        exposure_id: shared by the films of one exposure (planted duplicates).
        source: the source that shows it.
        person: the true person, across sources; ``patient_id``: the name that this source uses.
        study_id: the examination, within the source.
        label: true label (normal | cap | covid | other).
        finding: the source's word for the label.
        view: true view (PA | AP | AP_SUPINE | L | CT | OTHER); ``stated_view``: what the source states.
        age: years; ``stated_age`` and ``stated_sex`` are None if the source does not state them.
        offset_days: day relative to admission.
        rt_pcr: positive | negative | None.
        data: the encoded file; ``extension``: the extension of its name, which may be wrong.
        width, height: in pixels; 0 for a file that does not decode.
        duplicate_kind: how it differs from the first film of its exposure; None for the first film.
        lung_mask: a PNG of the film's size with 255 in the lungs and 0 elsewhere, or None.
        defect: what is wrong with the file (truncated | html | empty | wrong_extension | inverted | ...), or None.
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
