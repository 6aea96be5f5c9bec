"""The report shows one film of every label as the enhancements of the paper show it."""

import cv2
import numpy as np
from reported import laid_out

from pipeline.core.params import PrepareParams
from pipeline.report.content import Tables
from pipeline.report.enhanced import HEIGHT, SIDE, enhanced_films
from pipeline.report.pictures import choose_kept


def test_a_film_of_every_label_stands_beside_its_enhancements(tmp_path):
    layout = laid_out(tmp_path)
    sheets = enhanced_films(layout, choose_kept(Tables.read(layout).kept), PrepareParams())
    assert [sheet.title.split(":")[0] for sheet in sheets] == ["covid", "normal"]
    for sheet in sheets:
        pictures = [cv2.imdecode(np.frombuffer(each.picture, np.uint8), cv2.IMREAD_GRAYSCALE) for each in sheet.films]
        assert {picture.shape for picture in pictures} == {(SIDE + HEIGHT, SIDE)}
        assert [each.caption.split()[-1] for each in sheet.films] == ["original", "(HE)", "(AHE)", "(CLAHE)", "BEASF"]
        films = [picture[:SIDE].astype(int) for picture in pictures]
        assert all(np.abs(films[0] - film).mean() > 1 for film in films[1:])
        assert all(30 < np.median(picture[SIDE + HEIGHT - 1]) < 256 for picture in pictures)


def test_without_films_there_is_nothing_to_show(tmp_path):
    assert enhanced_films(laid_out(tmp_path), {}, PrepareParams()) == []
