"""Networks: structures and neurons put together; each reads like the table in its paper."""

from flambeau.networks.attention_separations import (
    AbstractSeparation,
    SoftmaxSeparation,
    SparsemaxSeparation,
    TopSeparation,
    separation_of,
)
from flambeau.networks.convnet import convnet
from flambeau.networks.dbm import DeepBoltzmannMachine, dbm, mean_field_bound
from flambeau.networks.dbn import DeepBeliefNetwork, Directed, dbn, generate, log_joint
from flambeau.networks.dense_interactions import AbstractInteraction, Exponential, Polynomial, dense_capacity
from flambeau.networks.dense_memory import DenseMemory
from flambeau.networks.feedforward import FeedForward, mlp, perceptron
from flambeau.networks.graded_hopfield import GradedHopfield, graded_hopfield
from flambeau.networks.hopfield import HopfieldNetwork, hopfield, recoded
from flambeau.networks.hopfield_attention import HopfieldAttention, hopfield_attention
from flambeau.networks.lenet import lenet
from flambeau.networks.modern_memory import ModernMemory, one_step_bound, pattern_separation
from flambeau.networks.pair_memory import BidirectionalNetwork, SequenceNetwork, bidirectional_memory, sequence_memory
from flambeau.networks.rbm import RestrictedBoltzmannMachine, rbm

__all__ = [
    "AbstractInteraction", "AbstractSeparation", "BidirectionalNetwork", "DeepBeliefNetwork", "DeepBoltzmannMachine",
    "DenseMemory", "Directed", "Exponential", "FeedForward", "GradedHopfield", "HopfieldAttention", "HopfieldNetwork",
    "ModernMemory", "Polynomial", "RestrictedBoltzmannMachine", "SequenceNetwork", "SoftmaxSeparation",
    "SparsemaxSeparation", "TopSeparation", "bidirectional_memory", "convnet", "dbm", "dbn", "dense_capacity",
    "generate", "graded_hopfield", "hopfield", "hopfield_attention", "lenet", "log_joint", "mean_field_bound", "mlp",
    "one_step_bound", "pattern_separation", "perceptron", "rbm", "recoded", "separation_of", "sequence_memory",
]  # fmt: skip
