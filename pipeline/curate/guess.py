"""Guess what the columns of a table mean, by their names and by what is in them.

One column must name the files: the one whose cells name most of them. The others are guessed by their names, if their
cells fit, and some by their cells alone. A guess is a proposal: it is written into a profile that can be edited.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.curate.column import DISTINCT_KEPT, Column
from sources.language.ages import parse_age
from sources.language.labels import label_of
from sources.language.views import parse_view
from sources.language.words import parse_sex

MOST_WORDS = 200  # different words that a column of labels may have, or
WORDS_SHARE = 0.1  # of its cells
MOST_MAPPED = 300  # words of labels that a profile lists
LONGEST_WORD = 200  # characters of one that it lists; longer ones are reports
STUDIES_SHARE = 0.1  # different studies per film: numbers that begin anew for each patient would link patients
FITTING_SHARE = 0.5  # of a column's cells that must fit its name
SURE_SHARE = 0.95  # of a column's cells that must fit if its name says nothing
NAMING_SHARE = 0.5  # of the files, or of the rows, that a column must name

NAMES = {  # our column -> what others call it, without spaces and signs, best first
    "patient_id": (
        *("patientid", "patient", "subjectid", "subject", "pid", "patientnumber", "patientno", "patientname"),
        *("patientkey", "participantid", "participant", "personid", "person", "caseid", "mrn", "idpatient"),
    ),
    "study_id": (
        *("studyid", "study", "studyinstanceuid", "studyuid", "accessionnumber", "accession", "examid", "exam"),
        *("examination", "reportid"),
    ),
    "label": (
        *("label", "labels", "finding", "findings", "findinglabels", "findinglabel", "diagnosis", "class"),
        *("classname", "category", "disease", "pathology", "condition", "target", "type", "result", "status"),
        *("dx", "diag", "diagnose", "befund", "diagnostic", "diagnostico", "diagnosi"),
    ),
    "view": (
        *("view", "viewposition", "viewpos", "projection", "frontallateral", "position", "appa", "pose"),
        *("orientation", "viewcodesequencecodemeaning"),
    ),
    "modality": ("modality", "imagetype", "imagingmodality"),
    "age": ("age", "patientage", "ageyears", "ageyr", "ageatstudy", "ageatimaging", "alter", "eta", "edad"),
    "sex": ("sex", "gender", "patientsex", "patientgender", "geschlecht", "sesso", "sexo"),
    "offset_days": ("offset", "offsetdays", "dayssincesymptoms", "daysfromonset", "day", "days"),
    "rt_pcr": ("rtpcr", "pcr", "rtpcrpositive", "pcrresult", "rtpcrresult", "covidtest"),
    "page_url": ("pageurl", "url", "sourceurl", "link", "website"),
    "licence": ("licence", "license"),
    "attribution": ("attribution", "credit", "credits", "copyright"),
}
FILE_NAMES = (
    "filename",
    "file",
    "imagename",
    "image",
    "imagepath",
    "path",
    "filepath",
    "imageid",
    "imageindex",
    "dicomid",
)
PATIENT_NAME = re.compile(  # PatientNr, Pat-ID, Patienten-ID, Patient's ID, without spaces and signs
    r"(?:id|no|nr)?(?:patient(?:en|s|in)?|pat|pt|subject|participant|person|proband|paciente|paziente)s?"
    r"(?:id|nr|no|num|number|nummer|code|key|identifier|pseudonym)?"
)
CASE_NAME = re.compile(r"(?:case|fall|hospital|hosp|mr|medicalrecord|chart)s?(?:id|nr|no|num|number|nummer)")
ABBREVIATIONS = {"pna": "cap", "cap": "cap", "nl": "normal", "wnl": "normal", "tb": "other", "tbc": "other"}
KNOWN_SHARE = 0.5  # of a column's cells that must be words for a label, if all words are few
FEW_WORDS = 20
NO_FINDING = re.compile(  # in names of columns that are answered by yes or no, and are no findings
    r"device|tube|catheter|pacemaker|portable|intubat|icu|surviv|died|death|pcr|male|sex|smok|frontal|lateral|view",
    re.IGNORECASE,
)
YES, NO = ("yes", "y", "1", "1.0", "true", "positive"), ("no", "n", "0", "0.0", "-1", "-1.0", "false", "negative")


@dataclass(frozen=True)
class Meaning:
    """What a column means: its name in the table, and why it is taken for that."""

    column: str
    why: str


@dataclass(frozen=True)
class Guess:
    """The meaning of a table.

    Attributes:
        columns: our column -> the table's.
        labels: the table's word -> one of our labels.
        words: words of the column of labels that stand for none, with the number of their rows.
        findings: columns that are called like findings and answered by yes or no, if no column holds labels.
    """

    columns: dict[str, Meaning]
    labels: dict[str, str] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    findings: tuple[str, ...] = ()

    @property
    def has_labels(self) -> bool:
        """Whether the table states labels."""
        return bool(self.findings) or "label" in self.columns


def naming_column(columns: Sequence[Column], rows: int, files: int) -> Column | None:
    """The column that names most files; None if no column names half of them, or fills half of its cells with names."""
    needed = NAMING_SHARE * min(rows, files)
    ordered = sorted(columns, key=lambda column: (-len(column.files), _rank(column.name, FILE_NAMES)))
    best = ordered[0] if ordered else None
    return best if best is not None and best.files and len(best.files) >= needed else None


def guess_meaning(columns: Sequence[Column], naming: Column, rows: int, files: int) -> Guess:
    """What the columns of a table mean whose column ``naming`` names the files."""
    reached = f"names {len(naming.files):,} of {files:,} files ({rows:,} rows)"
    meanings = {"item_id": Meaning(naming.name, reached)}
    rest = [column for column in columns if column.filled]
    for ours, names in NAMES.items():
        free = [column for column in rest if column.name not in {meaning.column for meaning in meanings.values()}]
        candidates = free if ours != "patient_id" else rest  # RSNA's `patientId` names the file, too
        if meaning := _by_name(ours, names, candidates) or _by_cells(ours, free):
            meanings[ours] = meaning
    if "label" not in meanings:
        used = {meaning.column for meaning in meanings.values()}
        if findings := _finding_columns([column for column in columns if column.name not in used]):
            return _with_findings(meanings, findings)
        meanings |= _yes_or_no(rest)
    if "label" not in meanings:
        return Guess(meanings)
    word_column = next(column for column in rest if column.name == meanings["label"].column)
    return _with_labels(meanings, word_column)


def _by_name(ours: str, names: Sequence[str], columns: Sequence[Column]) -> Meaning | None:
    """The first column with one of these names whose cells fit."""
    named = [column for column in columns if plain_name(column.name) in names]
    for column in sorted(named, key=lambda each: _rank(each.name, names)):
        if column.share(_fits(ours)) >= FITTING_SHARE and _has_variety_of(ours, column):
            return Meaning(column.name, "by its name")
    if ours == "patient_id":
        return next((Meaning(column.name, "by its name") for column in columns if _is_named_for_patients(column)), None)
    return None


def _is_named_for_patients(column: Column) -> bool:
    """Is a column called like a number of patients? One of cases or of a hospital must also have many values."""
    plain = plain_name(column.name)
    if not column.words or plain in ("pat", "pt"):  # the view is called so, too: posteroanterior, portable
        return False
    has_many = len(column.words) >= min(DISTINCT_KEPT, STUDIES_SHARE * column.filled)
    return PATIENT_NAME.fullmatch(plain) is not None or (CASE_NAME.fullmatch(plain) is not None and has_many)


def _by_cells(ours: str, columns: Sequence[Column]) -> Meaning | None:
    """A column that can mean nothing else, by its cells."""
    if ours not in ("sex", "view", "label"):
        return None
    for column in columns:
        several = 1 < len(column.words) <= MOST_WORDS and column.is_whole
        is_sure = column.share(_fits_surely(ours)) >= SURE_SHARE
        if several and (is_sure or (ours == "label" and _has_known_labels(column))):
            shown = ", ".join(repr(word[:20]) for word, _ in column.words.most_common(3))
            return Meaning(column.name, f"by its cells: {shown}")
    return None


def _has_known_labels(column: Column) -> bool:
    """Are there few words, half of the cells words for a label, and these words for several labels?"""
    labels = {_label_of(word) for word in column.words if is_known_label(word)}
    return len(column.words) <= FEW_WORDS and len(labels) > 1 and column.share(is_known_label) >= KNOWN_SHARE


def is_known_label(word: str) -> bool:
    """Does a word stand for one of the labels that films are sorted by?"""
    return _label_of(word) in ("normal", "covid", "cap")


def known_labels(words: Iterable[str]) -> dict[str, str]:
    """The labels that words stand for, of those that stand for one."""
    return {word: label for word in words if (label := _label_of(word)) is not None}


def _label_of(word: str) -> str | None:
    """The label that a word or an abbreviation stands for."""
    return ABBREVIATIONS.get(word.lower()) or label_of(_spaced(word))


def _has_variety_of(ours: str, column: Column) -> bool:
    """Has a column as many different cells as one of ours has?"""
    if ours == "label":
        return len(column.words) <= max(MOST_WORDS, WORDS_SHARE * column.filled)
    return ours != "study_id" or len(column.words) >= min(DISTINCT_KEPT, STUDIES_SHARE * column.filled)


def _fits(ours: str) -> Callable[[str], bool]:
    """Whether a cell may stand in a column of ours."""
    tests: dict[str, Callable[[str], bool]] = {
        "age": lambda word: parse_age(word) is not None,
        "sex": lambda word: parse_sex(word) is not None,
        "view": lambda word: parse_view(word) != "unknown" or word.lower() == "frontal",
        "offset_days": lambda word: re.fullmatch(r"-?\d+(\.\d+)?", word) is not None,
        "page_url": lambda word: word.lower().startswith(("http://", "https://")),
        "rt_pcr": lambda word: word.lower() in (*YES, *NO, "pos", "neg", "detected", "not detected"),
    }
    return tests.get(ours, bool)


def _fits_surely(ours: str) -> Callable[[str], bool]:
    tests: dict[str, Callable[[str], bool]] = {
        "sex": lambda word: word.lower() in ("m", "f", "male", "female", "man", "woman"),
        "view": lambda word: word.upper() in ("PA", "AP", "LL", "LATERAL", "FRONTAL", "AP SUPINE", "SUPINE"),
        "label": is_known_label,
    }
    return tests[ours]


def _yes_or_no(columns: Sequence[Column]) -> dict[str, Meaning]:
    """A column that is called like a label and answers yes or no (``covid``: 1, 0; CheXpert's ``No Finding``)."""
    for wanted in ("covid", "normal", "cap"):
        for column in columns:
            if label_of(_spaced(column.name)) == wanted and column.share(_is_answer) == 1.0:
                return {"label": Meaning(column.name, "by its name, which is answered by yes or no")}
    return {}


def _finding_columns(columns: Sequence[Column]) -> list[Column]:
    """The columns side by side that are answered by yes or no, if their names stand for two labels or more."""
    runs: list[list[Column]] = [[]]
    for column in columns:
        if column.share(_is_answer) == 1.0:
            runs[-1].append(column)
        elif column.filled:  # a column without cells parts nothing
            runs.append([])
    for run in runs:
        findings = [column for column in run if NO_FINDING.search(column.name) is None]
        if len({_label_of(column.name) for column in findings if is_known_label(column.name)}) > 1:
            return findings
    return []


def _with_findings(meanings: dict[str, Meaning], findings: Sequence[Column]) -> Guess:
    """The labels that the names of findings stand for; the others are kept as findings."""
    known = {column.name: str(_label_of(column.name)) for column in findings if is_known_label(column.name)}
    rows = {column.name: sum(column.words[word] for word in column.words if word.lower() in YES) for column in findings}
    others = {name: count for name, count in rows.items() if name not in known}
    return Guess(meanings, known, others, tuple(column.name for column in findings))


def _with_labels(meanings: dict[str, Meaning], column: Column) -> Guess:
    """The labels that the words of a column stand for, and the words that stand for none."""
    answers = {word: word.lower() for word in column.words}
    if set(answers.values()) <= {*YES, *NO} and (label := label_of(_spaced(column.name))) in ("covid", "normal", "cap"):
        labels = {word: label for word, answer in answers.items() if answer in YES}
    else:
        labels = known_labels(column.words)
    frequent = [(word, count) for word, count in column.words.most_common() if len(word) <= LONGEST_WORD]
    known = {word: str(labels[word]) for word, _ in frequent[:MOST_MAPPED] if word in labels}
    return Guess(meanings, known, {word: count for word, count in frequent if word not in known})


def _is_answer(word: str) -> bool:
    return word.lower() in (*YES, *NO)


def _rank(name: str, names: Sequence[str]) -> int:
    plain = plain_name(name)
    return names.index(plain) if plain in names else len(names)


def plain_name(name: str) -> str:
    """A column's name in lower case, without spaces and signs."""
    return re.sub(r"[\W_]+", "", name.lower())


def _spaced(word: str) -> str:
    """``COVID-19`` as it is, ``No_Finding`` and ``noFinding`` as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word.replace("_", " "))
