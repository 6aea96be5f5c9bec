import time
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sources.articles.jats import Figure, FullText, parse_jats
from sources.core.errors import CxnetError
from sources.core.limits import FULL_TEXT_BYTES

LINKED = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


def article(body, kind="research-article", licence=""):
    meta = f"<front><article-meta><permissions>{licence}</permissions></article-meta></front>"
    return f'<article {LINKED} article-type="{kind}">{meta}<body>{body}</body></article>'.encode()


def fig(*names, caption="<p>Chest X-ray.</p>", label="Fig. 1"):
    graphics = "".join(f'<graphic xlink:href="{name}"/>' for name in names)
    return f"<fig><label>{label}</label><caption>{caption}</caption>{graphics}</fig>"


def test_a_full_text_is_read_as_a_whole():
    licence = (
        '<license xlink:href="https://creativecommons.org/licenses/by-nc/4.0/"><license-p>Open.</license-p></license>'
    )
    text = parse_jats(article(fig("gr1") + fig("gr2.jpg", label="Fig. 2"), "case-report", licence))
    assert text == FullText(
        (Figure("Fig. 1", "Chest X-ray.", ("gr1",)), Figure("Fig. 2", "Chest X-ray.", ("gr2.jpg",))),
        "CC-BY-NC-4.0",
        True,
    )


def test_words_are_joined_by_blocks_and_not_inside_them():
    caption = "<title>Chest X-ray</title><p>COVID-<b>19</b>, <italic>day</italic>\n 3.</p>"
    (figure,) = parse_jats(article(fig("a", caption=caption))).figures
    assert figure.caption == "Chest X-ray. COVID-19, day 3."


def test_the_caption_of_a_group_belongs_to_its_figures():
    group = f"<fig-group><caption><p>Man of 40.</p></caption>{fig('a')}{fig('b')}</fig-group>"
    assert [figure.caption for figure in parse_jats(article(group)).figures] == ["Man of 40. Chest X-ray."] * 2


def test_another_format_of_a_file_is_the_same_figure():
    figures = parse_jats(article(fig("a.tif", "a.jpg", "b.jpg"))).figures
    assert [figure.places for figure in figures] == [("a.tif", "a.jpg"), ("b.jpg",)]
    assert [(figure.part, figure.parts) for figure in figures] == [(0, 2), (1, 2)]


def test_two_renderings_of_a_picture_are_one_figure():
    graphics = '<graphic xlink:href="gr1"/><graphic xlink:href="gr1_bw"/>'
    body = f"<fig><label>Fig. 1</label><alternatives>{graphics}</alternatives></fig>" + fig(
        "x_Fig2_HTML", "x_Fig2_Print"
    )
    assert [figure.places for figure in parse_jats(article(body)).figures] == [
        ("gr1", "gr1_bw"),
        ("x_Fig2_HTML", "x_Fig2_Print"),
    ]


def test_letters_in_bold_or_italic_type_are_remembered_by_their_places():
    caption = "<p>Films. <bold>a</bold> First. (<italic>B</italic>) <bold>Second</bold>, <bold>c</bold>.</p>"
    (figure,) = parse_jats(article(fig("a", caption=caption))).figures
    assert figure.caption == "Films. a First. (B) Second, c."
    assert [figure.caption[begin:end] for begin, end in figure.emphasized] == ["a", "B", "c"]


def test_the_title_of_the_article_is_that_of_its_front_matter():
    front = (
        "<article-meta><title-group><article-title>COVID-19:  a <italic>report</italic></article-title></title-group>"
    )
    back = "<back><ref><article-title>Other</article-title></ref></back>"
    content = f"<article><front>{front}</article-meta></front>{back}</article>"
    assert parse_jats(content.encode()).title == "COVID-19: a report"


@pytest.mark.parametrize(
    "licence, word",
    [
        ("<license_ref>https://creativecommons.org/licenses/by/4.0/</license_ref>", "CC-BY-4.0"),
        ('<p>See <ext-link xlink:href="http://creativecommons.org/licenses/by-nc-nd/3.0"/></p>', "CC-BY-NC-ND-3.0"),
        ("<p>All rights reserved.</p>", None),
        ("<p>Under the Creative Commons Attribution License.</p>", "CC-BY"),
        ('<ref content-type="CC BY-NC">the usual terms</ref>', "CC-BY-NC"),
    ],
)
def test_the_licence_is_that_of_the_text(licence, word):
    assert parse_jats(article("", licence=f"<license>{licence}</license>")).licence == word


def test_names_that_leave_the_articles_folder_lead_nowhere():
    (figure,) = parse_jats(article(fig("../../etc/passwd", "a?b", "..", " "))).figures
    assert figure.places == ("passwd",)


def test_a_prefix_that_is_not_declared_does_no_harm():
    content = article(fig("gr1")).replace(LINKED.encode(), b"")
    assert parse_jats(content).figures[0].places == ("gr1",)


def bomb(levels=10):
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(levels))
    return f'<!DOCTYPE a [<!ENTITY e0 "ha">{entities}]><article>&e{levels};</article>'


@pytest.mark.parametrize(
    "content, message",
    [
        (bomb().encode(), "defines entities, which are refused"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><article>&x;</article>', "defines entities"),
        (b"", "is not XML"),
        (b"not xml", "is not XML"),
        (b" " * (FULL_TEXT_BYTES + 1), "larger than 30 MB"),
    ],
)
def test_a_harmful_text_is_refused_in_one_sentence(content, message):
    with pytest.raises(CxnetError, match=message):
        parse_jats(content)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("document", [bomb(6), bomb(1), '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///a">]><a>&x;</a>'])
def test_entities_in_another_encoding_are_refused_too(document, encoding):
    began = time.monotonic()
    with pytest.raises(CxnetError, match=r"defines entities|is not XML"):
        parse_jats(f'<?xml version="1.0" encoding="{encoding}"?>{document}'.encode(encoding))
    assert time.monotonic() - began < 5


@pytest.mark.timeout(20)
@pytest.mark.parametrize("content", [b"<fig>" * 200_000, b"<fig><graphic/>" * 100_000, article(fig("a") * 20_000)])
def test_monstrous_texts_take_bounded_time(content):
    with suppress(CxnetError):
        assert len(parse_jats(content).figures) <= 300


@example(b"", "<:")
@example(b"", "<!-- remark --><?target?>")
@given(st.binary(max_size=300), st.text(max_size=80))
def test_any_bytes_are_a_text_or_one_error(content, words):
    for document in (content, article(fig("a", caption=words))):
        try:
            text = parse_jats(document)
        except CxnetError as error:
            assert str(error).startswith("the full text")
        else:
            assert all(figure.places for figure in text.figures)
