"""Reading a profile (``params.yaml``): every mistake is one sentence with the file, the key and the value."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.core.experiments import ExperimentParams
from pipeline.core.params import Params
from pipeline.profile.extends import EXTENDS, read_profile
from sources.core.errors import UsageError, unknown
from sources.core.source import source_names

MESSAGES = {  # type of a pydantic error -> our words, where pydantic speaks of Python or JSON and not of YAML
    "tuple_type": "input should be a valid list",
    "too_short": "list should have {min_length} or more entries",
    "model_type": "input should be a mapping of options",
    "dict_type": "input should be a mapping",
    "string_type": "input should be text; put it in quotes",
    "bool_type": "input should be true or false",
    "value_error": "{error}",
}


def load_params(path: Path) -> Params:
    """Read and check a profile, with what it takes from the profiles that it extends.

    Raises:
        UsageError: a file is absent or not YAML, or has an unknown key or source, a wrong type, a value out of range
            or values that do not fit together.
    """
    return check_profile(read_profile(path), path)


def check_profile(values: Mapping[str, Any], path: Path) -> Params:
    """The options with these values; ``path`` is where they come from, for the message.

    Raises:
        UsageError: as :func:`load_params`.
    """
    try:  # as JSON, because pydantic then accepts a list for a tuple and is strict about everything else
        params = Params.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise UsageError(f"{path}: {'; '.join(_sentence(entry) for entry in error.errors())}.") from None
    _check_sources(path, params)
    return params


def _check_sources(path: Path, params: Params) -> None:
    """Refuse a source that does not exist, wherever the profile names one."""
    known = [*source_names(), *(folder.name for folder in params.folders)]
    named = {
        "sources": params.sources,
        "harmonise.sources": params.harmonise.sources,
        "split.external": params.split.external,
        "fetch.accept_terms": params.fetch.accept_terms,
        "fetch.options": tuple(params.fetch.options),
    } | {
        f"experiments.{name}.{option}.{label}.sources": films.sources
        for name, experiment in params.experiments.items()
        for option, chosen in (("films", experiment.films), ("second_test", experiment.second_test))
        for label, films in chosen.items()
    }
    for key, names in named.items():
        for name in names:
            if name not in known:
                raise UsageError(f"{path}, {key}: {unknown('source', name, known)}")


def _sentence(entry: ErrorDetails) -> str:
    """One pydantic error as ``<key> is <value>: <what is wrong>``."""
    key = ".".join(str(part) for part in entry["loc"])
    if entry["type"] == "extra_forbidden":
        return f"unknown key '{key}'; expected one of: {', '.join(_siblings(entry['loc']))}"
    if entry["type"] == "missing":
        return f"key '{key}' is missing"
    default = entry["msg"][0].lower() + entry["msg"][1:].replace("{", "{{").replace("}", "}}")
    message = MESSAGES.get(entry["type"], default).format(**entry.get("ctx", {}))
    if isinstance(entry["input"], dict) and entry["type"] == "value_error":  # options that do not fit together
        return f"{key} {message}".strip()
    return f"{key} is {entry['input']!r}: {message}"


def _siblings(location: "tuple[str | int, ...]") -> list[str]:
    """Valid keys beside the one at ``location``."""
    model: type[BaseModel] = Params
    for part in location[:-1]:
        if part in model.model_fields:
            model = _inner(model.model_fields[str(part)].annotation)
    return [*model.model_fields, *([EXTENDS] if model in (Params, ExperimentParams) else [])]


def _inner(annotation: object) -> type[BaseModel]:
    """The options class inside ``tuple[X, ...]``, ``dict[str, X]`` or X."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
    return Params
