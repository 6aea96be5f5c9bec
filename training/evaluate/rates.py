"""The figure of a learning-rate range test: loss by rate (paper, section 4)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def rates_figure(rates: pd.DataFrame, used: float, title: str) -> Figure:
    """Loss by learning rate, with the rate of the steepest fall and the one that was used.

    Args:
        rates: columns learning_rate, loss, smoothed and steepest, as in ``rates.csv``.
        used: rate that the experiment was trained with.
        title: title of the figure.
    """
    steepest = float(rates.loc[rates["steepest"], "learning_rate"].iloc[0])
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(rates["learning_rate"], rates["loss"], color="0.75", linewidth=1, label="each step")
    axes.plot(rates["learning_rate"], rates["smoothed"], label="smoothed")
    axes.axvline(steepest, color="C1", linestyle="--", linewidth=1, label=f"steepest fall, {steepest:.1e}")
    axes.axvline(used, color="0.4", linestyle=":", linewidth=1, label=f"used, {used:.1e}")
    axes.set_ylim(top=float(np.nanquantile(rates["smoothed"], 0.9)) * 1.5)
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss", title=title)
    axes.legend(frameon=False, fontsize=8)
    return figure
