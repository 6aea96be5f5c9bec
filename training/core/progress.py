"""The progress bar of a training run."""

from typing import Any

import keras
from tqdm import tqdm


class Progress(keras.callbacks.Callback):
    """One progress bar over all steps, with the losses of the last epoch; shown only if stderr is a terminal."""

    def __init__(self, name: str) -> None:
        """Create a bar labeled ``name``; it appears when training begins."""
        super().__init__()
        self.name = name
        self.bar: tqdm[Any] | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        total = (self.params.get("steps") or 0) * self.params["epochs"]
        self.bar = tqdm(total=total or None, desc=self.name, unit="step", leave=False, disable=None)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.bar is not None:
            self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.bar is not None and logs:
            losses = {name: f"{value:.3f}" for name, value in logs.items() if name.endswith("loss")}
            self.bar.set_postfix({"epoch": str(epoch + 1)} | losses)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.bar is not None:
            self.bar.close()
