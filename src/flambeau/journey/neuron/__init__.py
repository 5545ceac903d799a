"""Chapter 1, one neuron: y = f(g(x)), how it gathers (g), how it answers (f), and how it may learn."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.neuron.answering import answers_and_slopes, special_case
from flambeau.journey.neuron.gathering import one_neuron, two_combinations
from flambeau.journey.neuron.graph import graph
from flambeau.journey.neuron.learning import ways_of_learning

PLAN = Plan(
    "neuron",
    "One neuron",
    Quote(
        "ANN 是由独立的单元通过某种方式连接而形成的图。对于每个神经元，我们设 y 为其输出，向量 x 为其输入：y = "
        "f(g(x))。现在很火的 ReLu 函数是 Saturating 函数的一个特例。",
        "An ANN is a graph that independent units form by being connected in some way. For every neuron, let y be its "
        "output and the vector x its input: y = f(g(x)). The ReLU function, now so popular, is a special case of the "
        "saturating function.",
    ),
    (graph, one_neuron, two_combinations, answers_and_slopes, special_case, ways_of_learning),
)
