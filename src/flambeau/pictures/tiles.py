"""Tiles: many small pictures side by side in one panel, each in a thin frame, sharp at every size."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba

from flambeau.pictures.figures import DIVERGING, LIGHT
from flambeau.pictures.panels import bare

COLUMNS = 16  # tiles beside each other that can still be told apart
LARGEST = 0.8  # inches, of a tile
DOTS = 200  # an inch, as `picture` draws

Tile = np.ndarray | None  # (height, width); None is a grey square


def in_rows(tiles: Sequence[np.ndarray]) -> list[list[Tile]]:
    """Rows of tiles, about equally long: one if they are few, else as few as can be told apart.

    >>> [len(row) for row in in_rows([np.zeros((2, 2))] * 20)]
    [10, 10]
    """
    count = 1 if len(tiles) <= 10 else max(2, -(-len(tiles) // COLUMNS))
    columns = -(-len(tiles) // count)
    return [list(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]


def diverging(values: np.ndarray, share: float = 100.0) -> ScalarMappable:
    """Colours from blue to orange, white at 0, that cover that percentage of the values."""
    limit = float(np.percentile(np.abs(values), share)) or 1.0
    return ScalarMappable(Normalize(-limit, limit), DIVERGING)


def tile_size(rows: Sequence[Sequence[Tile]], room: float, largest: float = LARGEST) -> float:
    """Inches of a tile's width, its share of the space between included."""
    return min(largest, room / max(len(row) for row in rows))


def height_of(rows: Sequence[Sequence[Tile]], size: float) -> float:
    """Inches of all rows."""
    high, wide = shape_of(rows)
    return len(rows) * size * high / wide


def shape_of(rows: Sequence[Sequence[Tile]]) -> tuple[int, int]:
    """(height, width) of the tiles, which is the same for all."""
    high, wide = next(tile.shape for row in rows for tile in row if tile is not None)
    return high, wide


def sheet(
    axes: Axes, rows: Sequence[Sequence[Tile]], mappable: ScalarMappable, size: float, room: float, head: float = 0.0
) -> float:
    """Tiles in thin frames, ``size`` inches from one to the next, in a panel ``room`` inches wide.

    Above each row ``head`` of a tile is left free. Returns how far apart rows are, in tiles.
    """
    high, wide = shape_of(rows)
    scale = max(1, round(size * DOTS / wide))
    gutter = max(2, wide * scale // 20)
    frame = 1 if size < 0.4 else 2
    across, down, top = wide * scale + 2 * frame + gutter, high * scale + 2 * frame + gutter, round(head * wide * scale)
    paper = np.ones((len(rows) * (down + top) - gutter, max(len(row) for row in rows) * across - gutter, 4), np.float32)
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            above, left = y * (down + top) + top, x * across
            paper[above : above + down - gutter, left : left + across - gutter] = to_rgba(LIGHT)
            if tile is not None:
                inner = paper[above + frame : above + frame + high * scale, left + frame : left + frame + wide * scale]
                inner[:] = mappable.to_rgba(np.kron(tile, np.ones((scale, scale))))
    axes.imshow(paper, interpolation="nearest", extent=(0, paper.shape[1] / across, paper.shape[0] / across, 0))
    axes.set(xlim=(0, max(room / size, paper.shape[1] / across)), anchor="W")
    bare(axes)
    return (down + top) / across
