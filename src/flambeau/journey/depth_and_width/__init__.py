"""Chapter 4, depth and width: what one and two hidden layers express, and what a unit is worth in either place."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.depth_and_width.expression import one_hidden_layer, two_hidden_layers
from flambeau.journey.depth_and_width.price import exact_savings, trained_savings

PLAN = Plan(
    "depth_and_width",
    "Depth and width",
    Quote(
        "3 层的网络可以表达所有连续函数，而 4 层网络可以拟合所有函数（包括离散）。"
        "我们增加复杂度的时候一般是增加深度，这是因为深度增加带来的复杂度开销小于增加宽度。",
        "A network of 3 layers can express every continuous function, and one of 4 layers can fit every function, "
        "discrete ones included. To add complexity one usually adds depth, because it costs less than width.",
    ),
    (one_hidden_layer, two_hidden_layers, trained_savings, exact_savings),
)
