"""Words about the family of a patient: an age or a sex beside them is not the patient's."""

from sources.language.prose import either

_RELATIVE = (
    r"(?:(?:grand|step)?(?:mother|father|son|daughter|parent)s?|wife|husband|spouse|brother|sister|sibling|uncle|aunt|"
    r"cousin|madre|padre|moglie|marito|esposa|esposo|mère|père|mutter|vater)"
)
_AGE = r"(?:[\s,(]+(?:who|was|is|aged?|an?|of|de|di))*[\s,(]+\d{1,3}(?:[\s-]*(?:years?|anni|años|ans)(?:[\s-]*old)?)?"
_FAMILY = either(
    # his mother, aged 62; whose 40-year-old father; born to a 29-year-old mother; the patient's wife
    rf"\b(?:his|her|their|whose|\w+['’]s|(?:born|delivered)\s+(?:to|by))\s+(?:[\w-]+\s+){{0,3}}?{_RELATIVE}\b(?:{_AGE}\b)?",
    # the father of the 5-year-old patient: what follows "father"
    r"(?:(?<=mother)|(?<=father))\s+of\s+(?:an?|the|this|our|his|her)\s+[^.;,]{0,60}",
)


def without_relatives(text: str) -> str:
    """Plain text with blanks for the words about a patient's family, of the same length.

    Of "the father of the 5-year-old patient", whose film it is then, the father remains.
    """
    return _FAMILY.sub(lambda match: " " * len(match[0]), text)
