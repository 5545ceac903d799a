"""The chapter on Hopfield memory, its end: real-valued patterns, one update, and that update is attention."""

import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told, tiny
from flambeau.pictures.samples import samples_picture

COUNT = 128
BETA = 100.0
SHOWN = 10


def attention(setting: Setting) -> Told:
    """Grey digits with their lower half covered."""
    data = fb.problems.load("digits")
    rng = np.random.default_rng(setting.seed)
    chosen = rng.permutation(len(data.data))[:COUNT]
    mean = data.data[chosen].mean(axis=0)
    x = data.data[chosen] - mean  # softmax asks for the largest product: what all share would only drown it
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    cues = x * (np.arange(64) < 32)
    memory = fb.DenseHopfield("softmax", beta=BETA).store(x)
    once = memory.retrieve(cues, steps=1)
    z = BETA * (cues.astype(np.float64) @ x.T)
    shares = np.exp(z - z.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    off = float(np.abs(once - shares @ x).max())
    path = [memory.energy(states) for states in (cues, once, memory.retrieve(once, steps=1))]
    rise = float(np.diff(path, axis=0).max())
    nearest = (once @ x.T).argmax(axis=1)
    right = float((nearest == np.arange(COUNT)).mean())
    blurred = memory.retrieve(cues, steps=1, beta=1.0)[:SHOWN]
    shown = mean + 26 * np.stack([x[:SHOWN], cues[:SHOWN], once[:SHOWN], blurred])
    return Section("Real numbers: memory is attention", (
        "Let states and patterns be real, and F the exponential. Then a single update does it (Ramsauer and others, "
        "2020):",
        Equation("q ← X^T softmax(β X q)", "ask all patterns, and mix them by their answers"),
        "Read q as a query and the rows of X as keys and values, and this is the attention of a transformer, "
        f"$softmax(β q K^T) V$. {COUNT} grey digits, twice as many as there are pixels, their mean "
        "subtracted; the lower half is covered, which leaves the mean there:",
        Figure("One update", f"β = {BETA:g} picks one pattern out; at β = 1 all {COUNT} have a say, and blur.",
               samples_picture(np.clip(shown / data.data.max(), 0, 1), (8, 8),
                               ["stored", "cue", f"β = {BETA:g}", "β = 1"]),
               "Rows of ten small pictures: digits, their upper halves, whole digits, grey blurs."),
        "In code: `memory = fb.DenseHopfield(\"softmax\", beta=100).store(images)`, then `memory.retrieve(cues)` and "
        "`memory.energy(cues)`; as a layer of a network it is `fb.networks.hopfield_attention`.",
    )), (
        Claim("Modern retrieval is attention", "equal to softmax(β q X′) X in double precision, to 10⁻⁴",
              f"{COUNT} queries, largest difference {tiny(off)}", off < 1e-4),
        Claim("Different inputs bring up different memories", "from its upper half, 8 in 10 digits or more",
              f"{right:.1%} of {COUNT}, in one update", right > 0.8),
        Claim("Each update lowers the energy", "no rise beyond rounding, 10⁻⁵",
              f"largest change of two updates {tiny(rise) if rise > 0 else 'not above 0'}", rise < 1e-5),
    )  # fmt: skip
