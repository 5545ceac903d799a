"""What a network costs: how many numbers it learns, and along how many wires they work."""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from flambeau.analysis.feature_maps import layer_names
from flambeau.foundation.precision import dtype
from flambeau.networks.feedforward import FeedForward
from flambeau.structures import AbstractLayer, AveragePooling, Layer, MaxPooling


@dataclasses.dataclass(frozen=True)
class ParameterRow:
    """One layer: its name, the shape of its units, numbers that are learned, numbers that are not, and its wires."""

    name: str
    units: tuple[int, ...]
    trainable: int
    fixed: int
    connections: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        counts = (f"{count:,}" for count in (self.trainable, self.fixed, self.connections))
        return (self.name, "×".join(map(str, self.units)), *counts)


@dataclasses.dataclass(frozen=True)
class ParameterTable:
    """The layers with units, bottom first, and their sums; printed, it is a table."""

    rows: tuple[ParameterRow, ...]

    @property
    def trainable(self) -> int:
        """How many numbers are learned."""
        return sum(row.trainable for row in self.rows)

    @property
    def fixed(self) -> int:
        """How many are not."""
        return sum(row.fixed for row in self.rows)

    @property
    def connections(self) -> int:
        """How many wires there are, those of the biases included."""
        return sum(row.connections for row in self.rows)

    def __str__(self) -> str:
        total = ParameterRow("sum", (), self.trainable, self.fixed, self.connections)
        header = ("layer", "units", "trainable", "fixed", "connections")
        lines = [header, *(row.cells for row in (*self.rows, total))]
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        return "\n".join(
            "  ".join(f"{cell:{'<' if column < 2 else '>'}{widths[column]}}" for column, cell in enumerate(line))
            for line in lines
        )


def parameter_row(layer: AbstractLayer, name: str, below: tuple[int, ...]) -> ParameterRow | None:
    """The layer's row; ``below`` is the shape of the units under it. None for layers without units of their own."""
    if isinstance(layer, MaxPooling | AveragePooling):
        return ParameterRow(name, (*layer.window.places, *below[2:]), 0, 0, 0)
    if not isinstance(layer, Layer):
        return None
    structure, units = layer.structure, layer.structure.unit_shape
    # With all inputs and all units at 1, correlate adds up 1 for every wire that carries a weight.
    ones: Any = [np.ones((1, *shape), dtype()) for shape in (structure.input_shape, units)]
    wires = np.asarray(eqx.filter_jit(type(structure).correlate)(structure, *ones), np.float64)
    weights, learned = int(np.count_nonzero(wires)), jnp.issubdtype(structure.weights.dtype, jnp.floating)
    biases, bias_wires = (0, 0) if layer.bias is None else (len(layer.bias), math.prod(units))
    trainable = biases + (weights if learned else 0)
    return ParameterRow(name, units, trainable, 0 if learned else weights, round(wires.sum()) + bias_wires)


def parameter_table(network: FeedForward) -> ParameterTable:
    """What each layer costs: parameters, learned or fixed, and connections, Σ correlate(1, 1) + one wire per bias.

    >>> import jax
    >>> from flambeau.networks import lenet
    >>> print(parameter_table(lenet("lenet-5", key=jax.random.key(0))))
    layer   units     trainable  fixed  connections
    C1      28×28×6         156      0      122,304
    S2      14×14×6          12      0        5,880
    C3      10×10×16      1,516      0      151,600
    S4      5×5×16           32      0        2,000
    C5      1×1×120      48,120      0       48,120
    F6      84           10,164      0       10,164
    output  10                0    840          840
    sum                  60,000    840      340,908

    Whole-number weights are fixed (LeNet-5's bitmaps), floating ones count as trainable. A weight that no wire carries,
    because a table leaves it out, is none. Wires into a layer's own padding are not counted, pixels that a retina adds
    are. Pooling without weights costs nothing.

    *Limits.* What a run keeps fixed by ``trainable=`` is not known here.
    Source: the table of LeCun, Bottou, Bengio, Haffner 1998. Lecture: 降低模型复杂度 (to lower the complexity).
    """
    rows: list[ParameterRow] = []
    for name, layer in zip(layer_names(network), network.layers, strict=True):
        row = parameter_row(layer, name, rows[-1].units if rows else ())
        if row is not None:
            rows.append(row)
    return ParameterTable(tuple(rows))
