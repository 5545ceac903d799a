"""Chapter 3, back-propagation: the lecture's derivation, every number of it four ways, and what it can do."""

from flambeau.journey.backpropagation.convexity import is_it_convex
from flambeau.journey.backpropagation.derivation import derivation
from flambeau.journey.backpropagation.digits import digits_at_work
from flambeau.journey.backpropagation.slips import downhill, slips
from flambeau.journey.backpropagation.spirals import spirals
from flambeau.journey.backpropagation.xor import exclusive_or
from flambeau.journey.chapter import Plan, Quote

PLAN = Plan(
    "backpropagation",
    "Back-propagation",
    Quote(
        "在 BP 神经网络上，激活函数被换成了 Sigmoid 函数（这样的性质利于反向传播的建立）。求和的连接导数应该被加起来。",
        "In the BP network the activation is replaced by the sigmoid, whose properties help to set up the backward "
        "pass. Derivatives of connections that are summed must be added up.",
    ),
    (derivation, slips, downhill, exclusive_or, spirals, digits_at_work, is_it_convex),
)
