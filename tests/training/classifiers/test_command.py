"""The command line of the training scripts."""

from pathlib import Path

import pytest

from training.classifiers import command, fineness, upright, views
from training.classifiers.command import parse_arguments


def test_arguments_are_parsed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["views", "runs/mirror", "runs/sandbox", "--truth", "views.csv"])
    arguments = parse_arguments("Train.\n\nMore.", out="weights/views.npz")
    assert arguments.roots == ("runs/mirror", "runs/sandbox")
    assert (arguments.views, arguments.out) == (Path("views.csv"), Path("weights/views.npz"))


def test_only_examples_that_may_be_used_for_training_are_read(monkeypatch):
    class Film:
        def __init__(self, root, may_train):
            self.root, self.may_train = root, may_train

    def read_examples(layout, views, long_side):
        assert (views, long_side) == (None, 256)
        return [Film(layout.root.name, may_train) for may_train in (True, False)]

    monkeypatch.setattr(command, "read_examples", read_examples)
    arguments = command.Arguments(("a", "b"), None, Path("out"))
    assert [(film.root, film.may_train) for film in arguments.examples(256)] == [("a", True), ("b", True)]


@pytest.mark.parametrize("script", [fineness, upright, views])
def test_the_help_starts_with_what_the_script_does(script, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["script", "--help"])
    with pytest.raises(SystemExit):
        script.main()
    assert script.__doc__.splitlines()[0] in " ".join(capsys.readouterr().out.split())
