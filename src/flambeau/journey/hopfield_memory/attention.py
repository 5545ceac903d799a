"""Chapter 10, its end: real-valued patterns, one update, and that update is attention."""

from typing import Any

import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below
from flambeau.journey.samples import ShareAbove
from flambeau.pictures.samples import samples_picture

COUNT, SHOWN = 128, 10
BETA = 100.0


def softmaxed(cues: np.ndarray, x: np.ndarray, beta: float) -> np.ndarray:
    """softmax(β q X′) X in double precision."""
    z = beta * (cues.astype(np.float64) @ x.T)
    shares = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True) @ x)


@section("Real numbers: memory is attention")
def attention(page: Telling) -> None:
    """Grey digits with their lower half covered."""
    data = fb.problems.load("digits")
    chosen = np.random.default_rng(page.setting.seed).permutation(len(data.data))[:COUNT]
    mean = data.data[chosen].mean(axis=0)
    x = data.data[chosen] - mean  # softmax asks for the largest product: what all share would only drown it
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    x = (x / lengths).astype(np.float32)
    cues = x * (np.arange(64) < 32)
    memory = fb.DenseHopfield("softmax", beta=BETA).store(x)
    once = memory.retrieve(cues, steps=1, beta=page.either("β = 1", BETA, 1.0))
    off = float(
        np.abs(memory.retrieve(cues, steps=1) - softmaxed(cues, x, page.either("no β in the softmax", BETA, 1.0))).max()
    )
    path = [memory.energy(states) for states in (cues, memory.retrieve(cues, steps=1), memory.retrieve(cues, steps=2))]
    rise = float(page.either("uphill", 1, -1) * np.diff(path, axis=0)[0].max())
    right = int(((once @ x.T).argmax(axis=1) == np.arange(COUNT)).sum())

    def shown() -> bytes:
        blurred = memory.retrieve(cues, steps=1, beta=1.0)
        grey = mean + lengths[:SHOWN] * np.stack([x[:SHOWN], cues[:SHOWN], once[:SHOWN], blurred[:SHOWN]])
        names = ["stored", "cue", f"β = {BETA:g}", "β = 1"]
        return samples_picture(np.clip(grey / data.data.max(), 0, 1), (8, 8), names)

    page.say(
        "Let states and patterns be real, and F the exponential. Then a single update does it (Ramsauer and others, "
        "2020):"
    )
    page.equation("q ← X^T softmax(β X q)", "ask all patterns, and mix them by their answers")
    page.say(
        "Read q as a query and the rows of X as keys and values, and this is the attention of a transformer, "
        "$softmax(β q K^T) V$. {count} grey digits, twice as many as there are pixels, their mean subtracted and "
        "scaled to length 1 (without the scaling the digits with most ink drown the others); the lower half is "
        "covered, which leaves the mean there:",
        count=COUNT,
    )
    page.shown(
        "One update",
        "β = {beta:g} picks one pattern out; at β = 1 all {count} have a say, and blur.",
        shown,
        "Rows of ten small pictures: digits, their upper halves, whole digits, grey blurs.",
        beta=BETA,
        count=COUNT,
    )
    page.say(
        'In code: `memory = fb.DenseHopfield("softmax", beta=100).store(images)`, then `memory.retrieve(cues)` and '
        "`memory.energy(cues)`; as a layer of a network it is `fb.networks.hopfield_attention`."
    )
    _claimed_attention(page, off, right, rise)


def _claimed_attention(page: Telling, off: Any, right: Any, rise: Any) -> None:
    """What is claimed."""
    page.beyond(
        "Modern retrieval is attention",
        Below(off, 1e-4, f"{COUNT} queries {{found:tiny}} from softmax(β q X′) X in double precision"),
        "no β in the softmax",
    )
    page.beyond(
        "From its upper half a digit comes back in one update", ShareAbove(right, COUNT, 0.8, "digits"), "β = 1"
    )
    page.beyond(
        "Each update lowers the energy",
        Below(rise, 1e-5, f"largest change of {COUNT} first updates {{found:tiny}}"),
        "uphill",
    )
