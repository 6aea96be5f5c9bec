"""The NLM tuberculosis sets: films, clinical texts with the typos of the real ones, and lung masks.

Montgomery is a zip at its old address, Shenzhen single files with index pages at the present one.
"""

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

from sources.sandbox.film import Film
from sources.sandbox.markup import page
from sources.sandbox.packing import mirror_path, zip_archive
from sources.tuberculosis import ARCHIVES, FOLDERS

SHENZHEN_SEX = {"F": ("female", "femal", "Female,"), "M": ("male", "Male,")}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the archive and the single files; every third film is of Montgomery County."""
    montgomery: dict[str, bytes] = {
        "MontgomerySet/NLM-MontgomeryCXRSet-ReadMe.pdf": b"%PDF-1.4\n",
        "__MACOSX/MontgomerySet/CXR_png/._MCUCXR_0001_0.png": b"\0" * 16,
    }
    shenzhen: dict[str, bytes] = {}
    for number, film in enumerate(films, start=1):
        sick = 0 if film.label == "normal" else 1
        if number % 3 == 0:
            montgomery |= _montgomery(film, f"MCUCXR_{number:04d}_{sick}")
        else:
            shenzhen |= _shenzhen(film, f"CHNCXR_{number:04d}_{sick}", rng)
    yield mirror_path(ARCHIVES[0]), zip_archive(montgomery)
    for name, content in shenzhen.items():
        yield mirror_path(f"{FOLDERS[1]}{name}"), content
    for folder, names in _by_folder(shenzhen).items():
        yield mirror_path(f"{FOLDERS[1]}{folder}/index.html"), _index(names)


def _by_folder(members: Iterable[str]) -> dict[str, list[str]]:
    folders: dict[str, list[str]] = {}
    for folder, _, name in (member.rpartition("/") for member in members):
        folders.setdefault(folder, []).append(name)
    return folders


def _index(names: Sequence[str]) -> bytes:
    return page("Index", "".join(f'<li><a href="{name}">{name}</a> 1.5 MB</li>' for name in names))


def _montgomery(film: Film, name: str) -> dict[str, bytes]:
    sex = f"Patient's Sex: {film.stated_sex}\n" if film.stated_sex else ""
    age = f"Patient's Age: {film.stated_age:03.0f}Y\n" if film.stated_age is not None else ""
    members = {
        f"MontgomerySet/CXR_png/{name}.png": film.data,
        f"MontgomerySet/ClinicalReadings/{name}.txt": f"{sex}{age}{film.finding}\n".encode(),
    }
    if film.lung_mask is not None:
        left, right = _halves(film.lung_mask)
        members[f"MontgomerySet/ManualMask/leftMask/{name}.png"] = left
        members[f"MontgomerySet/ManualMask/rightMask/{name}.png"] = right
    return members


def _shenzhen(film: Film, name: str, rng: np.random.Generator) -> dict[str, bytes]:
    sex = str(rng.choice(SHENZHEN_SEX[film.stated_sex])) if film.stated_sex else ""
    members = {
        f"CXR_png/{name}.png": film.data,
        f"ClinicalReadings/{name}.txt": f"{sex} {_age(film)}\n{film.finding}\n".encode(),
    }
    if film.lung_mask is not None:
        left, right = _halves(film.lung_mask)
        members |= {f"ManualMask/leftMask/{name}.png": left, f"ManualMask/rightMask/{name}.png": right}
    return members


def _age(film: Film) -> str:
    if film.stated_age is None:
        return ""
    return f"{film.stated_age * 12:.0f}month" if film.stated_age < 2 else f"{film.stated_age:.0f}yrs"


def _halves(mask: bytes) -> tuple[bytes, bytes]:
    """Separate masks of the patient's left and right lung (right and left in the picture)."""
    both = np.asarray(cv2.imdecode(np.frombuffer(mask, np.uint8), cv2.IMREAD_GRAYSCALE))
    middle = both.shape[1] // 2
    left, right = both.copy(), both.copy()
    left[:, :middle] = 0
    right[:, middle:] = 0
    return _png(left), _png(right)


def _png(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])
