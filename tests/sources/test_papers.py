import hashlib
import io
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sites import Mirror, Site, film, list_items

from sources.articles.europepmc import REST, SEARCH, Article, by_pmcid, search_address
from sources.articles.figures import FOLDER, SUPPLEMENT, SUPPLEMENTS
from sources.articles.pmc_bucket import BUCKET, listing_address
from sources.core.errors import StoppedError
from sources.core.items import LABELS, VIEWS, Item
from sources.core.web import Page
from sources.language.labels import Decision, label_of_picture
from sources.papers import EMPTY_ANSWER, Papers, parse_page, read_article
from sources.reading.archive import read_members
from sources.reading.catalogs import catalog
from sources.sandbox.packing import mirror_path, zip_archive
from sources.sandbox.sites.papers import render

OPEN = Article("PMC123", "PMC123", "10.1000/x", "https://europepmc.org/article/PMC/PMC123", licence="cc by")
TEXT = f"{REST}/PMC123/fullTextXML"
FIGURE = FOLDER.format(pmcid="PMC123", name="fig1.png")


def jats(*captions, name="fig1"):
    figures = "".join(
        f"<fig><label>Fig. {n}</label><caption><p>{caption}</p></caption>"
        f"<graphic xlink:href='{name if n == 1 else n}'/></fig>"
        for n, caption in enumerate(captions, 1)
    )
    return f"<article xmlns:xlink='http://www.w3.org/1999/xlink'><body>{figures}</body></article>".encode()


def picture(panels=1, side=200):
    page = np.full((side + 20, panels * (side + 20)), 255, np.uint8)
    for place in range(panels):
        left = 10 + place * (side + 20)
        page[10 : 10 + side, left : left + side] = np.random.default_rng(place).integers(0, 200, (side, side))
    packed = io.BytesIO()
    Image.fromarray(page).save(packed, "PNG")
    return packed.getvalue()


def items_of(folder, answers, article=OPEN) -> list[Item]:
    return list(read_article(Site({mirror_path(url): content for url, content in answers.items()}, folder), article))


def only(folder, caption, article=OPEN) -> Item:
    (item,) = items_of(folder, {TEXT: jats(caption), FIGURE: picture()}, article)
    return item


def test_a_figure_is_read_as_a_whole(tmp_path):
    caption = "Chest X-ray, AP view, of patient 2, a 65-year-old man, day 5. COVID-19, RT-PCR positive."
    assert only(tmp_path, caption) == Item(
        item_id="PMC123/fig1",
        url=FIGURE,
        page_url="https://europepmc.org/article/PMC/PMC123",
        label="covid",
        finding=caption,
        view="AP",
        modality="X-ray",
        patient_id="PMC123/2",
        study_id="PMC123",
        age=65.0,
        sex="M",
        pediatric=False,
        offset_days=5.0,
        rt_pcr="positive",
        licence="CC-BY",
        attribution="doi:10.1000/x, Fig. 1",
        redistributable=True,
    )


# ---------------------------------------------------------------------------------------------------------- panels


def test_a_composite_figure_is_a_row_per_panel(tmp_path):
    caption = "COVID-19 in a 40-year-old man. (A) Chest X-ray, PA view, day 2. (B) Axial CT, day 3."
    first, second = items_of(tmp_path, {TEXT: jats(caption), FIGURE: picture(2)})
    assert (first.item_id, first.panel, first.box) == ("PMC123/fig1#A", "A", (10, 10, 200, 200))
    assert (second.item_id, second.panel, second.box) == ("PMC123/fig1#B", "B", (230, 10, 200, 200))
    assert (first.view, first.offset_days, first.skip) == ("PA", 2.0, None)
    assert (second.view, second.offset_days, second.skip) == ("CT", 3.0, "CT according to its caption")
    assert {(item.label, item.age, item.sex, item.url) for item in (first, second)} == {("covid", 40.0, "M", FIGURE)}


def test_panels_that_the_caption_does_not_distinguish_share_its_text_about_all(tmp_path):
    caption = "Patients with COVID-19. (A) Chest X-ray, AP view, of a 40-year-old man. (B) A 50-year-old woman."
    found = items_of(tmp_path, {TEXT: jats(caption), FIGURE: picture(3)})
    assert [item.panel for item in found] == ["A", "B", "C"]
    assert {(item.label, item.view, item.age, item.sex, item.skip) for item in found} == {
        ("covid", "unknown", None, None, None)
    }


