"""Pages that check the visitor's browser instead of answering: the answer of a busy or guarded site, not its content.

We never try to pass such a check. The request is sent again after a while; if that does not help, the reason says what
came.
"""

import re

BROWSER_CHECK = "the site checks the browser instead of answering"
HEAD_BYTES = 64_000  # of a page; checks are short, but may carry a large script or picture
MOST_WORDS = 120  # of visible text: a real page that mentions such a check has more

_HIDDEN = re.compile(r"(?is)<(script|style|noscript|svg)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)")
_TITLE = re.compile(r"(?is)<title[^>]*>(.{0,200}?)</title>")
_TAG = re.compile(r"(?s)<[^>]{0,5000}>")
_TITLES = re.compile(
    r"just a moment\W*|one moment,? please\W*|attention required!.*|ddos-guard|access denied|please wait\W*|"
    r"making sure you(?:'|&#39;|’)re not a bot!?|are you a robot\??|bot verification|security check(?:point)?\W*|"
    r"verify(?:ing)? you are human\W*|pardon our interruption\W*|robot challenge screen|client challenge",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"your request is being verified|checking (?:if the site connection is secure|your browser)|"
    r"verif(?:y|ying) (?:that )?you(?:'re| are) (?:a )?(?:not a (?:ro)?bot|human)|"
    r"needs to review the security of your connection|"
    r"complete the (?:captcha|security check)|incapsula incident id|ddos protection by|"
    r"enable javascript and cookies to continue|unusual traffic from your|not a robot",
    re.IGNORECASE,
)


def is_browser_check(content: bytes) -> bool:
    """Does ``content`` (the beginning of a body suffices) check the browser instead of showing a page?"""
    head = content[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith(b"<") or head.startswith(b"<?xml"):
        return False
    text = _HIDDEN.sub(" ", head.decode("utf-8", "replace"))
    title = _TITLE.search(text)
    words = _TAG.sub(" ", text).split()
    if len(words) > MOST_WORDS:
        return False
    return bool((title and _TITLES.fullmatch(title[1].strip())) or _WORDS.search(" ".join(words)))
