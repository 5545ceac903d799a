"""Networks: structures and neurons put together; each reads like the table in its paper."""

from flambeau.networks.feedforward import FeedForward, mlp, perceptron

__all__ = ["FeedForward", "mlp", "perceptron"]