def test_a_figure_of_one_film_has_no_panels(tmp_path):
    item = only(tmp_path, "(A) Chest X-ray (COVID-19).")
    assert (item.item_id, item.panel, item.box) == ("PMC123/fig1", None, None)


def test_a_figure_that_is_not_a_picture_is_still_a_row(tmp_path):
    (item,) = items_of(tmp_path, {TEXT: jats("Chest X-ray."), FIGURE: b"<html>"})
    assert (item.url, item.box, item.skip) == (FIGURE, None, None)


# ------------------------------------------------------------------------------------------------- where files are


def bucket(files, *, versions=(1,), retracted=False, licence="CC BY", media=()):
    """The answers of PMC's bucket for an article whose newest version has ``files``."""
    newest = f"PMC123.{max(versions)}"
    folders = "".join(f"<CommonPrefixes><Prefix>PMC123.{n}/</Prefix></CommonPrefixes>" for n in versions)
    keys = "".join(
        f"<Contents><Key>{newest}/{name}</Key><Size>{len(content)}</Size></Contents>" for name, content in files.items()
    )
    metadata = {"license_code": licence, "is_retracted": retracted, "media_urls": list(media)}
    return {
        listing_address("PMC123."): f"<ListBucketResult>{folders}</ListBucketResult>".encode(),
        listing_address(f"{newest}/"): f"<ListBucketResult>{keys}</ListBucketResult>".encode(),
        f"{BUCKET}/metadata/{newest}.json": json.dumps(metadata).encode(),
        **{f"{BUCKET}/{newest}/{name}": content for name, content in files.items()},
    }


def test_the_bucket_comes_first_then_supplementary_files_then_the_folder_of_an_offline_copy(tmp_path):
    in_bucket = bucket({"fig1.jpg": picture(2)})
    whole, small = (url.format(pmcid="PMC123") for url in SUPPLEMENTS)
    answers = {
        TEXT: jats("Chest X-ray."),
        **in_bucket,
        whole: zip_archive({"inline/fig1.jpeg": picture(2), "fig1.docx": b""}),
        small: zip_archive({"fig1.png": picture()}),
        FIGURE: picture(),
    }
    found = []
    for gone in ((), in_bucket, (whole,), (small,), (FIGURE,)):
        for url in gone:
            del answers[url]
        item = items_of(tmp_path, answers)[0]
        found.append((item.url, item.member, item.panel, item.skip))
    assert found == [
        (f"{BUCKET}/PMC123.1/fig1.jpg", None, "A", None),
        (whole, "inline/fig1.jpeg", "A", None),
        (small, "fig1.png", None, None),
        (FIGURE, None, None, None),
        (FOLDER.format(pmcid="PMC123", name="fig1.jpg"), None, None, None),  # where it should be: the fetch will fail
    ]


def test_live_nothing_is_requested_from_europe_pmcs_pages(tmp_path):
    web = Live(tmp_path, {TEXT: jats("Chest X-ray."), FIGURE: picture()})
    (item,) = read_article(web, OPEN)
    assert (
        item.skip
        == "the figure's file was not found (pmc-oa-opendata.s3.amazonaws.com: HTTP 404; www.ebi.ac.uk: HTTP 404)"
    )
    assert item.url == f"{BUCKET}/PMC123.1/fig1.jpg"
    assert {url.split("/")[2] for url in web.requests} == {"www.ebi.ac.uk", BUCKET.partition("//")[2]}


def test_a_text_that_is_only_in_the_bucket_is_read_there_from_its_newest_version(tmp_path):
    answers = bucket({"PMC123.10.xml": jats("Chest X-ray."), "fig1.jpg": picture()}, versions=(1, 9, 10))
    (item,) = items_of(tmp_path, answers)
    assert item.url == f"{BUCKET}/PMC123.10/fig1.jpg"


def test_a_list_in_several_answers_is_read_to_its_end(tmp_path):
    answers = bucket({"fig1.jpg": picture()})
    first, token = listing_address("PMC123.1/"), "a+/="
    answers[listing_address("PMC123.1/", token)] = answers[first]
    others = "<Contents><Key>PMC123.1/x.pdf</Key><Size>3</Size></Contents>"
    more = f"<NextContinuationToken>{token}</NextContinuationToken>"
    answers[first] = f"<ListBucketResult>{more}{others}</ListBucketResult>".encode()
    assert items_of(tmp_path, {TEXT: jats("Chest X-ray."), **answers})[0].url == f"{BUCKET}/PMC123.1/fig1.jpg"


