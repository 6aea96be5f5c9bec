"""A whole profile as commented YAML: every option with its value, and what it means. The text can be saved and used."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.core.params import Params
from pipeline.profile.plain_yaml import scalar

WIDTH = 120
INDENT = "  "


def profile_text(params: Params) -> str:
    """The profile with all its options and their descriptions, in the order of :class:`Params`.

    Reading the text gives equal options.
    """
    lines: list[str] = []
    for name, field in Params.model_fields.items():
        value = getattr(params, name)
        if isinstance(value, BaseModel) or name in ("folders", "experiments"):
            lines.append("")
        lines.extend(_option(name, value, field, ""))
    return "\n".join(lines) + "\n"


def bare_text(params: Params) -> str:
    """The same without descriptions, for programs."""
    return "\n".join(mapping_lines(params.model_dump(mode="json"))) + "\n"


def mapping_lines(values: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The lines of a mapping of plain values: text, numbers, truth values, null, and lists and mappings of them."""
    for key, value in values.items():
        name = scalar(key)
        if isinstance(value, Mapping) and value and not _fits(indent, name, value):
            yield f"{indent}{name}:"
            yield from mapping_lines(value, indent + INDENT)
        elif isinstance(value, list | tuple) and value and not _fits(indent, name, value):
            yield f"{indent}{name}:"
            for entry in value:
                yield from _entry(entry, indent + INDENT)
        else:
            yield f"{indent}{name}: {flow(value)}"


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def _option(name: str, value: Any, field: FieldInfo | None, indent: str) -> Iterator[str]:
    """The lines of one option, with its description where ``field`` has one."""
    description = field.description if field is not None else None
    if isinstance(value, BaseModel):
        yield f"{indent}{scalar(name)}:"
        yield from _group(value, indent + INDENT, with_comments=True)
        return
    if name == "experiments" and value:
        yield f"{indent}{name}:  # {description}"
        for place, (experiment, options) in enumerate(value.items()):
            yield f"{indent}{INDENT}{scalar(experiment)}:"
            yield from _group(options, indent + 2 * INDENT, with_comments=place == 0)
        return
    if name == "folders" and value:
        yield f"{indent}{name}:  # {description}"
        for place, folder in enumerate(value):
            lines = list(_group(folder, indent + 2 * INDENT, with_comments=place == 0))
            first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
            lines[first] = f"{indent}{INDENT}- {lines[first].lstrip()}"
            yield from lines
        return
    yield from _with_comment(list(mapping_lines({name: _plain(value)}, indent)), description, indent)


def _plain(value: Any) -> Any:
    """A mapping of groups of options, such as the films of each class, as one of plain values."""
    if not isinstance(value, Mapping):
        return value
    return {key: each.model_dump(mode="json") if isinstance(each, BaseModel) else each for key, each in value.items()}


def _group(options: BaseModel, indent: str, with_comments: bool) -> Iterator[str]:
    for name, field in type(options).model_fields.items():
        yield from _option(name, getattr(options, name), field if with_comments else None, indent)


def _with_comment(lines: list[str], description: str | None, indent: str) -> Iterator[str]:
    """The description behind the first line where it fits there, else above it."""
    if not description:
        yield from lines
        return
    if len(lines[0]) + len(description) + 4 <= WIDTH:
        yield f"{lines[0]}  # {description}"
    else:
        yield from wrap(description, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        yield lines[0]
    yield from lines[1:]


def _fits(indent: str, name: str, value: Any) -> bool:
    """Does a list or mapping fit on the line of its key? A mapping in a mapping always gets lines of its own."""
    if isinstance(value, Mapping) and any(isinstance(entry, Mapping) for entry in value.values()):
        return False
    return len(f"{indent}{name}: {flow(value)}") <= WIDTH


def _entry(entry: Any, indent: str) -> Iterator[str]:
    """One entry of a list that has a line for each."""
    if not isinstance(entry, Mapping) or not entry:
        yield f"{indent}- {flow(entry)}"
        return
    lines = list(mapping_lines(entry, indent + INDENT))
    yield f"{indent}- {lines[0].lstrip()}"
    yield from lines[1:]
