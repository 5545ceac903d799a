"""Chapter 8, deep belief networks: a joint distribution, layers one by one, samples, and data without labels."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.deep_belief.generation import generation
from flambeau.journey.deep_belief.greedy import greedy_training
from flambeau.journey.deep_belief.joint import the_joint, upwards
from flambeau.journey.deep_belief.labels import unlabelled

PLAN = Plan(
    "deep_belief",
    "Deep belief networks",
    Quote(
        "为了解决这些问题，我们试图使得网络的前几层得到充分的训练；并且使得未标注的数据也可以被用于训练。",
        "To solve these problems, we try to let the first layers of the network be trained fully, and to let "
        "unlabelled data be used for training, too.",
    ),
    (the_joint, upwards, greedy_training, generation, unlabelled),
)