def test_the_large_picture_is_taken_rather_than_its_thumbnail(tmp_path):
    large, small = picture(), picture(side=80)
    files = {
        "fig1.gif": large + b"padding",
        "fig1.jpg": small,
        "fig1.tif": large,
        "fig10.jpg": large,
        "fig1.pdf": large * 2,
    }
    assert items_of(tmp_path, {TEXT: jats("Chest X-ray."), **bucket(files)})[0].url == f"{BUCKET}/PMC123.1/fig1.tif"
    packed = {TEXT: jats("Chest X-ray."), SUPPLEMENT.format(pmcid="PMC123"): zip_archive(files)}
    assert items_of(tmp_path, packed)[0].member == "fig1.tif"
    only_small = {TEXT: jats("Chest X-ray."), **bucket({"fig1.gif": small})}
    assert items_of(tmp_path, only_small)[0].url == f"{BUCKET}/PMC123.1/fig1.gif"


def test_a_file_with_another_hash_than_pmc_states_is_passed_over(tmp_path):
    media = [f"s3://pmc-oa-opendata/PMC123.1/fig1.jpg?md5={'0' * 32}"]
    answers = {TEXT: jats("Chest X-ray."), **bucket({"fig1.jpg": picture()}, media=media), FIGURE: picture()}
    assert items_of(tmp_path, answers)[0].url == FIGURE
    right = hashlib.md5(picture(), usedforsecurity=False).hexdigest()
    answers |= bucket({"fig1.jpg": picture()}, media=[f"s3://pmc-oa-opendata/PMC123.1/fig1.jpg?md5={right}"])
    assert items_of(tmp_path, answers)[0].url == f"{BUCKET}/PMC123.1/fig1.jpg"


def test_an_article_that_the_bucket_calls_retracted_is_a_row_with_the_reason(tmp_path):
    (item,) = items_of(tmp_path, {TEXT: jats("Chest X-ray."), **bucket({"fig1.jpg": picture()}, retracted=True)})
    assert item.skip == "the article was retracted"


def test_the_licence_of_the_bucket_counts_if_the_text_states_none(tmp_path):
    answers = {TEXT: jats("Chest X-ray."), **bucket({"fig1.jpg": picture()}, licence="CC BY-NC")}
    assert items_of(tmp_path, answers)[0].licence == "CC-BY-NC"


@pytest.mark.parametrize("archive", [b"", b"PK\x03\x04 damaged", b"<html>"])
def test_a_damaged_archive_is_passed_over(tmp_path, archive):
    answers = {TEXT: jats("Chest X-ray."), SUPPLEMENT.format(pmcid="PMC123"): archive, FIGURE: picture()}
    assert items_of(tmp_path, answers)[0].url == FIGURE


# -------------------------------------------------------------------------------------------------- what is no film


@pytest.mark.parametrize(
    "caption, view, skip",
    [
        ("Axial chest CT (COVID-19).", "CT", "CT according to its caption"),
        ("Study flow chart.", "unknown", "the caption does not mention a chest film"),
        ("Lung ultrasound.", "OTHER", "not an X-ray according to its caption"),
        ("X-ray of the left hand.", "unknown", "a film of another part of the body according to its caption"),
        ("X-ray of the patient.", "unknown", "the caption does not name the part of the body"),
        ("Chest X-ray of a dog.", "unknown", "a picture of an animal according to its caption"),
    ],
)
def test_other_figures_are_rows_that_are_not_fetched(tmp_path, caption, view, skip):
    (item,) = items_of(tmp_path, {TEXT: jats(caption)})
    assert (item.view, item.skip) == (view, skip)


