"""Chapter 5: channels, shared weights, and pooling."""

import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below, Equal
from flambeau.journey.convolution.training import correlated, large_digit


def cost(layer: fb.structures.AbstractLayer) -> fb.analysis.ParameterRow:
    """What one layer costs."""
    return fb.analysis.parameter_table(fb.networks.FeedForward((layer,))).rows[0]


def gradient_by_copies(x: np.ndarray, delta: np.ndarray, size: int) -> np.ndarray:
    """∂e/∂w as if every place had a kernel of its own, and then the sum over the places."""
    rows, columns = delta.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size))
    own = windows[:rows, :columns, :, :, None] * delta[:, :, None, None, :]
    return np.asarray(own.sum(axis=(0, 1)))


@section("Channels, and what sharing saves")
def channels(page: Telling) -> None:
    """Six kernels are six maps; what sharing saves, and what it means for learning."""
    rng = np.random.default_rng(page.setting.seed)
    kernels = jnp.asarray(rng.random((5, 5, 1, 6)), jnp.float32)
    layer = fb.structures.convolution_layer(kernels, 28, initialisation="glorot")
    units = int(np.prod(layer.structure.unit_shape))
    everything = fb.structures.Dense(jnp.zeros((784, units)))
    shared, dense = cost(layer), cost(fb.structures.Layer(everything, jnp.zeros(units), fb.neurons.ReLU()))
    learned = page.either("nothing is shared", shared.trainable, shared.connections)
    x, delta = rng.random((28, 28)), rng.normal(size=layer.structure.unit_shape)
    found = correlated(
        layer.structure, jnp.asarray(x[None, ..., None], jnp.float32), jnp.asarray(delta[None], jnp.float32)
    )
    copies = gradient_by_copies(x, delta, 5) / page.either("the mean for the sum", 1, delta[..., 0].size)
    off = float(np.abs(np.asarray(found)[:, :, 0] - copies).max() / np.abs(copies).max())
    page.say(
        "One kernel finds one feature, everywhere. With several kernels there are several answers at each point: "
        "*channels*, or maps, as many as kernels: 特征的数目就是通道数 (the number of features is the number of "
        "channels). Since a kernel serves all places, its size is all it costs."
    )
    page.table(
        "Three ways to wire 28 × 28 pixels to 3,456 units in {maps} maps",
        ("wiring", "units", "parameters", "connections"),
        [
            (name, f"{units:,}", f"{parameters:,}", f"{row.connections:,}")
            for name, row, parameters in (
                ("convolution, 6 kernels of 5 × 5", shared, shared.trainable),
                ("the same wires, nothing shared", shared, shared.connections),
                ("dense: every pixel to every unit", dense, dense.trainable),
            )
        ],
        maps=layer.structure.unit_shape[-1],
    )
    page.say(
        "Learning is still back-propagation. A weight that many wires share takes part in all of them, and paths that "
        "meet are summed: its gradient is the sum of what its copies would receive."
    )
    page.beyond(
        "Sharing lowers the complexity of the model",
        Equal([learned, dense.trainable], [156, 2_712_960], "parameters, and those of a dense layer: {found:,}"),
        "nothing is shared",
    )
    page.beyond(
        "A shared weight's gradient is the sum over its copies",
        Below(off, 1e-5, "relative difference {found:tiny}"),
        "the mean for the sum",
    )


@section("Pooling")
def pooling(page: Telling) -> None:
    """LeNet-5, layer by layer: what a unit sees, how many values are left, what it costs."""
    kind = page.either("every map of C3 sees all of S2", "lenet-5", "modern")
    network = fb.networks.lenet("lenet-5", key=jax.random.key(page.setting.seed))
    costs = fb.analysis.parameter_table(network)
    counted = fb.analysis.parameter_table(fb.networks.lenet(kind, key=jax.random.key(page.setting.seed)))
    names = [row.name for row in costs.rows][:5]
    fields = [fb.analysis.receptive_field(network, name).size[0] for name in names]
    values = [int(np.prod(row.units)) for row in costs.rows]
    kernel = jnp.full((5, 5, 1, 1), 0.5)
    layers = tuple(fb.structures.convolution_layer(kernel, size) for size in (28, 24, 20))
    plain = fb.networks.FeedForward(layers)
    without = [fb.analysis.receptive_field(plain, place).size[0] for place in range(3)]
    at_filters = page.either("the pooling is left out", fields[::2], without)
    page.say(
        "After each group of filters LeNet *pools*: four neighbours become one value, so each pooling leaves a quarter "
        "of the values. The next filter's 5 × 5 window then covers twice as many pixels each way, so it can combine "
        "what the first filters found into larger shapes, and it has four times fewer places to visit."
    )
    page.shown(
        "What one unit sees, layer by layer",
        "LeNet-5. The frame is what the unit in the middle of each layer can see, dashed is its right-hand neighbour. "
        "C5 sees everything.",
        lambda: fb.pictures.receptive_field_picture(network, large_digit(), names),
        "Frames on a digit that grow from 5 by 5 pixels to the whole image.",
    )
    page.table(
        "LeNet-5",
        ("layer", "units", "values", "a unit sees", "trainable", "connections"),
        [
            (row.name, "×".join(map(str, row.units)), f"{value:,}", f"{field} × {field}", f"{row.trainable:,}",
             f"{row.connections:,}")
            for row, value, field in zip(costs.rows, values, [*fields, 32, 32], strict=True)
        ]
    )  # fmt: skip
    page.say(
        "In all, {learned:,} numbers are learned, and they work along {wires:,} wires. The output units' 840 weights "
        "are fixed: they are small pictures of the digits, and the nearest one wins.",
        learned=costs.trainable,
        wires=costs.connections,
    )
    page.claim(
        "Each pooling enlarges the receptive field",
        Equal(
            at_filters,
            [5, 14, 32],
            "the three filters see {found} pixels across (without pooling " + ", ".join(map(str, without)) + ")",
        ),
        "the pooling is left out",
    )
    page.beyond(
        "LeNet-5 is the network of its paper",
        Equal([counted.trainable, counted.connections], [60_000, 340_908], "parameters and connections: {found:,}"),
        "every map of C3 sees all of S2",
    )
