"""Chapter 10, associative memory: patterns are stored as minima of an energy, and recalled by going downhill."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.hopfield_memory.attention import attention
from flambeau.journey.hopfield_memory.capacity import capacity
from flambeau.journey.hopfield_memory.dense import dense_memories
from flambeau.journey.hopfield_memory.example import example, ways
from flambeau.journey.hopfield_memory.images import stored_images
from flambeau.journey.hopfield_memory.letters import recalled_letters
from flambeau.journey.hopfield_memory.minima import minima
from flambeau.journey.hopfield_memory.rules import rules

PLAN = Plan(
    "hopfield_memory",
    "Hopfield memory",
    Quote(
        "网络的权重中就存入了它记住的模式，现在，我们要做的是输入一个信息，使得网络进行“联想”，从而激发其之前的“记忆”"
        "。",
        "The network's weights now hold the patterns that it remembers. What we do now is to feed in a message, and "
        "let the network associate, so that its earlier memory is aroused.",
    ),
    (example, ways, recalled_letters, stored_images, capacity, rules, minima, dense_memories, attention),
)
