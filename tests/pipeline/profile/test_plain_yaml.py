"""YAML by the rules of version 1.2; aliases, depth, tags and doubled keys are refused, and quickly."""

import math
import time

import pytest

from pipeline.profile.plain_yaml import parse, scalar
from sources.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("[0, -3, +4, 1.5, .5, 1., 1e-4, -2E3]", [0, -3, 4, 1.5, 0.5, 1.0, 0.0001, -2000.0]),
        ("[true, False, TRUE, yes, No, on, OFF, y]", [True, False, True, "yes", "No", "on", "OFF", "y"]),
        ("[~, null, Null, NULL]", [None, None, None, None]),
        ("a:", {"a": None}),
        (
            "['1', \"true\", 12:30:00, 2020-06-24, 0x1f, 1_000]",
            ["1", "true", "12:30:00", "2020-06-24", "0x1f", "1_000"],
        ),
        (
            "{Yes: covid, No: normal, 1: a, ~: b, 2020-06-24: c}",
            {"Yes": "covid", "No": "normal", "1": "a", "~": "b", "2020-06-24": "c"},
        ),
        ("a: |\n  x\n  y\nb: >\n  x\n  y\n", {"a": "x\ny\n", "b": "x y\n"}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        ("", None),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_text_is_what_yaml_1_2_takes_it_for(text, value):
    assert parse(text, "p.yaml") == value


def test_infinite_numbers_are_read_and_left_to_the_options_to_refuse():
    assert parse("[.inf, -.Inf]", "p.yaml") == [math.inf, -math.inf]
    assert math.isnan(parse(".nan", "p.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x", "p.yaml, line 2: the alias *x is not allowed; write the value once more."),
        ("a: &x [*x]", "p.yaml, line 1: the alias *x is not allowed"),
        ("&x a: 1\n*x : 2", "p.yaml, line 2: the alias *x is not allowed"),
        ("a: 1\nb: {c: 1}\na: 2", "p.yaml, line 3: the key 'a' occurs twice; remove one."),
        ("? [a, b]\n: c", "p.yaml, line 1: a list or mapping cannot be a key"),
        ("a: !!python/object/apply:os.system [true]", "the tag !!python/object/apply:os.system is not allowed"),
        ("a: !own 3", "the tag !own is not allowed; leave it out"),
        ("[" * 100_000, "more than 20 lists and mappings are nested"),
        ("\n".join("  " * depth + "a:" for depth in range(500)), "more than 20 lists and mappings are nested"),
        ("a: [", "is not readable YAML"),
        ("a: 1\n---\nb: 1", "is not readable YAML"),
        ("a: \x00", "is not readable YAML"),
        ("a: " + "x" * 300_001, "has more than 300,000 characters"),
    ],
)
def test_what_is_refused_is_one_sentence_and_quick(text, message):
    began = time.perf_counter()
    with pytest.raises(UsageError) as caught:
        parse(text, "p.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - began < 5


def test_a_bomb_of_aliases_is_refused_at_once():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    began = time.perf_counter()
    with pytest.raises(UsageError, match="alias"):
        parse("\n".join(lines), "p.yaml")
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -7, 1.0, 1e-05, 1e22, "", "a", "No", "null", "1", "1e-4", "a b"]
)
def test_a_scalar_is_read_as_it_was_written(value):
    assert parse(scalar(value), "p.yaml") == value
