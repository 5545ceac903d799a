"""Learning rules: what changes the connections."""

from flambeau.rules.backprop import Backpropagation, Evaluation
from flambeau.rules.base import AbstractRule, Batch
from flambeau.rules.contrastive import ContrastiveDivergence, ContrastiveState
from flambeau.rules.deep_boltzmann import DeepBoltzmannLearning, DeepBoltzmannState
from flambeau.rules.discriminative import Discriminative, Hybrid, HybridState, LabelEvaluation
from flambeau.rules.hebbian import AbstractAssociator, Covariance, Hebbian, taught
from flambeau.rules.losses import AbstractLoss, CrossEntropy, MaximumAPosteriori, MeanSquaredError, loss
from flambeau.rules.single_layer import DeltaRule, LeastMeanSquares, PerceptronRule
from flambeau.rules.storage import MarginPerceptron, ProbabilityFlow, Projection, Storkey, Unlearning
from flambeau.rules.wake_sleep import UpDown

__all__ = [
    "AbstractAssociator", "AbstractLoss", "AbstractRule", "Backpropagation", "Batch", "ContrastiveDivergence",
    "ContrastiveState", "Covariance", "CrossEntropy", "DeepBoltzmannLearning", "DeepBoltzmannState", "DeltaRule",
    "Discriminative", "Evaluation", "Hebbian", "Hybrid", "HybridState", "LabelEvaluation", "LeastMeanSquares",
    "MarginPerceptron", "MaximumAPosteriori", "MeanSquaredError", "PerceptronRule", "ProbabilityFlow", "Projection",
    "Storkey", "Unlearning", "UpDown", "loss", "taught",
]  # fmt: skip
