import pytest
from sites import Pages
from toy import Toy

import sources.cohen
from sources.core.errors import StoppedError, UsageError, WebError
from sources.core.items import LABELS, Item
from sources.core.source import Source, get_source, registry, source_names

TOY = Toy("http://127.0.0.1")
PAGED = [source for source in registry().values() if source.has_pages and not source.names_pages_freely]


def test_every_module_of_sources_is_a_source_of_that_name(monkeypatch):
    assert list(registry()) == source_names()
    assert {"cohen", "nih"} <= registry().keys()
    monkeypatch.setattr(sources.cohen, "SOURCE", TOY)
    with pytest.raises(RuntimeError, match=r"sources/cohen\.py must define SOURCE"):
        get_source.__wrapped__("cohen")


@pytest.mark.parametrize("source", registry().values(), ids=list(registry()))
def test_a_source_states_what_the_program_needs(source):
    assert source.title and source.homepage.startswith("https://") and source.hosts and source.terms.licence
    assert source.labels and set(source.labels) <= set(LABELS)
    assert source.has_pages == (type(source).page_items is not Source.page_items)


def test_without_hooks_a_source_is_downloaded_and_has_no_pages():
    item = Item("a", "http://127.0.0.1/a")
    assert (TOY.is_local, TOY.size(item), TOY.optional) == (False, None, True)
    with pytest.raises(NotImplementedError, match="'toy' comes from the web"):
        TOY.read(item)
    with pytest.raises(UsageError, match="'toy' has no pages"):
        TOY.page_items(Pages({}), "http://127.0.0.1/case")


def test_an_unknown_source_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="Unknown source 'nope'; expected one of: cohen, "):
        get_source("nope")


@pytest.mark.parametrize("source", PAGED, ids=lambda source: source.name)
def test_a_page_that_is_gone_is_a_row_and_an_interrupt_is_not(source):
    url = f"https://{source.hosts[0]}/2020/03/08/covid-19-caso-13/"

    class Failing(Pages):
        def get(self, url):
            raise self.pages

    (row,) = source.page_items(Failing(WebError(url, "HTTP 404", 404)), url)
    assert row.skip == "page is gone: HTTP 404"
    with pytest.raises(StoppedError):
        list(source.page_items(Failing(StoppedError()), url))
