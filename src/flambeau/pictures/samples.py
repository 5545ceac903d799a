"""Pictures of a Boltzmann machine: what its hidden units look for, and what it draws when left to itself.

Each function returns PNG bytes. In receptive fields orange is positive and blue negative; samples are ink on paper.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike

from flambeau.analysis import weight_fields
from flambeau.errors import ConfigurationError, DataError
from flambeau.pictures.figures import WIDTH, picture, record_of
from flambeau.pictures.tiles import COLUMNS, diverging, height_of, in_rows, sheet, tile_size

ROWS = 8
LABELS = 0.75  # inches beside the tiles
INK = "gray_r"
EXTREME = 99.8  # percent of the weights that the colours cover


def receptive_fields_picture(
    machine: Any, image_shape: Sequence[int], units: int | Sequence[int] | None = None
) -> bytes:
    """The weights of hidden units as images, all on one symmetric colour scale; PNG bytes.

    Arguments: ``machine``, a Boltzmann machine, a deep one or a belief network (their lowest layer), a fitted estimator
    or the fields themselves ``(units, visible)``, such as a record of :class:`~flambeau.monitors.ReceptiveFields`;
    ``image_shape`` (height, width); ``units``, how many from the first, or which; the first 64 unless told otherwise.
    Visible units beyond the image (labels) are left out.

    >>> import jax
    >>> from flambeau.networks import rbm
    >>> receptive_fields_picture(rbm(4, 3, key=jax.random.key(0)), (2, 2))[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.DataError` for another number of pixels, and
    :class:`~flambeau.errors.ConfigurationError` for what has no such weights. *Limits.* The two in a thousand largest
    weights may lie beyond the colours' ends. Lecture: 深度信念网络.
    """
    from sklearn.base import BaseEstimator

    every = weight_fields(machine.network_ if isinstance(machine, BaseEstimator) else machine)
    most = 4 * COLUMNS if units is None else units
    chosen = np.arange(min(most, len(every))) if isinstance(most, int) else np.asarray(most)
    if not len(chosen) or chosen.min() < -len(every) or chosen.max() >= len(every):
        raise ConfigurationError("units", f"some of {len(every)} hidden units", units, "number them from 0")
    tiles = as_images(every[chosen], image_shape, "receptive_fields_picture")
    mappable = diverging(tiles, EXTREME)
    limit = float(mappable.get_clim()[1] or 1.0)
    rows = in_rows(list(tiles))
    room = WIDTH - 0.85  # the rest is the colour bar's
    size = tile_size(rows, room)

    def draw(axes: list[Axes]) -> None:
        sheet(axes[0], rows, mappable, size, room)
        ticks: Any = {"extend": "both", "ticks": [-limit, 0, limit]}
        bar = axes[0].figure.colorbar(mappable, ax=axes[0], aspect=18, pad=0.015, **ticks)
        bar.ax.set_yticklabels([f"−{limit:.2g}", "0", f"+{limit:.2g}"])
        bar.set_label("weight", labelpad=-6)
        bar.outline.set_visible(False)

    return picture(draw, height=max(height_of(rows, size) + 0.1, 1.0))


def as_images(values: np.ndarray, shape: Sequence[int], where: str) -> np.ndarray:
    """Rows as images, labels beyond them left out."""
    size = int(np.prod(shape))
    if len(shape) != 2 or size < 1 or values.shape[-1] < size:
        expected, got = "(height, width) of the visible units", f"{tuple(shape)} for {values.shape[-1]} visible units"
        raise DataError(f"{where}.image_shape", expected, got, "pass the data's own shape")
    return values[..., :size].reshape(*values.shape[:-1], *shape)


def samples_picture(rows: ArrayLike, image_shape: Sequence[int], titles: Sequence[str] | None = None) -> bytes:
    """Samples, or any visible states, as images; PNG bytes.

    Arguments: ``rows`` ``(n, visible)``, with one of the ``titles`` above each, or ``(groups, n, visible)``, a row of
    images for every group, with its title at the left; ``image_shape`` (height, width). At most 16 images side by side
    and 128 in all. Visible units beyond the image (labels) are left out; values from 0 to 1, or from -1 to 1, are
    drawn from white to black, others from their lowest to their highest.

    >>> samples_picture(np.eye(4), (2, 2), ["one", "two", "three", "four"])[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.DataError` for another number of pixels or titles.
    """
    values = np.asarray(rows, float)
    if values.ndim not in (2, 3) or not values.size:
        expected = "rows (n, visible) or (groups, n, visible)"
        raise DataError("samples_picture.rows", expected, f"shape {values.shape}", "give visible states")
    values = values[: ROWS * COLUMNS] if values.ndim == 2 else values[: 2 * ROWS, :COLUMNS]
    if titles is not None and len(titles) < len(values):
        raise DataError("samples_picture.titles", f"{len(values)} titles", len(titles), "give one each, or none")
    tiles = as_images(values, image_shape, "samples_picture")
    low, high = float(values.min()), float(values.max())
    if low >= -1 and high <= 1:
        low, high = (0.0 if low >= 0 else -1.0), 1.0
    mappable = ScalarMappable(Normalize(low, high), INK)
    return grouped(tiles, mappable, titles) if values.ndim == 3 else single(tiles, mappable, titles)


def single(tiles: np.ndarray, mappable: ScalarMappable, titles: Sequence[str] | None) -> bytes:
    """Images one after the other, each with its title above."""
    rows, room, head = in_rows(list(tiles)), WIDTH - 0.1, 0.0 if titles is None else 0.3
    size = tile_size(rows, room)

    def draw(axes: list[Axes]) -> None:
        pitch = sheet(axes[0], rows, mappable, size, room, head)
        for number, title in enumerate(() if titles is None else titles[: len(tiles)]):
            y, x = divmod(number, len(rows[0]))
            font = min(8.5, 14 * size)
            axes[0].text(x + 0.47, y * pitch + 0.8 * head, title, ha="center", va="bottom", fontsize=font)

    return picture(draw, height=height_of(rows, size) + head * size * len(rows) + 0.1)


def grouped(tiles: np.ndarray, mappable: ScalarMappable, titles: Sequence[str] | None) -> bytes:
    """A row of images for every group, its title at the left."""
    room = WIDTH - 0.1 - (LABELS if titles is not None else 0)
    rows: list[list[np.ndarray | None]] = [list(group) for group in tiles]
    size = tile_size(rows, room)

    def draw(axes: list[Axes]) -> None:
        pitch = sheet(axes[0], rows, mappable, size, room)
        for number, title in enumerate(() if titles is None else titles[: len(rows)]):
            axes[0].text(-0.12, (number + 0.48) * pitch, title, ha="right", va="center", fontsize=8.5)

    return picture(draw, height=height_of(rows, size) + 0.1)


def fantasies_picture(records: Mapping[str, ArrayLike], image_shape: Sequence[int], rounds: int = 8) -> bytes:
    """What a sampler had in mind while its machine learned: a row of images for some of the epochs; PNG bytes.

    Arguments: ``run.records["fantasy_particles"]``; ``image_shape`` (height, width); ``rounds``, how many epochs,
    evenly spread from the first to the last. Of persistent chains each column is one chain: a column that stays the
    same is a chain that does not mix.

    >>> fantasies_picture({"visible": np.zeros((20, 5, 4))}, (2, 2))[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.ConfigurationError` for other records, and what ``samples_picture`` raises.
    """
    states = record_of(records, "visible", "FantasyParticles", "fantasies_picture")
    chosen = np.unique(np.linspace(0, len(states) - 1, max(1, min(rounds, 2 * ROWS))).round().astype(int))
    return samples_picture(states[chosen], image_shape, [f"epoch {number + 1}" for number in chosen])
