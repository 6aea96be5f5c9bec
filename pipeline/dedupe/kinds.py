"""In what two films of one exposure differ most, in one word."""

from pipeline.dedupe.proof import Proof

DETAIL = 0.3  # a film that shows less of the other is an enlarged part
CROPPED = 0.95
ANNOTATED = 0.03  # share of the overlap that carries another drawing
CONTRAST = 8.0  # gray levels
RESIZED = 0.02  # relative difference of scale


def kind_of(proof: Proof, a_scale: float, b_scale: float, negatives: int = 0) -> str:
    """mirrored | inverted | detail | annotated | cropped | contrast | resized | reencoded.

    Args:
        proof: of the two films.
        a_scale, b_scale: pixels as received per pool pixel of each film.
        negatives: how many of the two were received as negatives and put right since.
    """
    least = min(proof.a_overlap, proof.b_overlap)
    scale = proof.scale * b_scale / a_scale
    said = {
        "mirrored": proof.change.mirrored,
        "inverted": proof.change.inverted != (negatives == 1),
        "detail": least < DETAIL,
        "annotated": proof.disagreeing > ANNOTATED,
        "cropped": least < CROPPED,
        "contrast": proof.tone > CONTRAST,
        "resized": abs(scale - 1) > RESIZED,
    }
    return next((kind for kind, holds in said.items() if holds), "reencoded")
