"""Radiopaedia: the cases found by a search for normal chest films; ``sources/cases/radiopaedia_cases.py`` reads them.

Many hits are children, CT or limbs: only the title or tags of a case make its films ``normal``. A normal film in a case
with another title cannot be told apart from the rest of that case, so it has no label here.
"""

from sources.cases.radiopaedia_cases import RadiopaediaCases
from sources.cases.radiopaedia_pages import SITE


class RadiopaediaNormal(RadiopaediaCases):
    """Radiopaedia's cases found by a search for normal chest films."""

    name = "radiopaedia_normal"
    title = "Radiopaedia, normal chest films"
    homepage = f"{SITE}/cases/normal-chest-x-ray"
    labels = ("normal",)
    query = "normal+chest+x-ray"


SOURCE = RadiopaediaNormal()
