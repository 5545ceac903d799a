"""Chapter 6: why back-propagation alone had trouble with many layers, trouble by trouble."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.why_depth_fails.cures import what_helps
from flambeau.journey.why_depth_fails.data import bad_ends, more_data
from flambeau.journey.why_depth_fails.speed import slow_training
from flambeau.journey.why_depth_fails.top import the_top_alone
from flambeau.journey.why_depth_fails.vanishing import vanishing

PLAN = Plan(
    "why_depth_fails",
    "Why depth fails",
    Quote(
        "为什么传统的 BP 在深度增加后仍有问题？梯度消失；训练太慢；需要更多的数据；有更多的局部极小值。",
        "Why does traditional back-propagation still have trouble as depth grows? The gradient vanishes; training is "
        "too slow; more data are needed; there are more local minima.",
    ),
    (vanishing, slow_training, the_top_alone, more_data, bad_ends, what_helps),
)
