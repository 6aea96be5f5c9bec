"""All that is measured on the films of one split."""

from dataclasses import dataclass, replace

from training.core.data import LabeledFilms
from training.evaluate.calibration import calibrate, measure_calibration
from training.evaluate.curves import measure_curves
from training.evaluate.metrics import Performance, Predictions, Table, confusion, measure_performance
from training.evaluate.resample import Estimate

CALIBRATED = "_calibrated"  # end of the names of metrics after calibration


@dataclass(frozen=True)
class Judged:
    """A split with its predictions and metrics.

    Attributes:
        films: the films.
        predictions: as the model gives them.
        calibrated: the same decisions with calibrated probabilities.
        performance: all metrics.
    """

    films: LabeledFilms
    predictions: Predictions
    calibrated: Predictions
    performance: Performance

    @property
    def metrics(self) -> dict[str, Estimate]:
        return self.performance.metrics

    def as_table(self) -> Table:
        """All metrics as flat JSON, the confusion matrix (rows actual), and the number of films of each source."""
        counts = confusion(self.predictions.actual, self.predictions.predicted, len(self.predictions.classes))
        sources = self.films.rows["source"].value_counts().sort_index()
        return self.performance.as_table() | {
            "confusion": counts.astype(int).tolist(),
            "sources": {str(name): int(count) for name, count in sources.items()},
        }


def judge(films: LabeledFilms, predictions: Predictions, temperature: float, seed: int) -> Judged:
    """Measure the predictions, before and after dividing the logits by ``temperature``."""
    calibrated = calibrate(predictions, temperature)
    performance = measure_performance(predictions, seed)
    after = measure_calibration(calibrated, seed)
    metrics = (
        performance.metrics
        | measure_curves(calibrated, seed)
        | measure_calibration(predictions, seed)
        | {f"{name}{CALIBRATED}": value for name, value in after.items()}
    )
    return Judged(films, predictions, calibrated, replace(performance, metrics=metrics))