def test_articles_that_cannot_be_read_are_rows_with_the_reason(tmp_path):
    closed = replace(OPEN, pmcid=None, page_url="https://closed.example.org/a")
    reasons = {
        "no open full text at Europe PMC, and programs may not read the pages of closed.example.org": (closed, {}),
        "no open full text at Europe PMC, and programs may not read the pages of europepmc.org": (OPEN, {}),
        "the article was retracted": (replace(OPEN, is_retracted=True), {TEXT: jats("Chest X-ray.")}),
        "parse: the full text is not XML": (OPEN, {TEXT: b""}),
        "parse: the full text defines entities, which are refused": (OPEN, {TEXT: b'<!DOCTYPE a [<!ENTITY x "y">]>'}),
        f"parse: no image found at {OPEN.page_url} (selector fig graphic)": (OPEN, {TEXT: jats()}),
    }
    web = {
        reason: list(read_article(Live(tmp_path, answers), article)) for reason, (article, answers) in reasons.items()
    }
    assert {reason: item.skip for reason, (item,) in web.items()} == {reason: reason for reason in reasons}


def test_an_interrupt_is_not_a_lost_article(tmp_path):
    class Stopped(Site):
        def get(self, url, headers=None):
            raise StoppedError()

    with pytest.raises(StoppedError):
        list(read_article(Stopped({}, tmp_path), OPEN))


# ----------------------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    "caption, label",
    [
        ("Chest X-ray (COVID-19).", "covid"),
        ("Chest X-ray, SARS-CoV-2 pneumonia with ARDS.", "covid"),
        ("Normal chest X-ray of a patient with COVID-19.", "covid"),
        ("Chest X-ray, COVID-19 suspected; RT-PCR was negative.", None),
        ("Chest X-ray, suspected COVID-19.", None),
        ("Chest X-ray (SARS).", "cap"),
        ("Chest X-ray of MERS pneumonia.", "cap"),
        ("Chest X-ray of ARDS.", None),
        ("Chest X-ray of tuberculosis.", "other"),
        ("Chest X-ray on admission.", None),
        ("Normal chest X-ray", None),
        ("no acute finding", None),
    ],
)
def test_the_caption_decides_the_label(caption, label):
    assert label_of_picture((caption,)) == Decision(label, caption)


@pytest.mark.parametrize(
    "caption, kind, label",
    [
        ("Chest X-ray on admission.", True, "covid"),
        ("Normal chest X-ray", True, "covid"),
        ("Chest X-ray on admission.", False, None),
        ("Chest X-ray, RT-PCR negative.", True, None),
        ("Chest X-ray, suspected COVID-19.", True, None),
        ("Chest X-ray of a healthy volunteer.", True, "normal"),
        ("Chest X-ray of tuberculosis.", True, "other"),
    ],
)
def test_the_title_of_a_case_report_decides_if_the_caption_names_no_disease(caption, kind, label):
    title = "COVID-19 pneumonia in a runner"
    decision = label_of_picture((caption,), title, kind)
    assert decision == Decision(label, f"{title}: {caption}" if label == "covid" else caption)


@pytest.mark.parametrize(
    "word, licence, free",
    [
        ("cc by", "CC-BY", True),
        ("cc by-nc-nd", "CC-BY-NC-ND", False),
        ("publisher's own", "publisher's own", False),
        (None, None, False),
    ],
)
def test_licences_that_are_unknown_or_forbid_derived_pictures_are_not_passed_on(tmp_path, word, licence, free):
    item = only(tmp_path, "Chest X-ray.", replace(OPEN, licence=word))
    assert (item.licence, item.redistributable) == (licence, free)


def test_the_licence_in_the_text_counts_more_than_the_searchs(tmp_path):
    licence = b"<license><p>https://creativecommons.org/licenses/by-nc-nd/4.0/</p></license><body>"
    (item,) = items_of(tmp_path, {TEXT: jats("Chest X-ray.").replace(b"<body>", licence), FIGURE: picture()})
    assert (item.licence, item.redistributable) == ("CC-BY-NC-ND-4.0", False)


# -------------------------------------------------------------------------------------------------- publishers' pages


class Live(Site):
    """The live web: a publisher's page is read only where nothing forbids it."""

    offline = False

    def __init__(self, folder, answers):
        super().__init__({mirror_path(url): content for url, content in answers.items()}, folder)
        self.requests = []

    def get(self, url, headers=None, suspect=None) -> Page:
        self.requests.append(url)
        return super().get(url)


PAGE = (
    b'<img src="/logo.png"><figure><figcaption><b>Fig. 1</b></figcaption><a href="/full.png"><img src="/s.png"></a>'
    b"<p>Chest X-ray (COVID-19).</p></figure>"
)


