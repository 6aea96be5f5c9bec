"""YAML as profiles use it: mappings, lists, text, numbers, true, false and null, by the rules of YAML 1.2.

Python's usual reader follows YAML 1.1, where ``Yes`` and ``No`` are truth values, ``1e-4`` is text and ``12:30`` is a
number. DVC reads ``params.yaml`` by YAML 1.2, and so does this module. Keys are always text, as they are written.
Aliases are refused, because a few lines of them can describe gigabytes; so are deep nesting and keys that occur twice.
"""

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sources.core.errors import UsageError

MAX_CHARACTERS = 300_000
MAX_DEPTH = 20
PREFIX = "tag:yaml.org,2002:"

NULL = re.compile(r"~|null|Null|NULL|")
TRUE, FALSE = re.compile(r"true|True|TRUE"), re.compile(r"false|False|FALSE")
INTEGER = re.compile(r"[-+]?[0-9]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
NOT_A_NUMBER = re.compile(r"\.(nan|NaN|NAN)")
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")  # text that every reader of YAML takes for text, but for these words:
WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
MAX_DIGITS = 40


class _Refused(yaml.YAMLError):
    """Something that YAML allows and a profile must not hold."""


def parse(text: str, where: str) -> Any:
    """The value that ``text`` describes; ``where`` is its file, for the message.

    Raises:
        UsageError: it is not YAML, or uses what this module refuses.
    """
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"{where} has more than {MAX_CHARACTERS:,} characters; a profile has a few thousand.")
    try:
        node = _Loader(text).get_single_node()
        return None if node is None else _value(node)
    except _Refused as error:
        raise UsageError(f"{where}, {error}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{where} is not readable YAML: {' '.join(str(error).split())}.") from None


def scalar(value: object) -> str:
    """A text, number, truth value or null as YAML that readers of YAML 1.1 and 1.2 understand alike."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        return text if "." in text or "e" not in text else text.replace("e", ".0e")
    if isinstance(value, int):
        return str(value)
    text = str(value)
    is_plain = PLAIN.fullmatch(text) is not None and text.lower() not in WORDS
    return text if is_plain else '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


class _Loader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer):
    """Text to nodes, without aliases and of bounded depth. All scalars stay as they are written."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(f"line {line}: the alias *{event.anchor} is not allowed; write the value once more")
        if self._depth == MAX_DEPTH:
            raise _Refused(f"line {line}: more than {MAX_DEPTH} lists and mappings are nested")
        self._depth += 1
        node = super().compose_node(parent, index)  # type: ignore[no-untyped-call]
        self._depth -= 1
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """The tag of a node; text that is not in quotes is left to :func:`_scalar_of`."""
        is_plain = kind is ScalarNode and implicit[0]
        return "?" if is_plain else f"{PREFIX}{kind.id}"

    def descend_resolver(self, node: Any, index: Any) -> None:
        """Resolvers by path are a feature of PyYAML that nobody here uses."""

    def ascend_resolver(self) -> None:
        """See :meth:`descend_resolver`."""


def _value(node: Node) -> Any:
    line = node.start_mark.line + 1
    if isinstance(node, SequenceNode) and node.tag == f"{PREFIX}sequence":
        return [_value(entry) for entry in node.value]
    if isinstance(node, MappingNode) and node.tag == f"{PREFIX}mapping":
        return _mapping(node)
    if isinstance(node, ScalarNode) and node.tag in ("?", f"{PREFIX}scalar", f"{PREFIX}str"):
        return _scalar_of(node.value) if node.tag == "?" else node.value
    raise _Refused(f"line {line}: the tag {node.tag.replace(PREFIX, '!!')} is not allowed; leave it out")


def _mapping(node: MappingNode) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise _Refused(f"line {line}: a list or mapping cannot be a key; write a word")
        if key.value in values:
            raise _Refused(f"line {line}: the key '{key.value}' occurs twice; remove one")
        values[key.value] = _value(value)
    return values


def _scalar_of(text: str) -> Any:
    """What text without quotes stands for."""
    if NULL.fullmatch(text):
        return None
    if TRUE.fullmatch(text) or FALSE.fullmatch(text):
        return bool(TRUE.fullmatch(text))
    if len(text) <= MAX_DIGITS and INTEGER.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if match := INFINITE.fullmatch(text):
        return float(f"{match[1]}inf")
    return float("nan") if NOT_A_NUMBER.fullmatch(text) else text
