"""Chapter 5, convolution: a filter that looks everywhere, with weights that every place shares."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.convolution.at_work import later_relu, recognition
from flambeau.journey.convolution.filtering import a_filter, moving
from flambeau.journey.convolution.learned import what_it_learned
from flambeau.journey.convolution.sharing import channels, pooling

PLAN = Plan(
    "convolution",
    "Convolution",
    Quote(
        "卷积提取到的是局部特征，这相当于一个滤波的运算。每一次池化其实都是在增大感受野，使得我们可以将卷积提取到的特"
        "征进行组合；除此之外，可以降低数据的规模，降低模型复杂度。",
        "What a convolution extracts are local features; it is a filtering operation. Each pooling enlarges the "
        "receptive field, so that extracted features can be combined; besides, it shrinks the data and the model.",
    ),
    (a_filter, channels, moving, pooling, recognition, later_relu, what_it_learned),
)
