import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import Site

from sources.articles.pmc_bucket import BUCKET, Listing, bucket_article, listing_address, parse_listing
from sources.sandbox.packing import mirror_path

SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def answer(entries):
    return f"<ListBucketResult {SPACE}>{entries}</ListBucketResult>".encode()


def folders(*versions):
    return answer("".join(f"<CommonPrefixes><Prefix>{version}/</Prefix></CommonPrefixes>" for version in versions))


def files(**sizes):
    return answer("".join(f"<Contents><Key>{k}</Key><Size>{size}</Size></Contents>" for k, size in sizes.items()))


def site(folder, answers):
    return Site({mirror_path(url): content for url, content in answers.items()}, folder)


def test_an_answer_is_read_as_a_whole():
    content = answer(
        "<Prefix>PMC1.2/</Prefix><IsTruncated>true</IsTruncated><NextContinuationToken>a+/=</NextContinuationToken>"
        "<CommonPrefixes><Prefix>PMC1.2/</Prefix></CommonPrefixes>"
        "<Contents><Key>PMC1.2/a.jpg</Key><Size>12</Size></Contents><Contents><Key>x</Key><Size>-1</Size></Contents>"
    )
    assert parse_listing(content) == Listing(("PMC1.2/",), {"PMC1.2/a.jpg": 12}, "a+/=")


def test_the_newest_version_is_the_one_with_the_highest_number(tmp_path):
    metadata = {
        "license_code": "CC BY-NC",
        "is_retracted": False,
        "title": "A\n case",
        "doi": "10.1/x",
        "media_urls": [
            f"s3://pmc-oa-opendata/PMC1.10/a%20b.jpg?md5={'a' * 32}",
            "s3://pmc-oa-opendata/PMC1.10/c?md5=0",
            3,
        ],
    }
    answers = {
        listing_address("PMC1."): folders("PMC1.9", "PMC1.10", "PMC1.x", "PMC12.11"),
        listing_address("PMC1.10/"): files(**{"PMC1.10/a b.jpg": 5}),
        f"{BUCKET}/metadata/PMC1.10.json": json.dumps(metadata).encode(),
    }
    article = bucket_article(site(tmp_path, answers), "PMC1")
    assert article is not None
    assert (article.version, article.sizes, article.md5s) == ("PMC1.10", {"a b.jpg": 5}, {"a b.jpg": "a" * 32})
    assert (article.licence, article.is_retracted, article.title, article.doi) == (
        "CC BY-NC",
        False,
        "A case",
        "10.1/x",
    )
    assert article.text_address == f"{BUCKET}/PMC1.10/PMC1.10.xml"
    assert article.address("a b.jpg") == f"{BUCKET}/PMC1.10/a%20b.jpg"


def test_without_metadata_the_files_will_do(tmp_path):
    answers = {listing_address("PMC1."): folders("PMC1.1"), listing_address("PMC1.1/"): files()}
    article = bucket_article(site(tmp_path, answers), "PMC1")
    assert article is not None and (article.licence, article.is_retracted) == (None, False)


def test_an_article_without_a_version_is_not_there(tmp_path):
    assert bucket_article(site(tmp_path, {listing_address("PMC1."): folders()}), "PMC1") is None


def test_a_list_that_never_ends_is_read_for_a_while(tmp_path):
    class Endless(Site):
        requests = 0

        def get(self, url, headers=None, suspect=None):
            Endless.requests += 1
            page = super().get(listing_address("PMC1."))
            return page.__class__(url, page.content.replace(b"TOKEN", b"%d" % Endless.requests))

    more = b"<NextContinuationToken>TOKEN</NextContinuationToken>"
    content = folders("PMC1.1").replace(b"</ListBucketResult>", more + b"</ListBucketResult>")
    bucket_article(Endless({mirror_path(listing_address("PMC1.")): content}, tmp_path), "PMC1")
    assert Endless.requests < 50


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list(content):
    assert isinstance(parse_listing(content), Listing)


def test_entities_are_not_expanded():
    bomb = b'<!DOCTYPE a [<!ENTITY x "y">]><a><CommonPrefixes><Prefix>&x;</Prefix></CommonPrefixes></a>'
    assert parse_listing(bomb).folders in (("",), ())


@pytest.mark.timeout(20)
@pytest.mark.parametrize("content", [b"<Contents>" * 100_000, b"<a>" * 200_000])
def test_monstrous_lists_take_bounded_time(content):
    parse_listing(content)
