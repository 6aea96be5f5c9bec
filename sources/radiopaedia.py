"""Radiopaedia: the cases found by a search for COVID-19. ``sources/cases/radiopaedia_cases.py`` reads them."""

from sources.cases.radiopaedia_cases import RadiopaediaCases
from sources.cases.radiopaedia_pages import SITE


class Radiopaedia(RadiopaediaCases):
    """Radiopaedia's cases found by a search for COVID-19."""

    name = "radiopaedia"
    title = "Radiopaedia, COVID-19 cases"
    homepage = f"{SITE}/articles/covid-19-4"
    labels = ("covid", "cap", "normal", "other")
    query = "covid-19"


SOURCE = Radiopaedia()
