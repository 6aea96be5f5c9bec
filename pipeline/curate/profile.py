"""The profile of a curation: written for a person, who may edit it and run the curation again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.own_folder import FolderParams
from pipeline.core.params import Params
from pipeline.curate.look import FolderLook, TableLook, place_of
from pipeline.profile.load import load_params
from pipeline.profile.plain_yaml import scalar
from sources.core.errors import UsageError
from sources.core.source import source_names
from sources.core.text import counted

WORDS_LISTED = 30  # of those that stand for no label
LABELS = "normal, cap, covid or other"


@dataclass(frozen=True)
class NamedFolder:
    """A folder of films under the name that it has as a source."""

    name: str
    look: FolderLook


def name_folders(looks: Sequence[FolderLook], name: str | None) -> list[NamedFolder]:
    """Give every folder a name: ``name`` for a single one, else the folder's own, made to differ."""
    named: list[NamedFolder] = []
    taken = set(source_names())
    for look in looks:
        parts = [part for part in look.path.rstrip("/").split("/") if part]
        proposals = [slug(name)] if name and len(looks) == 1 else [slug(parts[-1]), slug("_".join(parts[-2:]))]
        proposals += [f"{proposals[-1]}_{number}" for number in range(2, len(looks) + 3)]
        chosen = next(proposal for proposal in proposals if proposal not in taken)
        taken.add(chosen)
        named.append(NamedFolder(chosen, look))
    return named


def slug(name: str) -> str:
    """A name for a source: lower case letters, digits and ``_``, with a letter first."""
    plain = "_".join("".join(each if each.isascii() and each.isalnum() else " " for each in name.lower()).split())
    return plain if plain[:1].isalpha() else f"films_{plain}".rstrip("_")


def curation_text(name: str, folders: Sequence[NamedFolder], command: str, again: str) -> str:
    """The profile as text.

    Args:
        name: of the data set.
        folders: its films.
        command: the command that wrote it.
        again: the command that runs it again.
    """
    lines = [
        f"# Written by `{_one_line(command)}`. What the columns mean was guessed: correct it here, then run",
        f"#   {_one_line(again)}",
        "# This file states what differs from the defaults; `cxnet-data profile FILE` prints all options.",
        f"profile: {scalar(name)}",
        "",
        "folders:",
    ]
    for folder in folders:
        lines.extend(_folder_lines(folder))
    lines += [
        "",
        "manifest:",
        "  labels: any  # keep films without a label, too; or a list of " + LABELS,
        "  keep_pediatric: true  # false leaves out films of patients below 18 years",
        "  exclude_flags: []  # leave out films with a quality flag: [mirrored, text, blurred, ...]",
        "",
        "views:",
        "  keep: [PA, AP, AP_SUPINE, unknown]  # frontal films; add L to keep lateral ones",
        "",
        "harmonise: {sources: []}  # folders whose histograms are matched to those of covid films",
        "prepare: {sizes: [64]}  # for the classifier that looks for suspicious labels",
    ]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """A text for a comment, which the end of a line ends; names of folders may hold one."""
    return "\\n".join(text.splitlines())


def check_folders(profile: Path, folders: Sequence[str], table: str | None) -> Params:
    """The options of an earlier curation, which must be one of the same folders and the same table.

    Raises:
        UsageError: the profile is not valid, or of other folders or another table.
    """
    params = load_params(profile)
    known = [folder.path for folder in params.folders]
    if table is not None and place_of(table, folders[0]) not in [folder.table for folder in params.folders]:
        raise UsageError(f"{profile} names another table; correct it there, or delete it to look at the table again.")
    if sorted(known) != sorted(folders):
        raise UsageError(
            f"{profile.parent} holds the curation of other folders ({', '.join(known) or 'none'}); choose another "
            "place with --out, or delete it."
        )
    return params


def _folder_lines(folder: NamedFolder) -> Iterator[str]:
    look = folder.look
    yield f"  - name: {scalar(folder.name)}"
    yield f"    path: {scalar(look.path)}  # {counted(look.images, 'image')}"
    if look.table is not None:
        yield from _table_lines(look.table)
    else:
        yield "    # table: films.csv  # a table in the folder, with"
        yield "    # columns: {item_id: ..., patient_id: ..., label: ...}  # ours: the table's"
    if look.patient_from_path is not None:
        yield "    # the paths seem to name patients; remove the pattern if they do not"
        yield f"    patient_from_path: {scalar(look.patient_from_path)}"
    if look.path_labels is not None:
        yield "    # the paths seem to name labels; remove the pattern if they do not"
        yield f"    label_from_path: {scalar(look.path_labels.pattern)}"
        yield from _word_lines(look.path_labels.labels, look.path_labels.words, "film")
    yield "    licence: null  # of the films, as one word"
    yield "    redistributable: false  # whether others may get copies of the files"


def _table_lines(table: TableLook) -> Iterator[str]:
    guess = table.guess
    yield f"    table: {scalar(table.place)}  # {counted(table.rows, 'row')}"
    yield "    columns:  # ours: the table's"
    for ours, meaning in guess.columns.items():
        yield f"      {ours}: {scalar(meaning.column)}  # {meaning.why}"
    missing = [ours for ours in ("patient_id", "label") if ours not in guess.columns]
    if guess.findings:
        missing.remove("label")
    for ours in missing:
        yield f"      # {ours}: ...  # no column was recognized"
    if table.unused:
        yield f"      # not used: {', '.join(scalar(name) for name in table.unused)}"
    if guess.findings:
        yield "    label_columns:  # called like findings, and answered by yes or no"
        yield from (f"      - {scalar(name)}" for name in guess.findings)
    if guess.has_labels:
        yield from _word_lines(guess.labels, guess.words, "row")


def _word_lines(labels: Mapping[str, str], words: Mapping[str, int], noun: str) -> Iterator[str]:
    """What words stand for, and those that stand for no label, with the number of rows or films that have them."""
    yield f"    labels:{'' if labels else ' {}'}  # their words: {LABELS}"
    for word, label in labels.items():
        yield f"      {scalar(word)}: {label}"
    for word, count in list(words.items())[:WORDS_LISTED]:
        yield f"      # {scalar(word)}: ...  # {counted(count, noun)}; without a label as it stands"
    if len(words) > WORDS_LISTED:
        yield f"      # and {len(words) - WORDS_LISTED:,} further words"


def folders_of(params: Params) -> list[FolderParams]:
    """The folders of a curation's profile.

    Raises:
        UsageError: it names none.
    """
    if not params.folders:
        raise UsageError(f"The profile '{params.profile}' names no folders of films; add them under `folders`.")
    return list(params.folders)