@pytest.mark.parametrize(
    "host, licence, is_read",
    [
        ("x.biomedcentral.com", "cc by", True),
        ("x.biomedcentral.com", None, False),
        ("www.sciencedirect.com", "cc by", False),
        ("pubs.rsna.org", "cc by", False),
        ("biomedcentral.com.evil.example", "cc by", False),
    ],
)
def test_a_publishers_page_is_read_only_where_nothing_forbids_it(tmp_path, host, licence, is_read):
    article = replace(OPEN, pmcid=None, page_url=f"https://{host}/a", licence=licence)
    web = Live(tmp_path, {article.page_url: PAGE})
    (item,) = read_article(web, article)
    assert (article.page_url in web.requests) == is_read == (item.skip is None)
    assert not is_read or (item.item_id, item.url) == ("PMC123/full.png", f"https://{host}/full.png")


def test_springers_scaled_pictures_are_requested_in_full_size():
    image = '<img src="//media.springernature.com/lw685/a/Fig1_HTML.png">'
    (figure,) = parse_page(f"<figure>{image}Chest X-ray</figure>", "https://x.biomedcentral.com/a").figures
    assert figure.places == tuple(
        f"https://media.springernature.com/{size}/a/Fig1_HTML.png" for size in ("full", "lw685")
    )


# ---------------------------------------------------------------------------------------------------------- the list


def test_live_the_list_is_the_catalog_and_what_was_not_found_is_requested_again_in_the_end(tmp_path):
    web = Live(tmp_path, {})
    found = list(Papers().items(web))
    assert len(found) == len(catalog("papers"))
    assert {item.skip for item in found} == {"page is gone: HTTP 404", EMPTY_ANSWER}
    searches = [url for url in web.requests if "/search?" in url]
    names = [url for url in catalog("papers") if by_pmcid(url) is None]
    assert [searches.count(search_address(url)) for url in names] == [2] * len(names)
    assert SEARCH + "%2A" not in web.requests


def test_a_copy_without_the_search_is_read_by_the_catalog(tmp_path):
    url = next(iter(catalog("papers")))
    answer = b'{"resultList": {"result": [{"pmcid": "PMC123", "license": "cc by"}]}}'
    copy = {search_address(url): answer, TEXT: jats("Chest X-ray (COVID-19)."), FIGURE: picture()}
    found = list(Papers().items(Site({mirror_path(address): content for address, content in copy.items()}, tmp_path)))
    assert [item.item_id for item in found if item.skip is None] == ["PMC123/fig1"]


@pytest.mark.parametrize(
    "url, answer, skip",
    [
        ("https://example.org/paper", None, "the address contains no DOI, PMCID or PubMed id"),
        ("10.1000/a", b'{"resultList": {"result": []}}', EMPTY_ANSWER),
        ("PMC123", b'{"resultList": {"result": []}}', EMPTY_ANSWER),
        ("PMC123", None, EMPTY_ANSWER),
        ("10.1000/a", None, "page is gone: HTTP 404"),
    ],
)
def test_an_article_that_is_not_found_is_a_row(tmp_path, url, answer, skip):
    files = {mirror_path(search_address(url)): answer} if answer else {}
    (item,) = Papers().page_items(Site(files, tmp_path), url)
    assert item.skip == skip


def test_an_empty_answer_is_suspect_and_an_answer_with_an_article_is_not(tmp_path):
    class Busy(Live):
        def get(self, url, headers=None, suspect=None):
            page = super().get(url)
            return super().get(f"{url}&again") if suspect is not None and suspect(page) else page

    empty, full = b'{"resultList": {"result": []}}', b'{"resultList": {"result": [{"pmcid": "PMC123"}]}}'
    url = search_address("10.1000/a")
    answers = {url: empty, f"{url}&again": full, TEXT: jats("Chest X-ray."), **bucket({"fig1.jpg": picture()})}
    (item,) = Papers().page_items(Busy(tmp_path, answers), "10.1000/a")
    assert (item.item_id, item.skip) == ("PMC123/fig1", None)


def test_an_article_is_read_by_its_pmcid_while_the_search_is_busy(tmp_path):
    content = jats("Chest X-ray on admission.").replace(
        b"<body>",
        b"<front><article-meta><title-group><article-title>COVID-19: a case report</article-title></title-group>"
        b"</article-meta></front><body>",
    )
    answers = bucket({"PMC123.1.xml": content, "fig1.jpg": picture()})
    answers[search_address("PMC123")] = b'{"hitCount": 0, "resultList": {"result": []}}'
    (item,) = Papers().page_items(Live(tmp_path, answers), "https://pmc.ncbi.nlm.nih.gov/articles/PMC123/")
    assert (item.item_id, item.label, item.licence, item.skip) == ("PMC123/fig1", "covid", "CC-BY", None)


