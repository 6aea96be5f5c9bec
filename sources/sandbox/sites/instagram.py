"""Instagram's Graph API for two pages: single posts, albums, captions, cursors, signed addresses.

One page is answered by the newest version of the API, the other by the oldest, as in copies recorded earlier.

Traps: a video, a post about something else, an expired address.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from sources.instagram import OFFLINE_USER, PAGES, PER_PAGE, VERSIONS, posts_address
from sources.sandbox.film import Film
from sources.sandbox.markup import grouped, hex_name, number
from sources.sandbox.packing import mirror_path

SEXES = {"F": "woman", "M": "man"}
VIEWS = {"PA": "PA chest X-ray", "AP": "AP chest X-ray", "L": "lateral chest X-ray", "CT": "axial CT of the chest"}


def render(films: Sequence[Film], rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield (mirror path, content) of the answers for both pages, and of the pictures."""
    albums = grouped(films, lambda film: (film.patient_id, film.stated_age, film.stated_sex, film.stated_view))
    posts = [_post(album) for album in albums]
    half = (len(posts) + 1) // 2
    parts = ([*posts[:half], *_traps()], posts[half:])
    for page, part, version in zip(PAGES, parts, (VERSIONS[0], VERSIONS[-1]), strict=True):
        yield from _answers(page, part, version)
    for film in films:
        yield mirror_path(_picture(film)), film.data


def _answers(page: str, posts: Sequence[dict[str, object]], version: str) -> Iterator[tuple[str, bytes]]:
    pages = [posts[start : start + PER_PAGE] for start in range(0, len(posts), PER_PAGE)] or [[]]
    for place, part in enumerate(pages):
        cursor = f"cursor{place}" if place else None
        cursors = {"after": f"cursor{place + 1}"} if place + 1 < len(pages) else {}
        media = {"data": list(part), "paging": {"cursors": cursors}}
        answer = {"business_discovery": {"username": page, "media": media}, "id": OFFLINE_USER}
        yield (
            mirror_path(posts_address(OFFLINE_USER, page, cursor, version=version)),
            json.dumps(answer, indent=1).encode(),
        )


def _post(films: Sequence[Film]) -> dict[str, object]:
    first = films[0]
    who = (
        f"A {first.stated_age:.0f}-year-old {SEXES[first.stated_sex]}. "
        if first.stated_age and first.stated_sex
        else ""
    )
    caption = f"{who}COVID-19 pneumonia, {VIEWS.get(first.stated_view or '', 'chest X-ray')} #covid19"
    key = number(first.film_id, 17)
    post: dict[str, object] = {
        "id": str(key),
        "caption": caption,
        "media_type": "CAROUSEL_ALBUM" if len(films) > 1 else "IMAGE",
        "media_url": _picture(first),
        "permalink": f"https://www.instagram.com/p/{hex_name(first.film_id, 11)}/",
    }
    if len(films) > 1:
        post["children"] = {
            "data": [
                {"id": str(number(film.film_id, 16)), "media_type": "IMAGE", "media_url": _picture(film)}
                for film in films
            ]
        }
    return post


def _traps() -> list[dict[str, object]]:
    base = "https://scontent.cdninstagram.com/v/t51.2885-15"
    return [
        {"id": "1", "caption": "Guess the fracture!", "media_type": "IMAGE", "media_url": f"{base}/1_n.jpg?oh=1"},
        {
            "id": "2",
            "caption": "COVID-19 chest X-ray, how to read",
            "media_type": "VIDEO",
            "media_url": f"{base}/2_n.mp4",
        },
        {"id": "3", "caption": "COVID-19 CXR", "media_type": "IMAGE", "media_url": f"{base}/3_n.jpg?oh=expired"},
    ]


def _picture(film: Film) -> str:
    name = f"{number(film.film_id, 8)}_{number(film.film_id + 'n', 8)}_n.{film.extension.lstrip('.')}"
    return f"https://scontent.cdninstagram.com/v/t51.2885-15/{name}?oh={hex_name(film.film_id, 8)}&oe=5EC00000"
