import pytest
from any_json import JSON
from hypothesis import given

from sources.articles.europepmc import REST, Article, next_cursor, parse_answer, search_address


def answer(**entry):
    return {"resultList": {"result": [entry]}}


@pytest.mark.parametrize(
    "text, query",
    [
        ("10.1148/radiol.2020201160", "DOI%3A%2210.1148%2Fradiol.2020201160%22"),
        ("https://doi.org/10.1016/S0140-6736(20)30211-7", "DOI%3A%2210.1016%2FS0140-6736%2820%2930211-7%22"),
        ("https://dx.doi.org/10.1002%2Fjmv.26255", "DOI%3A%2210.1002%2Fjmv.26255%22"),
        ("https://x.biomedcentral.com/articles/10.1186/s1-2/figures/1", "DOI%3A%2210.1186%2Fs1-2%22"),
        ("https://doi-org.proxy.example/10.4269/ajtmh.20-0736?x=1#f", "DOI%3A%2210.4269%2Fajtmh.20-0736%22"),
        ("PMC7141645", "PMCID%3APMC7141645"),
        ("https://www.ncbi.nlm.nih.gov/pmc/articles/pmc7151400/?report=classic", "PMCID%3APMC7151400"),
        ("https://europepmc.org/article/MED/32404797", "EXT_ID%3A32404797%20AND%20SRC%3AMED"),
        ("https://pubmed.ncbi.nlm.nih.gov/32157862/", "EXT_ID%3A32157862%20AND%20SRC%3AMED"),
    ],
)
def test_an_address_names_the_article_to_search_for(text, query):
    assert search_address(text) == f"{REST}/search?query={query}&format=json&resultType=core"


def test_an_address_without_a_name_needs_no_search():
    assert search_address("https://www.thno.org/v10p5641.htm") is None


def test_an_article_is_read_as_a_whole():
    kinds = {"pubType": ["Case Reports", "Retracted Publication"]}
    entry = {
        "pmcid": "PMC1",
        "doi": "10.1000/a",
        "title": "COVID-19\n in  a man",
        "license": "CC BY",
        "pubTypeList": kinds,
    }
    assert parse_answer(answer(**entry)) == [
        Article(
            name="PMC1",
            pmcid="PMC1",
            doi="10.1000/a",
            page_url="https://europepmc.org/article/PMC/PMC1",
            title="COVID-19 in a man",
            licence="cc by",
            is_case_report=True,
            is_retracted=True,
        )
    ]


def test_without_a_full_text_the_page_is_the_publishers():
    links = [
        {"documentStyle": "pdf", "url": "https://a.org/x.pdf"},
        {"documentStyle": "html", "url": "https://a.org/x"},
    ]
    (article,) = parse_answer(answer(doi="10.1000/a", fullTextUrlList={"fullTextUrl": links}))
    assert (article.name, article.page_url) == ("doi:10.1000/a", "https://a.org/x")
    (article,) = parse_answer(answer(doi="10.1000/a"))
    assert article.page_url == "https://doi.org/10.1000/a"
    (article,) = parse_answer(answer(id="32404797", source="MED"))
    assert (article.name, article.page_url) == ("MED:32404797", "https://europepmc.org/article/MED/32404797")


def test_addresses_that_are_no_pages_are_not_taken():
    links = [{"documentStyle": "html", "url": "javascript:alert(1)"}]
    (article,) = parse_answer(answer(doi="10.1000/a", fullTextUrlList={"fullTextUrl": links}))
    assert article.page_url == "https://doi.org/10.1000/a"


@pytest.mark.parametrize(
    "found, following",
    [("AoI=", "AoI="), ("*", None), (None, None), ("a b&c", None)],
)
def test_the_answers_end_where_the_cursor_is_absent_or_does_not_move(found, following):
    assert next_cursor({"nextCursorMark": found}, "*") == following


@given(JSON)
def test_any_answer_is_articles(found):
    for content in (
        found,
        {"resultList": {"result": [found]}},
        answer(pubTypeList=found, fullTextUrlList=found, id="1"),
    ):
        assert all(isinstance(article, Article) for article in parse_answer(content))
        next_cursor(content, "*")
