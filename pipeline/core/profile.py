"""Reading a profile (``params.yaml``): every mistake is one sentence that names the file, the key and the value."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.core.params import Params
from sources.core.errors import UsageError, unknown
from sources.core.source import registry


def load_params(path: Path) -> Params:
    """Read and check a profile.

    Raises:
        UsageError: the file is absent or not YAML, or has an unknown key or source, a wrong type, a value out of range
            or values that do not fit each other.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{path} does not exist; give a profile with --params, or run from the project's folder."
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); give a profile with --params.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not readable YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold a mapping of options, found {type(values).__name__}.")
    try:
        params = Params.model_validate(_tuples(values))
    except ValidationError as error:
        raise UsageError(f"{path}: {'; '.join(_sentence(entry) for entry in error.errors())}.") from None
    _check_sources(path, params)
    return params


def _check_sources(path: Path, params: Params) -> None:
    """Refuse a source that does not exist, wherever the profile names one."""
    known = [*registry(), *(folder.name for folder in params.folders)]
    named = {
        "sources": params.sources,
        "harmonise.sources": params.harmonise.sources,
        "split.external": params.split.external,
        "fetch.accept_terms": params.fetch.accept_terms,
    }
    for key, names in named.items():
        for name in names:
            if name not in known:
                raise UsageError(f"{path}, {key}: {unknown('source', name, known)}")


def _tuples(value: object) -> object:
    """YAML lists as tuples, so that loaded options are frozen all the way down."""
    if isinstance(value, list):
        return tuple(_tuples(entry) for entry in value)
    if isinstance(value, dict):
        return {key: _tuples(entry) for key, entry in value.items()}
    return value


def _sentence(entry: ErrorDetails) -> str:
    """One pydantic error as ``key: what is wrong, value received``."""
    key = ".".join(str(part) for part in entry["loc"])
    if entry["type"] == "extra_forbidden":
        return f"unknown key '{key}'; expected one of: {', '.join(_siblings(entry['loc']))}"
    if entry["type"] == "missing":
        return f"key '{key}' is missing"
    found = entry["input"]
    if isinstance(found, dict) and entry["type"] == "value_error":  # keys that do not fit each other
        return f"{key} {entry['ctx']['error']}".strip()
    message = str(entry["ctx"]["error"] if entry["type"] == "value_error" else entry["msg"])
    message = (message[0].lower() + message[1:]).replace("tuple", "list").replace(" after validation", "")
    return f"{key} is {list(found) if isinstance(found, tuple) else found!r}: {message}"


def _siblings(location: "tuple[str | int, ...]") -> list[str]:
    """Valid keys beside the one at ``location``."""
    model: type[BaseModel] = Params
    for part in location[:-1]:
        if part in model.model_fields:
            model = _inner(model.model_fields[str(part)].annotation)
    return list(model.model_fields)


def _inner(annotation: object) -> type[BaseModel]:
    """The options class inside ``tuple[X, ...]``, ``dict[str, X]`` or X."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
    return Params
