"""The version of the code that decides what the sandbox holds.

That is this package, and every module of ``sources`` that it imports, directly or through others: the sites take their
addresses from the sources that they imitate.
"""

import ast
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path


def code_version(root: Path | None = None) -> str:
    """A hash of that code; ``root`` is the folder of the ``sources`` package, by default the imported one."""
    root = root or Path(str(files("sources")))
    digest = hashlib.sha256()
    for path in drawing_code(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def drawing_code(root: Path) -> list[Path]:
    """The files of that code, sorted."""
    waiting = list((root / "sandbox").rglob("*.py"))
    code: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in code:
            code.add(path)
            waiting += _imports(path, root)
    return sorted(code)


def _imports(path: Path, root: Path) -> Iterator[Path]:
    """The files of ``root`` that the module at ``path`` imports anywhere in its code."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            package, *parts = name.split(".")
            if package == root.name and parts:
                module = root.joinpath(*parts)
                yield from (file for file in (module.with_suffix(".py"), module / "__init__.py") if file.is_file())
