"""Patients and studies from the paths of files, by a pattern in the profile, which is proposed where paths repeat."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from sources.core.text import counted, visible
from sources.own.names import same_form

PROPOSAL_SHARE = 0.8  # of the paths that a proposed pattern fits
LARGEST_SHARE = 0.5  # of the films that one patient has; a larger one is a placeholder, or not a patient
NAMED = 3  # patients that a message names
FEW = 20  # films, below which that is not judged
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_WORD = r"(?i:patient|pat|person|subject|subj|sub|case|pid|pt|p)[-_ ]?"
WORD = "WORD"  # in a proposal: the word that most paths have there
PROPOSALS = (  # the layouts of CheXpert, BIDS (BIMCV), MIMIC; folders of patients; names as of Kermany and NIH
    r"patient(?P<patient_id>\d+)/study(?P<study_id>\d+)",
    r"sub-(?P<patient_id>[^/_]+)/ses-(?P<study_id>[^/_]+)",
    r"p(?P<patient_id>\d{8})/s(?P<study_id>\d{8})",
    rf"(?:^|/){WORD}(?P<patient_id>\d+)/",
    rf"(?:^|/){WORD}(?P<patient_id>\d+)[-_][^/]*$",
    r"(?:^|/)(?P<patient_id>\d{3,})[-_]\d+[^/\d]*$",
    r"(?:^|/)(?P<patient_id>\d+)/[^/]+$",
)


def propose_pattern(places: Sequence[str]) -> str | None:
    """A pattern that fits most paths and gives some patients several films, or None."""
    for general in PROPOSALS:
        proposal = _with_word(general, places)
        if proposal is None:
            continue
        pattern = re.compile(proposal)
        patients = [match["patient_id"] for place in places if (match := pattern.search(place))]
        counts = Counter(patients)
        is_frequent = len(patients) >= PROPOSAL_SHARE * len(places)
        if is_frequent and 1 < len(counts) < len(patients) and max(counts.values()) <= LARGEST_SHARE * len(places):
            return proposal
    return None


def _with_word(general: str, places: Sequence[str]) -> str | None:
    """A proposal with the word that most paths have before the patient; None if none has one."""
    if WORD not in general:
        return general
    pattern = re.compile(general.replace(WORD, f"(?P<word>{_WORD})"))
    words = Counter(match["word"] for place in places if (match := pattern.search(place)))
    return general.replace(WORD, words.most_common(1)[0][0]) if words else None


def patient_warning(patients: Sequence[str | None], places: Sequence[str]) -> str | None:
    """What a person should know about the patients of some films: who is not known, and what is no patient."""
    unknown = sum(patient is None for patient in patients)
    if unknown and len(patients) > 1:
        proposal = propose_pattern(places)
        remedy = (
            f"the paths look as if they name patients: add `patient_from_path: '{proposal}'` to the folder"
            if proposal
            else "name a column for `patient_id`, or give `patient_from_path`, where they are known"
        )
        return f"no patient is stated for {unknown:,} of the {len(patients):,} images that were found; {remedy}."
    counts = Counter(patients)
    (patient, count), *_ = counts.most_common(1) or [(None, 0)]
    if count > max(FEW, LARGEST_SHARE * len(patients)):
        return (
            f"{count:,} of {len(patients):,} films have the patient '{patient}' and will all be in one part of the "
            "split; is this a placeholder?"
        )
    return None


def similar_patients_warning(patients: Sequence[str | None]) -> str | None:
    """What a person should know about patients whose ids differ only in case, leading zeros or blanks."""
    forms: dict[str, list[str]] = defaultdict(list)
    for patient in sorted({patient for patient in patients if patient is not None}):
        forms[_ZEROS.sub("", "".join(same_form(patient).split()))].append(patient)
    similar = [group for group in forms.values() if len(group) > 1]
    if not similar:
        return None
    named = ", ".join(" and ".join(map(repr, map(visible, group[:NAMED]))) for group in similar[:NAMED])
    return (
        f"{counted(sum(map(len, similar)), 'patient')} differ from another only in case, leading zeros or blanks "
        f"({named}{', ...' if len(similar) > NAMED else ''}); they are kept apart; write those alike that are one."
    )


def unique_studies(patients: Sequence[str | None], studies: Sequence[str | None]) -> list[str | None]:
    """The studies; where one number occurs with several patients, each is written ``patient/study``."""
    owners: dict[str, str] = {}
    is_repeated = False
    for patient, study in zip(patients, studies, strict=True):
        if patient is not None and study is not None and owners.setdefault(study, patient) != patient:
            is_repeated = True
            break
    if not is_repeated:
        return list(studies)
    return [
        study if patient is None or study is None else f"{patient}/{study}"
        for patient, study in zip(patients, studies, strict=True)
    ]
