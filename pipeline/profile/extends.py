"""Profiles that state only what differs: ``extends: paper`` takes everything else from another profile.

``extends`` holds the name of a profile in the same folder or of one that ships with this package, or a path
(``../clinic.yaml``) relative to the file that extends it. Mappings are merged key by key, so experiments are merged
by name; lists and single values are replaced. An experiment set to ``null`` is removed.

An experiment may in the same way take everything else from another one of the profile (``extends: cxnet_v1``).
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pipeline.profile import plain_yaml
from sources.core.errors import UsageError, unknown

Values = dict[str, Any]

EXTENDS, NAME, EXPERIMENTS = "extends", "profile", "experiments"
SUFFIXES = (".yaml", ".yml")


def shipped_profiles() -> dict[str, Path]:
    """The profiles that ship with this package, by name."""
    folder = Path(str(files("pipeline").joinpath("profiles")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_profile(given: str, folder: Path) -> Path:
    """The file of a profile given as a path, or by its name: in ``folder``, else one that ships with this package.

    Raises:
        UsageError: there is no profile of that name; the message lists those that exist.
    """
    if _is_path(given) or Path(given).exists():
        return Path(given)
    here = folder / f"{given}.yaml"
    if here.is_file():
        return here
    shipped = shipped_profiles()
    if given not in shipped:
        own = [path.stem for path in folder.glob("*.yaml")]
        raise unknown("profile", given, sorted({*own, *shipped}))
    return shipped[given]


def read_profile(path: Path) -> Values:
    """The values of a profile, with those of the profiles that it extends.

    A profile that states no name is called after its file.

    Raises:
        UsageError: a file cannot be read, is not a mapping in YAML, or the profiles extend each other in a circle.
    """
    values = {NAME: path.stem} | _read_chain(path, ())
    experiments = values.get(EXPERIMENTS)
    if isinstance(experiments, dict):
        kept = {name: options for name, options in experiments.items() if options is not None}
        values[EXPERIMENTS] = {name: _experiment(path, kept, name, ()) for name in kept}
    return values


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Values:
    """``base`` with ``changes``: mappings are merged key by key, everything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        inherited = merged.get(key)
        merged[key] = merge(inherited, value) if isinstance(inherited, dict) and isinstance(value, dict) else value
    return merged


def _read_chain(path: Path, extended_by: tuple[Path, ...]) -> Values:
    """The merged values of ``path``, which the profiles ``extended_by`` extend, one the next."""
    if path.resolve() in [file.resolve() for file in extended_by]:
        circle = " -> ".join(map(str, (*extended_by, path)))
        raise UsageError(f"Profiles extend each other in a circle ({circle}); remove one `extends`.")
    values = _read(path)
    if EXTENDS not in values:
        return values
    parent = _parent(path, values.pop(EXTENDS))
    inherited = _read_chain(parent, (*extended_by, path))
    inherited.pop(NAME, None)
    return merge(inherited, values)


def _experiment(path: Path, experiments: Values, name: str, extended_by: tuple[str, ...]) -> Any:
    """The options of an experiment, which those of ``extended_by`` extend, one the next."""
    if name in extended_by:
        circle = " -> ".join((*extended_by, name))
        raise UsageError(f"{path}: experiments extend each other in a circle ({circle}); remove one `extends`.")
    options = experiments[name]
    if not isinstance(options, dict) or EXTENDS not in options:
        return options  # what is no mapping is refused later, with all other mistakes
    given = options[EXTENDS]
    if not isinstance(given, str) or given not in experiments:
        others = [other for other in experiments if other != name]
        raise UsageError(f"{path}, experiments.{name}.extends: {unknown('experiment', str(given), others)}")
    inherited = _experiment(path, experiments, given, (*extended_by, name))
    own = {key: value for key, value in options.items() if key != EXTENDS}
    return merge(inherited, own) if isinstance(inherited, dict) else own


def _parent(path: Path, given: object) -> Path:
    """The file that ``path`` extends."""
    if not isinstance(given, str):
        raise UsageError(f"{path}: extends is {given!r}: input should be the name of a profile or a path.")
    if _is_path(given):
        return path.parent / given
    beside = path.with_name(f"{given}.yaml")
    if beside.is_file() and beside.resolve() != path.resolve():
        return beside
    shipped = shipped_profiles()
    if given not in shipped:
        own = [file.stem for file in path.parent.glob("*.yaml")]
        raise UsageError(f"{path}: {unknown('profile', given, sorted({*own, *shipped} - {path.stem}))}")
    return shipped[given]


def _is_path(given: str) -> bool:
    return "/" in given or given.endswith(SUFFIXES)


def _read(path: Path) -> Values:
    """One file as it is, without what it extends."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(plain_yaml.MAX_CHARACTERS + 1)
    except FileNotFoundError:
        raise UsageError(
            f"{path} does not exist; name a profile (a file, or one of: {', '.join(shipped_profiles())}), or work in "
            "the project's folder."
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); name another profile.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text ({error}); save it as UTF-8.") from None
    values = plain_yaml.parse(text, str(path))
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold a mapping of options, found {type(values).__name__}.")
    return values
