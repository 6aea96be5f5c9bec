from pathlib import Path

import pytest

from pipeline.params import load_params
from sources.errors import UsageError


def profile(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_shipped_profile_loads():
    for path in sorted(Path(__file__).parents[2].glob("profiles/*.yaml")):
        assert load_params(path).profile == path.stem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profile: x\ndedup: {}", "unknown key 'dedup'; expected one of: profile, mirror"),
        ("profile: x\ndedupe: {nearness: 3}", "unknown key 'dedupe.nearness'; expected one of: phash_distance"),
        ("profile: x\nsplit: {val: many}", "split.val is 'many': input should be a valid number"),
        ("profile: x\nsplit: {val: 1.5}", "split.val is 1.5: input should be less than or equal to 1"),
        ("mirror: sandbox", "key 'profile' is missing"),
        ("- a\n- b", "must hold a mapping of options, found list"),
        ("a: [", "is not readable YAML"),
    ],
)
def test_a_bad_profile_is_one_sentence_that_names_file_key_and_value(tmp_path, text, said):
    with pytest.raises(UsageError) as caught:
        load_params(profile(tmp_path, text))
    assert said in str(caught.value)
    assert "params.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
