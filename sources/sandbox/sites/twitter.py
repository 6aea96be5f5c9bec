"""The API of X for one thread: posts with up to four films, a cursor per page.

Every other answer is at the address that older versions of this project requested, as in the copies they recorded.

Traps: someone else's reply with a picture, a video, a CT picture, a picture missing from the answer.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from sources.sandbox.film import Film
from sources.sandbox.markup import grouped, number
from sources.sandbox.packing import mirror_path, numbered
from sources.twitter import ROOT, SEARCH, SEARCH_WITHOUT_START, THREAD

AUTHOR, STRANGER = "1000000000000000001", "1000000000000000002"
POSTS_PER_PAGE = 10
PHOTOS_PER_POST = 4
WORDS = {"L": "Lateral CXR", "CT": "Chest CT", "PA": "PA CXR", "AP": "AP CXR"}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the answers and of the pictures."""
    cases = numbered(film.patient_id for film in films)
    groups = grouped(films, lambda film: (film.patient_id, film.stated_age, film.stated_sex, film.view))
    chunks = [
        group[start : start + PHOTOS_PER_POST] for group in groups for start in range(0, len(group), PHOTOS_PER_POST)
    ]
    posts = [_post(chunk, cases[chunk[0].patient_id], len(chunks) - place) for place, chunk in enumerate(chunks, 1)]
    posts = [*_traps(), *posts]
    yield mirror_path(ROOT), _json({"data": posts[-1][0], "includes": {"media": posts[-1][1]}})
    pages = [posts[start : start + POSTS_PER_PAGE] for start in range(0, len(posts), POSTS_PER_PAGE)]
    for place, page in enumerate(pages):
        search = SEARCH_WITHOUT_START if place % 2 else SEARCH
        address = search if place == 0 else f"{search}&next_token=page{place}"
        meta = {"result_count": len(page)} | ({"next_token": f"page{place + 1}"} if place + 1 < len(pages) else {})
        media = [entry for _, entries in page for entry in entries]
        yield (
            mirror_path(address),
            _json({"data": [post for post, _ in page], "includes": {"media": media}, "meta": meta}),
        )
    for film in films:
        yield mirror_path(_photo(film)), film.data


def _post(films: Sequence[Film], case: int, later: int) -> tuple[dict[str, object], list[dict[str, object]]]:
    first = films[0]
    person = f" {first.stated_age:.0f}yo {first.stated_sex}." if first.stated_age and first.stated_sex else ""
    stated = [str(film.offset_days) for film in films if film.offset_days is not None]
    days = f", day {', '.join(stated)} of admission" if len(stated) == len(films) else ""
    words = WORDS.get(first.stated_view or "", "CXR")
    text = f"Case {case}.{person} {words}{days} #COVID19 &amp; #chestrad"
    media: list[dict[str, object]] = [
        {"media_key": f"3_{number(film.film_id, 19)}", "type": "photo", "url": _photo(film), "width": film.width}
        for film in films
    ]
    return _entry(int(THREAD) + 1000 * later, text, AUTHOR, media), media


def _traps() -> Iterator[tuple[dict[str, object], list[dict[str, object]]]]:
    photo: dict[str, object] = {
        "media_key": "3_901",
        "type": "photo",
        "url": "https://pbs.twimg.com/media/EUstranger.jpg",
    }
    video: dict[str, object] = {"media_key": "13_902", "type": "video"}
    yield _entry(1243928599000000001, "My own patient, typical?", STRANGER, [photo]), [photo]
    yield _entry(1243928599000000002, "Scrolling through the lungs #COVID19", AUTHOR, [video]), [video]
    yield _entry(1243928599000000003, "One more CXR #COVID19", AUTHOR, [{"media_key": "3_903"}]), []
    yield _entry(1243928599000000004, "Thank you all", AUTHOR, []), []


def _entry(identity: int, text: str, author: str, media: Sequence[dict[str, object]]) -> dict[str, object]:
    post: dict[str, object] = {"id": str(identity), "text": text, "author_id": author}
    return post | ({"attachments": {"media_keys": [entry["media_key"] for entry in media]}} if media else {})


def _photo(film: Film) -> str:
    return f"https://pbs.twimg.com/media/EU{number(film.film_id, 13)}.{film.extension.lstrip('.')}"


def _json(answer: object) -> bytes:
    return json.dumps(answer, indent=1).encode()
