"""The chapter on convolution, continued: channels and shared weights, moved images, receptive fields."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Table, Told, tiny
from flambeau.journey.convolution_training import correlated, large_digit, projected
from flambeau.pictures import panels
from flambeau.pictures.figures import picture

OUTLINES = jnp.asarray([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1.0]]).reshape(3, 3, 1, 1)


def cost(layer: fb.structures.AbstractLayer) -> fb.analysis.ParameterRow:
    """What one layer costs."""
    return fb.analysis.parameter_table(fb.networks.FeedForward((layer,))).rows[0]


def gradient_by_copies(x: np.ndarray, delta: np.ndarray, size: int) -> np.ndarray:
    """∂e/∂w as if every place had a kernel of its own, and then the sum over the places."""
    rows, columns = delta.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size))
    own = windows[:rows, :columns, :, :, None] * delta[:, :, None, None, :]
    return own.sum(axis=(0, 1))


def channels(setting: Setting) -> Told:
    """Six kernels are six maps; what sharing saves, and what it means for learning."""
    rng = np.random.default_rng(setting.seed)
    layer = fb.structures.convolution_layer(
        jnp.asarray(rng.random((5, 5, 1, 6)), jnp.float32), 28, initialisation="glorot"
    )
    units = int(np.prod(layer.structure.unit_shape))
    everything = fb.structures.Dense(jnp.zeros((784, units)))
    shared, dense = cost(layer), cost(fb.structures.Layer(everything, jnp.zeros(units), fb.neurons.ReLU()))
    x, delta = rng.random((28, 28)), rng.normal(size=layer.structure.unit_shape)
    found = correlated(
        layer.structure, jnp.asarray(x[None, ..., None], jnp.float32), jnp.asarray(delta[None], jnp.float32)
    )
    copies = gradient_by_copies(x, delta, 5)
    off = float(np.abs(np.asarray(found)[:, :, 0] - copies).max() / np.abs(copies).max())
    rows = tuple((name, f"{units:,}", f"{parameters:,}", f"{row.connections:,}") for name, row, parameters in (
        ("convolution, 6 kernels of 5 × 5", shared, shared.trainable),
        ("the same wires, nothing shared", shared, shared.connections),
        ("dense: every pixel to every unit", dense, dense.trainable)))  # fmt: skip
    maps = layer.structure.unit_shape[-1]
    return Section("Channels, and what sharing saves", (
        "One kernel finds one feature, everywhere. With several kernels there are several answers at each point: "
        "*channels*, or maps, as many as kernels. Since a kernel serves all places, its size is all it costs.",
        Table("Three ways to wire 28 × 28 pixels to 3,456 units", ("wiring", "units", "parameters", "connections"),
              rows),
        "Learning is still back-propagation. A weight that many wires share takes part in all of them, and paths that "
        "meet are summed: its gradient is the sum of what its copies would receive.",
    )), (Claim("There are as many features at a point as kernels", "6 kernels, 6 maps", f"{maps} maps", maps == 6),
         Claim("Sharing lowers the complexity of the model", "156 parameters instead of 2,712,960 in a dense layer",
               f"{shared.trainable:,} instead of {dense.trainable:,}",
               (shared.trainable, dense.trainable) == (156, 2_712_960)),
         Claim("A shared weight's gradient is the sum over its copies", "equal, to 10⁻⁵",
               f"relative difference {tiny(off)}", off < 1e-5))  # fmt: skip


def moving(setting: Setting) -> Told:
    """A moved image gives the moved map."""
    digit, step = np.pad(large_digit(), 6), (3, 5)
    outlines = fb.structures.Convolution.over(40, OUTLINES)
    moved = np.roll(digit, step, axis=(0, 1))
    before, after = (np.asarray(projected(outlines, image[None, ..., None]))[0, :, :, 0] for image in (digit, moved))
    off = np.abs(after - np.roll(before, step, axis=(0, 1)))

    def draw(axes: list[Axes]) -> None:
        panels.images([axes[0], axes[2]], [digit, moved], ["a digit", "moved"])
        panels.images([axes[1], axes[3]], [before, after], ["its map", "its map"], signed=True)
        axes[4].imshow(off, cmap="gray_r", vmin=0, vmax=1)
        axes[4].set_title("difference", fontsize=8.5)
        panels.edged(axes)

    return Section("Move the image, and the map moves along", (
        "Because the same kernel looks everywhere, it finds the same feature wherever it lies. A digit that is written "
        "a little lower and further right gives the same map, a little lower and further right. A layer in which every "
        "unit has weights of its own must learn the digit again at every place.",
        Figure("A map follows its image", f"Moved by {step[0]} pixels down and {step[1]} to the right. "
               "Last, the first map moved in the same way, less the second: nothing is left.",
               picture(draw, 1, 5, 1.65), "A digit and its outlines, both moved in the same way, and no difference."),
    )), (Claim("Moving the image moves the map", "no difference but rounding, 10⁻⁵",
               f"largest difference {tiny(float(off.max()))}", bool(off.max() < 1e-5)),)  # fmt: skip


def pooling(setting: Setting) -> Told:
    """LeNet-5, layer by layer: what a unit sees, how many values are left, what it costs."""
    network = fb.networks.lenet("lenet-5", key=jax.random.key(setting.seed))
    costs = fb.analysis.parameter_table(network)
    names = [row.name for row in costs.rows][:5]
    fields = [fb.analysis.receptive_field(network, name).size[0] for name in names]
    values = [int(np.prod(row.units)) for row in costs.rows]
    kernel = jnp.full((5, 5, 1, 1), 0.5)
    layers = tuple(fb.structures.convolution_layer(kernel, size) for size in (28, 24, 20))
    without = [fb.analysis.receptive_field(fb.networks.FeedForward(layers), place).size[0] for place in range(3)]
    rows = tuple((row.name, "×".join(map(str, row.units)), f"{value:,}", f"{field} × {field}", f"{row.trainable:,}",
                  f"{row.connections:,}")
                 for row, value, field in zip(costs.rows, values, [*fields, 32, 32], strict=True))  # fmt: skip
    seen = fb.pictures.receptive_field_picture(network, large_digit(), names)
    quarter = (values[1] * 4, values[3] * 4) == (values[0], values[2])
    return Section("Pooling", (
        "After each group of filters LeNet *pools*: four neighbours become one value. The next filter's 5 × 5 window "
        "then covers twice as many pixels each way, so it can combine what the first filters found into larger shapes, "
        "and it has four times fewer places to visit.",
        Figure("What one unit sees, layer by layer", "LeNet-5. The frame is what the unit in the middle of each layer "
               "can see, dashed is its right-hand neighbour. C5 sees everything.", seen,
               "Frames on a digit that grow from 5 by 5 pixels to the whole image."),
        Table("LeNet-5", ("layer", "units", "values", "a unit sees", "trainable", "connections"), rows),
        f"In all, {costs.trainable:,} numbers are learned, and they work along {costs.connections:,} wires. The output "
        "units' 840 weights are fixed: they are small pictures of the digits, and the nearest one wins.",
    )), (Claim("Each pooling enlarges the receptive field",
               "5, 6, 14, 16, 32 pixels wide; without pooling three filters see 5, 9, 13",
               f"{', '.join(map(str, fields))}; without {', '.join(map(str, without))}",
               (fields, without) == ([5, 6, 14, 16, 32], [5, 9, 13])),
         Claim("Pooling shrinks the data", "each pooling leaves a quarter of the values",
               f"{values[0]:,} to {values[1]:,}, and {values[2]:,} to {values[3]:,}", quarter),
         Claim("LeNet-5 is the network of its paper", "60,000 parameters, 340,908 connections",
               f"{costs.trainable:,} parameters, {costs.connections:,} connections",
               (costs.trainable, costs.connections) == (60_000, 340_908)))  # fmt: skip
