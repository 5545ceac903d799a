"""How every figure looks: one palette, one page width, and nothing left behind in matplotlib's configuration.

The palette is Okabe and Ito's, told apart with any kind of colour vision; classes also differ in their marks. A figure
is drawn without pyplot, inside a style that ends with it, and handed over as PNG bytes at twice the page's resolution.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from flambeau.errors import ConfigurationError

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#00795A", "#D55E00", "#B0578D", "#56B4E9"
INK, GREY, LIGHT = "#24292f", "#6b7280", "#d9dce1"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
WIDTH = 7.0  # inches; shown 700 CSS pixels wide, so 9 points are read as 12.5 pixels

DIVERGING = LinearSegmentedColormap.from_list("answer", ["#2f7fb8", "#a9cde4", "#fbfaf8", "#f6cfa8", "#d9752b"])

STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures look the same everywhere
    "font.size": 9,
    "mathtext.fontset": "dejavusans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 6,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=SERIES),
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def picture(
    draw: Callable[[list[Axes]], None], rows: int = 1, columns: int = 1, height: float = 3.0, **options: Any
) -> bytes:
    """PNG bytes of a figure of ``rows`` x ``columns`` panels, page-wide and ``height`` inches high.

    ``draw`` receives the panels, row by row; ``options`` go to ``Figure.subplots`` (``sharex``, ``width_ratios``, ...).

    >>> picture(lambda axes: axes[0].set_title("empty"))[:4]
    b'\\x89PNG'
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), dpi=200, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, **options)
        draw(list(axes.ravel()))
        content = io.BytesIO()
        # No date, no version: the same figure is the same bytes.
        figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def record_of(records: Mapping[str, Any], name: str, monitor: str, picture: str) -> np.ndarray:
    """One record, or which monitor would have written it."""
    if name not in records:
        got = ", ".join(records) or "nothing"
        raise ConfigurationError(picture, f"records of {monitor}", got, f"watch with {monitor}")
    return np.asarray(records[name], float)
