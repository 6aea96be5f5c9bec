import pytest

from sources.core.source import get_source
from sources.reading.catalogs import catalog, patients_of

NAMES = ("radiopaedia", "radiopaedia_normal", "sirm", "eurorad")


@pytest.mark.parametrize("name", NAMES)
def test_every_address_belongs_to_its_source_and_occurs_once(name):
    hosts = get_source(name).hosts
    pages = catalog(name)
    assert pages and all(page.startswith(tuple(f"https://{host}/" for host in hosts)) for page in pages)
    assert len({page.rstrip("/") for page in pages}) == len(pages)


@pytest.mark.parametrize("name", ["papers", "twitter", "instagram"])
def test_sources_behind_services_have_their_addresses_too(name):
    pages = catalog(name)
    assert pages and all(page.startswith("https://") for page in pages)
    assert len({page.lower().rstrip("/") for page in pages}) == len(pages)


def test_cases_known_to_hold_several_patients():
    assert patients_of("eurorad", "https://www.eurorad.org/case/16745") == 6
    assert patients_of("sirm", "https://www.sirm.org/2020/05/14/covid-19-caso-85/") == 2
    assert patients_of("eurorad", "https://www.eurorad.org/case/16744") == 1
    assert patients_of("eurorad", "https://elsewhere.org/") == 1


def test_a_source_without_a_catalog_is_an_error():
    with pytest.raises(FileNotFoundError):
        catalog("nowhere")
