from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.experiments import LARGEST, REGIONS, SMALLEST, Inputs
from pipeline.profile.load import load_params
from sources.core.errors import UsageError

EXPERIMENT = "profile: x\nexperiments:\n  tiny: "


def profile(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_shipped_profile_loads():
    for path in sorted(Path(__file__).parents[3].glob("profiles/*.yaml")):
        assert load_params(path).profile == path.stem


def test_lists_of_a_profile_become_tuples_so_that_options_are_frozen_and_hashable(tmp_path):
    params = load_params(profile(tmp_path, "profile: x\nprepare: {sizes: [96, 64]}\nviews: {keep: [PA]}"))
    assert (params.prepare.sizes, params.views.keep) == ((96, 64), ("PA",))
    assert len({params.prepare, params.views}) == 2


def test_words_that_yaml_once_took_for_truth_values_are_words(tmp_path):
    text = "folders: [{name: a, path: b, labels: {Yes: covid, No: normal, 1: cap}}]"
    assert load_params(profile(tmp_path, text)).folders[0].labels == {"Yes": "covid", "No": "normal", "1": "cap"}


@pytest.mark.parametrize("written", ["any", "[any]"])
def test_any_label_may_be_written_alone_or_as_a_list(tmp_path, written):
    assert load_params(profile(tmp_path, f"manifest: {{labels: {written}}}")).manifest.keeps_any_label
    assert not load_params(profile(tmp_path, "manifest: {labels: [covid]}")).manifest.keeps_any_label


def test_a_folder_of_the_profile_counts_as_a_source(tmp_path):
    text = "profile: x\nfolders: [{name: mine, path: films}]\nsplit: {external: [mine]}\nharmonise: {sources: [mine]}"
    assert load_params(profile(tmp_path, text)).split.external == ("mine",)


def test_names_of_folders_are_filled_in_whatever_is_written(tmp_path):
    text = "folders: [{name: a, path: x}, {name: b, path: y}]\nfolder_names: [other]"
    assert load_params(profile(tmp_path, text)).folder_names == ("a", "b")
    assert load_params(profile(tmp_path, "sources: [nih]\n")).folder_names == ()


def test_a_pattern_that_finds_no_label_is_refused_with_the_profile(tmp_path):
    text = "folders: [{name: a, path: x, label_from_path: '(?P<word>[^/]+)/'}]"
    with pytest.raises(
        UsageError, match=r"folders\.0\.label_from_path is .*a group \(\?P<label>\.\.\.\), and no other"
    ):
        load_params(profile(tmp_path, text))
    good = profile(tmp_path, text.replace("word", "label"))
    assert load_params(good).folders[0].label_from_path == "(?P<label>[^/]+)/"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("p(", "input should be a regular expression (missing ), unterminated subpattern at position 1)"),
        (r"p(\d+)", "the pattern should have a group (?P<patient_id>...) or (?P<study_id>...), and no other"),
        (r"(?P<patient>\d+)", "the pattern should have a group (?P<patient_id>...)"),
    ],
)
def test_a_pattern_that_finds_no_patient_is_refused_with_the_profile(tmp_path, pattern, message):
    text = f"folders: [{{name: a, path: x, patient_from_path: '{pattern}'}}]"
    with pytest.raises(UsageError) as refused:
        load_params(profile(tmp_path, text))
    assert message in str(refused.value) and "folders.0.patient_from_path is" in str(refused.value)
    good = text.replace(pattern, r"p(?P<patient_id>\d+)")
    assert load_params(profile(tmp_path, good)).folders[0].patient_from_path == r"p(?P<patient_id>\d+)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile: x\ndedup: {}", "unknown key 'dedup'; expected one of: profile, mirror"),
        ("profile: x\ndedupe: {nearness: 3}", "unknown key 'dedupe.nearness'; expected one of: phash_distance"),
        ("profile: x\nsplit: {val: many}", "split.val is 'many': input should be a valid number"),
        ("profile: x\nsplit: {val: 1.5}", "split.val is 1.5: input should be less than or equal to 1"),
        ("profile: x\nsplit: {val: .nan}", "split.val is nan: input should be a finite number"),
        ("profile: x\nsplit: {val: 0.5, test: 0.5}", "split val 0.5 and test 0.5 leave nothing for train"),
        ("profile: x\nprepare: {sizes: 96}", "prepare.sizes is 96: input should be a valid list"),
        ("profile: x\nprepare: {sizes: []}", "prepare.sizes is []: list should have 1 or more entries"),
        ("profile: x\nprepare: {sizes: [96, 96]}", "prepare.sizes is [96, 96]: list should not contain duplicates"),
        (
            "profile: x\nprepare: {clahe_tiles: 100000}",
            "clahe_tiles is 100000: input should be less than or equal to 32",
        ),
        ("profile: x\nsources: [nih, cohen, nih]", "sources is ['nih', 'cohen', 'nih']: list should not contain"),
        ("profile: x\nsources: [hanover]", "sources: Unknown source 'hanover'; expected one of: cohen, cxnet, eurorad"),
        ("profile: x\nharmonise: {sources: [nhi]}", "harmonise.sources: Unknown source 'nhi'; expected one of: cohen"),
        ("profile: x\nsplit: {external: [nhi]}", "split.external: Unknown source 'nhi'; expected one of: cohen"),
        (
            "profile: x\nfetch: {accept_terms: [all]}",
            "fetch.accept_terms: Unknown source 'all'; expected one of: cohen",
        ),
        (
            EXPERIMENT + "{model: base, films: {cap: {most: 3}}}",
            "experiments.tiny films names cap, which is not one of the classes (normal, covid)",
        ),
        (
            EXPERIMENT + "{model: base, films: {normal: {children: true}}}",
            "experiments.tiny asks for films of children; set manifest.keep_pediatric to true and split.children to "
            "apart",
        ),
        (
            EXPERIMENT + "{model: base, films: {normal: {sources: [nhi]}}}",
            "experiments.tiny.films.normal.sources: Unknown source 'nhi'; expected one of: cohen",
        ),
        (EXPERIMENT + "{model: base, classes: [covid]}", "classes is ['covid']: list should have 2 or more entries"),
        (
            EXPERIMENT + "{model: base, classes: [cap, cap]}",
            "classes is ['cap', 'cap']: list should not",
        ),
        (
            EXPERIMENT + "{model: base, classes: [normal, cap, covid], threshold: val}",
            "experiments.tiny threshold val is for two classes only; set it to half",
        ),
        (
            EXPERIMENT + "{model: base, weights: a.keras}",
            "experiments.tiny weights are not for model base; leave them empty",
        ),
        (EXPERIMENT + "{size: 96}", "key 'experiments.tiny.model' is missing"),
        (EXPERIMENT + "{model: base, size: 64}\nprepare: {sizes: [64]}", "size 64 is too small for model base"),
        ("- a\n- b", "must hold a mapping of options, found list"),
        ("a: [", "is not readable YAML"),
        ("2020-06-24: 1", "unknown key '2020-06-24'"),
        ("a: &a [*a]", "line 1: the alias *a is not allowed"),
        ("profile: x\nsplit: {seed: 1, seed: 2}", "line 2: the key 'seed' occurs twice"),
        ("profile: 2020-06-24\nworkers: 2020-06-24", "workers is '2020-06-24': input should be a valid integer"),
        ("profile: x\nmanifest: {labels: [any, covid]}", "any stands alone; remove the other labels or any"),
        ("profile: x\nmanifest: {labels: covid}", "manifest.labels is 'covid': input should be a valid list"),
        ("profile: x\nsplit: 3", "split is 3: input should be a mapping of options"),
        ("profile: x\nsplit: {seed: 1.0}", "split.seed is 1.0: input should be a valid integer"),
        ("profile: x\nsplit: {seed: '1'}", "split.seed is '1': input should be a valid integer"),
        ("profile: x\nmanifest: {keep_pediatric: 'no'}", "keep_pediatric is 'no': input should be true or false"),
        ("profile: x\nmanifest: {keep_pediatric: Yes}", "keep_pediatric is 'Yes': input should be true or false"),
        (
            "profile: x\nfolders: [{name: a, path: b, columns: {age: 3}}]",
            "columns.age is 3: input should be text; put it in quotes",
        ),
        ("profile: x\nviews: {keep: [PA, '{x}']}", "views.keep.1 is '{x}': input should be 'PA', 'AP'"),
        ("profile: x\nfolders: [{name: a, path: ''}]", "folders.0.path is '': text should not be empty"),
        ("profile: x\nfolders: [{name: a, path: b, table: ' '}]", "folders.0.table is ' ': text should not be empty"),
        ("profile: x\nfolders: [{name: A, path: b}]", "folders.0.name is 'A': string should match pattern"),
    ],
)
def test_a_bad_profile_is_one_sentence_that_names_file_key_and_value(tmp_path, text, message):
    with pytest.raises(UsageError) as caught:
        load_params(profile(tmp_path, text))
    assert message in str(caught.value)
    assert "params.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_inputs_are_prepared_for_every_experiment(tmp_path):
    text = EXPERIMENT + "{model: base, size: 80, region: concealed}\nprepare: {sizes: [96]}\ninput_names: [7]"
    with pytest.raises(UsageError, match=r"input_names\.0 is 7: "):
        load_params(profile(tmp_path, text))
    params = load_params(profile(tmp_path, text.replace("[7]", '["7"]')))
    assert params.input_names == ("96", "80_concealed")
    assert params.experiments["tiny"].inputs == "80_concealed"


@given(st.integers(SMALLEST, LARGEST), st.sampled_from(REGIONS))
def test_names_of_inputs_are_read_as_they_are_written(size, region):
    inputs = Inputs(size, region)
    assert Inputs.parse(str(inputs)) == inputs


@pytest.mark.parametrize("name", ["", "x", "31", "1025", "96_", "96_film", "96_bones", "_concealed", "96 ", "²96"])
def test_other_names_of_inputs_are_refused(name):
    with pytest.raises(UsageError, match="no name of model inputs"):
        Inputs.parse(name)
