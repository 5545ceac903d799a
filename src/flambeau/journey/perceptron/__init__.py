"""Chapter 2, the perceptron: w += η x (d - y), what it is sure to learn, and what it cannot."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.perceptron.at_work import no_line_is_right, one_layer_reads
from flambeau.journey.perceptron.by_hand import mistakes_by_hand, the_index
from flambeau.journey.perceptron.limits import boolean_functions, promise
from flambeau.journey.perceptron.remedies import remedies
from flambeau.journey.perceptron.whose_gradient import whose_gradient

PLAN = Plan(
    "perceptron",
    "The perceptron",
    Quote(
        "最初的多层感知机使用一种 0-1 激活函数，一旦整合函数的结果超过阈值，那么就输出为 1，否则反之。"
        "但是，它只能表示线性的函数！",
        "The first multi-layer perceptrons used a 0-1 activation: once the combination passes the threshold the output "
        "is 1, otherwise 0. But it can represent linear functions only!",
    ),
    (
        mistakes_by_hand,
        the_index,
        boolean_functions,
        remedies,
        promise,
        no_line_is_right,
        one_layer_reads,
        whose_gradient,
    ),
)
