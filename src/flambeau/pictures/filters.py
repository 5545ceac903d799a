"""Pictures of a network, for your own as for ours: its filters, its feature maps, what it looks at, what a unit sees.

Each function returns PNG bytes. Orange is positive, blue is negative, and the paler the nearer to 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from flambeau.analysis import feature_maps, layer_names, receptive_field, saliency
from flambeau.analysis.feature_maps import has_units, layer_number
from flambeau.analysis.weight_fields import layer_kernels
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks import FeedForward
from flambeau.pictures.figures import BLUE, DIVERGING, GREY, INK, LIGHT, VERMILLION, WIDTH, picture
from flambeau.pictures.panels import bare
from flambeau.pictures.tiles import COLUMNS, Tile, diverging, height_of, in_rows, sheet, tile_size

MAP, STRIP = 0.62, 0.34  # inches: a map's width, and the height of a row of units
IMAGE = 0.8  # and the image's
LABELS = 1.15  # inches for the names of layers


def filters(network: FeedForward, layer: int | str | None = None, *, image: Sequence[int] | None = None) -> bytes:
    """The kernels of a convolution, or the weight images of a dense layer; PNG bytes.

    ``layer`` is a number or a name of ``layer_names``; without it, the lowest layer with weights. A kernel with several
    channels is a column, one tile per channel; connections that a table leaves out are grey. The weights of a dense
    layer are drawn as images of ``image`` (height, width), a square unless told otherwise. At most 32 kernels or units.

    >>> import jax
    >>> from flambeau.networks import convnet
    >>> filters(convnet((8, 8, 1), (3,), (), 2, kernel=3, key=jax.random.key(0)))[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.ConfigurationError` for a layer without weight pictures.
    *Limits.* Above the lowest layer a kernel looks at maps, not at pixels: its picture says little by itself.
    Lecture: 这相当于一个滤波的运算 (it is filtering).
    """
    rows, room = weight_tiles(network, layer, image), WIDTH - 0.2
    size = tile_size(rows, room)
    colours = diverging(np.stack([tile for row in rows for tile in row if tile is not None]))

    def draw(axes: list[Axes]) -> None:
        sheet(axes[0], rows, colours, size, room)

    return picture(draw, height=height_of(rows, size) + 0.15)


def weight_tiles(network: FeedForward, layer: int | str | None, image: Sequence[int] | None) -> list[list[Tile]]:
    """A layer's weights as rows of tiles: kernels, or the images that a dense layer's units look for."""
    kernels = layer_kernels(network, layer)
    if kernels.ndim == 4:
        *_, channels, _ = kernels.shape
        chosen = kernels[..., : 2 * COLUMNS]
        if channels == 1:
            return in_rows(list(np.moveaxis(chosen[:, :, 0], -1, 0)))
        return [[None if np.isnan(kernel).all() else kernel for kernel in np.moveaxis(row, -1, 0)]
                for row in np.moveaxis(chosen, 2, 0)]  # fmt: skip
    fields = kernels[: 2 * COLUMNS]
    side = round(np.sqrt(fields.shape[1]))
    shape = (side, side) if image is None else tuple(image)
    if np.prod(shape) != fields.shape[1]:
        expected, got = f"an image of {fields.shape[1]} pixels", "no shape" if image is None else shape
        raise ConfigurationError("filters.image", expected, got, "pass image=(height, width)")
    return in_rows(list(fields.reshape(-1, *shape)))


def maps(network: FeedForward, image: ArrayLike) -> bytes:
    """The feature maps of one image, layer by layer from the bottom, named and measured; PNG bytes.

    ``image`` ``(height, width)`` or ``(height, width, channels)``. The first 16 maps of each layer are drawn; a layer
    without places in the image is a row of its units.

    >>> import jax
    >>> from flambeau.networks import convnet
    >>> maps(convnet((8, 8, 1), (3,), (), 2, kernel=3, key=jax.random.key(0)), np.zeros((8, 8)))[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.DataError` for what is not one image.
    Lecture: 在一个点上会计算出许多特征，特征的数目就是通道数 (as many features at a place as channels).
    """
    pixels = one_image(image)
    found = feature_maps(network, pixels[None])
    shown, sizes, room = [], [IMAGE], WIDTH - LABELS - 0.2
    for row, layer in zip(found, network.layers, strict=True):
        if has_units(layer):
            output = np.asarray(row.output[0], float)
            output = output.ravel() if output.shape[:-1] == (1, 1) else output  # maps of one pixel are a row of units
            shown.append((row.name, output))
            sizes.append(min(MAP, room / min(output.shape[-1], COLUMNS)) if output.ndim == 3 else STRIP)

    def draw(axes: list[Axes]) -> None:
        labels, panels = axes[::2], axes[1::2]
        for label in labels:
            bare(label)
        label_of(labels[0], "input", pixels.shape)
        ink(panels[0], pixels.mean(axis=-1), room / IMAGE)
        for label, panel, (name, output), size in zip(labels[1:], panels[1:], shown, sizes[1:], strict=True):
            label_of(label, name, output.shape)
            if output.ndim == 3:
                sheet(panel, [list(np.moveaxis(output, -1, 0)[:COLUMNS])], diverging(output), size, room)
            else:
                strip(panel, output)

    high = sum(sizes) + 0.09 * len(sizes) + 0.1
    return picture(draw, len(sizes), 2, high, height_ratios=sizes, width_ratios=[LABELS, room])


def label_of(axes: Axes, name: str, shape: tuple[int, ...]) -> None:
    """A layer's name, and what there is of it."""
    count = f"{shape[-1]} units" if len(shape) == 1 else f"{shape[2]} × {shape[0]}×{shape[1]}"
    axes.text(1, 0.54, name, ha="right", va="bottom", fontweight="bold", transform=axes.transAxes)
    axes.text(1, 0.46, count, ha="right", va="top", fontsize=7.5, color=GREY, transform=axes.transAxes)


def ink(axes: Axes, pixels: np.ndarray, width: float) -> None:
    """The image itself, one tile large, dark ink on paper."""
    bare(axes)
    high, wide = (side / max(pixels.shape) for side in pixels.shape)
    axes.imshow(pixels, cmap="gray_r", extent=(0, wide, high, 0), interpolation="nearest")
    axes.add_patch(Rectangle((0, 0), wide, high, fill=False, edgecolor=GREY, linewidth=0.5))
    axes.set(xlim=(-0.03, width), ylim=(1.03, -0.03), aspect="equal", anchor="W")


def strip(axes: Axes, units: np.ndarray) -> None:
    """A row of units; few of them are numbered."""
    limit = float(np.abs(units).max()) or 1.0
    axes.imshow(units[None], cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    few = len(units) <= 20
    axes.set(xticks=range(len(units)) if few else [], yticks=[])
    axes.tick_params(length=0, pad=1, labelsize=7.5)
    axes.grid(False)
    axes.spines[:].set(visible=True, linewidth=0.5)


def saliency_map(network: FeedForward, images: ArrayLike, unit: Any = None) -> bytes:
    """Where more ink would raise the winning unit (orange) or lower it (blue), below each image; PNG bytes.

    ``images`` ``(n, height, width)`` or ``(n, height, width, channels)``, at most 10; ``unit`` as in
    ``saliency``, whose slopes are drawn, each picture on its own scale.

    >>> import jax
    >>> from flambeau.networks import convnet
    >>> saliency_map(convnet((8, 8, 1), (3,), (), 2, kernel=3, key=jax.random.key(0)), np.ones((3, 8, 8)))[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.DataError` for what is not a few images, and what ``saliency`` raises.
    *Limits.* Those of a slope: it says what a small change does.
    """
    x = np.asarray(images, np.float32)
    x = x[..., None] if x.ndim == 3 else x
    if x.ndim != 4 or not 1 <= len(x) <= 10:
        expected = "1 to 10 images, (n, height, width) or (n, height, width, channels)"
        raise DataError("saliency_map.images", expected, f"shape {x.shape}", "choose a few, for instance images[:8]")
    if unit is None:
        unit = np.asarray(feature_maps(network, x)[-1].output).argmax(axis=-1)
    slopes = np.asarray(saliency(network, x, unit)).sum(axis=-1)
    chosen = np.broadcast_to(unit, len(x))

    def draw(axes: list[Axes]) -> None:
        for column, (pixels, slope) in enumerate(zip(x.mean(axis=-1), slopes, strict=True)):
            limit = float(np.abs(slope).max()) or 1.0
            above, below = axes[column], axes[columns + column]
            above.imshow(pixels, cmap="gray_r")
            above.set_title(f"unit {chosen[column]}")
            below.imshow(slope, cmap=DIVERGING, vmin=-limit, vmax=limit)
            if pixels.min() < pixels.max():
                below.contour(pixels, levels=[pixels.max() / 2], colors=[INK], linewidths=0.6)
            for panel in (above, below):
                frame(panel, ((0, pixels.shape[0]), (0, pixels.shape[1])), edgecolor=LIGHT, linewidth=0.8)
        for panel in axes:
            bare(panel)

    columns = max(len(x), 6)  # a few images stay small
    return picture(draw, 2, columns, 2 * WIDTH / columns + 0.2)


def receptive_field_picture(network: FeedForward, image: ArrayLike, layers: Sequence[int | str] | None = None) -> bytes:
    """What the central unit of each layer sees of an image (in the frame), and its neighbour (dashed); PNG bytes.

    ``image`` ``(height, width)`` or ``(height, width, channels)``; ``layers`` by number or name, all that look through
    windows unless told otherwise. A frame may reach into the padding around the image.

    >>> import jax
    >>> from flambeau.networks import convnet
    >>> network = convnet((8, 8, 1), (3,), (), 2, kernel=3, key=jax.random.key(0))
    >>> receptive_field_picture(network, np.zeros((8, 8)), ["C1", "S2"])[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.ConfigurationError` for layers whose units have no place in the image.
    Lecture: 每一次池化其实都是在增大感受野 (each pooling enlarges the receptive field).
    """
    pixels = one_image(image).mean(axis=-1)
    chosen = [name for name, layer in zip(layer_names(network), network.layers, strict=True)
              if has_units(layer)] if layers is None else list(layers)  # fmt: skip
    fields = [receptive_field(network, layer) for layer in chosen]
    names = [layer_names(network)[layer_number(network, layer)] for layer in chosen]
    edge = max(0, *(-min(field.centre[0][0], field.centre[1][0]) for field in fields)) + 1

    def draw(axes: list[Axes]) -> None:
        for panel, name, field in zip(axes, names, fields, strict=True):
            seen(panel, pixels, field.centre)
            if field.places[1] > 1:
                beside = field.of(field.places[0] // 2, field.places[1] // 2 + 1)
                frame(panel, beside, edgecolor=BLUE, linewidth=1.0, linestyle=(0, (2, 1.5)))
            frame(panel, field.centre, edgecolor=VERMILLION, linewidth=1.6)
            high, wide = pixels.shape
            panel.set(xlim=(-edge - 0.5, wide + edge - 0.5), ylim=(high + edge - 0.5, -edge - 0.5))
            panel.set_title(f"{name}\n{field.size[0]} × {field.size[1]}")

    return picture(draw, 1, len(fields), WIDTH / len(fields) + 0.3)


def seen(axes: Axes, pixels: np.ndarray, field: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """The image, pale outside the field."""
    (top, bottom), (left, right) = field
    veil = np.ones((*pixels.shape, 4))
    veil[..., 3] = 0.72
    veil[max(top, 0) : bottom, max(left, 0) : right, 3] = 0
    axes.imshow(pixels, cmap="gray_r", interpolation="nearest")
    axes.imshow(veil, interpolation="nearest")
    bare(axes)
    high, wide = pixels.shape
    frame(axes, ((0, high), (0, wide)), edgecolor=LIGHT, linewidth=0.8)


def frame(axes: Axes, field: tuple[tuple[int, int], tuple[int, int]], **style: Any) -> None:
    """A frame around pixels."""
    (top, bottom), (left, right) = field
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, **style))


def one_image(image: ArrayLike) -> np.ndarray:
    """One image with its channels."""
    pixels = np.asarray(image, np.float32)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.size == 0:
        expected = "one image, (height, width) or (height, width, channels)"
        raise DataError("image", expected, f"shape {pixels.shape}", "take one of them, or reshape it")
    return pixels
