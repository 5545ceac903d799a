"""Chapter 6, its way to vary depth: as data, so that networks of every depth share one compiled program."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array

import flambeau as fb
from flambeau import training

ROOM = 8  # hidden layers that there is room for in training


class Skippable(fb.structures.AbstractLayer):
    """A layer that may be left out, and that may be kept as it is.

    Where it is not ``here``, activity and error pass through; where it does not ``learn``, it proposes no change. Both
    are data, and no floats, so they are not learned themselves. (A layer between two sizes is always here.)
    """

    layer: fb.structures.AbstractLayer
    here: Array
    learns: Array

    @property
    def neurons(self) -> None:
        """None that are always there."""
        return None

    def __call__(self, x: Array) -> Array:
        """The layer's output, or its input."""
        return self.chosen(self.layer(x), x)

    def forward(self, x: Array, key: Array) -> fb.structures.Trace:
        """The same, with a trace."""
        trace = self.layer.forward(x, key)
        return trace._replace(output=self.chosen(trace.output, x))

    def backward(self, trace: fb.structures.Trace, error: Array) -> tuple[Array, "Skippable"]:
        """The layer's own backward pass, or the error as it came."""
        below, proposal = self.layer.backward(trace, error)
        learned = jax.tree.map(lambda leaf: jnp.where(self.here & self.learns, leaf, 0), proposal)
        return self.chosen(below, error), Skippable(learned, self.here, self.learns)

    def chosen(self, inside: Array, outside: Array) -> Array:
        """What passes on: through the layer or past it."""
        return jnp.where(self.here, inside, outside) if inside.shape == outside.shape else inside


def of_depth(network: fb.networks.FeedForward, depth: int, frozen: int = 0) -> fb.networks.FeedForward:
    """The network with ``depth`` of its hidden layers, the lowest ``frozen`` of which do not learn."""
    *hidden, top = network.layers
    chosen = [
        Skippable(layer, jnp.asarray(row < depth), jnp.asarray(row >= frozen)) for row, layer in enumerate(hidden)
    ]
    return fb.networks.FeedForward((*chosen, top))


def there(network: fb.networks.FeedForward) -> fb.networks.FeedForward:
    """The same network without the layers that were left out."""
    *hidden, top = network.layers
    kept = (each.layer for each in hidden if isinstance(each, Skippable) and each.here)
    return fb.networks.FeedForward((*kept, top))


def many_descents(
    networks: Sequence[fb.networks.FeedForward], problem: fb.problems.Examples, rate: float, steps: int
) -> tuple[fb.networks.FeedForward, Array]:
    """Adam on the squared error from many starts abreast: the networks (stacked), and every step's loss.

    A population is the training loop itself, mapped over the networks.
    """
    runs = training.population(
        list(networks),
        fb.rules.Backpropagation(),
        problem,
        optimizer=fb.optimizer("adam", rate),
        steps=steps,
        batch_size=len(problem.inputs),  # every step sees all rows
    )
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(run.network for run in runs))
    return stacked, jnp.stack([jnp.asarray(run.history["loss"]) for run in runs])