def test_every_address_of_the_catalogue_names_an_article():
    assert all(search_address(url) for url in catalog("papers"))


@given(st.text(max_size=60), st.binary(max_size=120), st.text(max_size=120))
def test_any_text_is_rows(tmp_path_factory, url, content, caption):
    folder = tmp_path_factory.getbasetemp()
    escaped = "".join(f"&#{ord(letter)};" for letter in caption if letter.isprintable())
    found = [
        *Papers().page_items(Site({}, folder), url),
        *items_of(folder, {TEXT: content}),
        *items_of(folder, {TEXT: jats(escaped), FIGURE: content}),
        *items_of(folder, {OPEN.page_url: content}, replace(OPEN, pmcid=None)),
    ]
    assert len(found) >= 4
    assert all(item.view in VIEWS and item.label in (None, *LABELS) for item in found)


# ----------------------------------------------------------------------------------------------------------- sites


def bytes_of(item: Item, site: Site) -> bytes | None:
    urls = [mirror_path(url) for url in (item.url, *item.alternates)]
    content = next((site.files[url] for url in urls if url in site.files), None)
    if content is None or item.member is None:
        return content
    return dict(read_members(site.archive(item.url), [item.member])).get(item.member)


def test_every_film_of_the_synthetic_site_is_listed(tmp_path):
    originals = []
    for n in range(48):
        stated = {"stated_view": ["PA", "AP", "AP_SUPINE", None, "L", "CT"][n % 6], "offset_days": (None, 3, 12)[n % 3]}
        person = {"stated_age": None if n // 2 % 5 == 0 else 20.0 + n, "stated_sex": ("F", "M", None)[n % 3]}
        extension = ("jpg", "png", "jpeg")[n % 3]
        originals.append(replace(film(n, patient_id=f"p{n // 2}", extension=extension), **stated, **person))
    items, site = list_items(Papers(), render, originals, tmp_path)
    found = {data: item for item in items if (data := bytes_of(item, site)) is not None}
    for each in originals:
        is_ct = each.stated_view == "CT"
        if is_ct and each.data not in found:
            continue  # a CT figure is not looked for in archives
        read = found[each.data]
        assert (read.label, read.view) == ("covid", each.stated_view or "unknown")
        assert (read.age, read.sex, read.offset_days) == (each.stated_age, each.stated_sex, each.offset_days)
        assert (read.licence, read.redistributable) == ("CC-BY", True)
        assert read.skip == ("CT according to its caption" if is_ct else None)
    reasons = Counter((item.skip or "fetch").split(" (")[0] for item in items)
    assert reasons["fetch"] == sum(each.stated_view != "CT" for each in originals)
    assert reasons["the article was retracted"] == 2
    assert reasons["no open full text at Europe PMC, and programs may not read the pages of closed.example.org"] == 1
    assert {(item.member is None, "biomedcentral" in item.url) for item in items if item.skip is None} == {
        (True, True),
        (True, False),
        (False, False),
    }


def test_the_offline_copy_lists_92_figures_of_26_articles(mirror):
    copy = Mirror(mirror)
    listed = list(Papers().items(copy))
    assert len({item.page_url for item in listed}) == 26
    assert Counter(item.label for item in listed) == {"covid": 86, "cap": 5, None: 1}
    assert Counter(item.skip for item in listed) == {None: 79, "CT according to its caption": 13}
    assert all(copy.holds(item) for item in listed if item.skip is None)
    assert Counter(item.redistributable for item in listed) == {True: 23, False: 69}


@pytest.mark.parametrize(
    "name, count",
    [("https://doi.org/10.3348/kjr.2020.0132", 10), ("PMC8069347", 4), ("https://www.thno.org/v10p5641.htm", 1)],
)
def test_an_article_of_the_offline_copy_is_read_by_its_name(mirror, name, count):
    found = list(Papers().page_items(Mirror(mirror), name))
    assert len(found) == count
    assert all(item.skip is None or "CT" in item.skip or "no DOI" in item.skip for item in found)
