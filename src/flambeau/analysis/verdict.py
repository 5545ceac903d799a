"""A verdict on the gradient flow in plain words: the number, its cause, its remedy."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from flambeau.analysis.learning_layers import Row
from flambeau.errors import DataError

# A verdict is a rule of thumb, and these are its numbers.
LITTLE, MUCH = 0.03, 30.0  # of the top layer's gradient
SATURATED = 0.5  # share of a layer's answers on the flat parts
DEAD = 0.4  # share of a layer's units that never answer
STILL, WILD = 1e-5, 0.1  # ‖ΔW‖ / ‖W‖ of a step; about 1e-3 is healthy

Numbers = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its ``kind`` in a word, the number in a sentence, its ``cause`` and its ``remedy``.

    >>> print(Finding("dead", "layer 2: 40 % of the units never answer", "the rate was too high", "lower it"))
    Dead: layer 2: 40 % of the units never answer.
      Cause: the rate was too high.
      Remedy: lower it.
    """

    kind: str
    number: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        """Three lines."""
        return f"{self.kind.capitalize()}: {self.number}.\n  Cause: {self.cause}.\n  Remedy: {self.remedy}."


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a network's gradients say: ``rows``, per-layer ``numbers`` (column -> one per row), ``findings``.

    Print it for a small table and the findings in words; none of them means healthy.
    """

    rows: tuple[Row, ...]
    numbers: dict[str, np.ndarray]
    findings: tuple[Finding, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The findings in a word each: "vanishing", "exploding", "saturated", "dead", "still", "wild"; or "healthy"."""
        return tuple(finding.kind for finding in self.findings) or ("healthy",)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def table(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """``(header, rows)`` of the small table, as text; the top layer first, as gradients travel."""
        every = range(len(self.rows))
        shown = {head: write for head, write in CELLS.items() if any(write(self.numbers, row) for row in every)}
        body = [(row.name, row.kind, *(write(self.numbers, place) for write in shown.values()))
                for place, row in enumerate(self.rows)]  # fmt: skip
        return ("", "units", *shown), tuple(reversed(body))

    def __str__(self) -> str:
        """The table and the findings."""
        header, body = self.table()
        widths = [max(len(row[i]) for row in (header, *body)) for i in range(len(header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                 for row in (header, *body)]  # fmt: skip
        words = [str(finding) for finding in self.findings] or ["Healthy: every layer receives its share and moves."]
        return "\n".join([*lines, *words])


def judge(rows: Sequence[Row], numbers: Numbers) -> Verdict:
    """The verdict on per-layer numbers, bottom row first; what a number is not there for is not asked.

    ``numbers``: the columns of :class:`~flambeau.monitors.GradientFlow`, each ``(rows,)``.

    >>> verdict = judge((Row("a"), Row("b"), Row("c")), {"delta": np.asarray([0.001, 0.02, 1.0])})
    >>> verdict.kinds, verdict.findings[0].number
    (('vanishing',), "a receives 0.1 % of the top layer's gradient")

    Raises :class:`~flambeau.errors.DataError` for gradients that are not finite.
    """
    known = {name: np.asarray(values, float) for name, values in numbers.items()}
    for column in ("delta", "weight_gradient"):
        finite = np.isfinite(known.get(column, np.zeros(0)))
        if not finite.all():
            where = rows[int(np.argmin(finite))].name
            remedy = "check the data for such values, or lower the learning rate"
            raise DataError(f"gradient flow, {where}", "finite gradients", "NaN or infinity", remedy)
    found = (check(tuple(rows), known) for check in CHECKS)
    return Verdict(tuple(rows), known, tuple(finding for finding in found if finding is not None))


def received_words(numbers: Numbers) -> np.ndarray:
    """What every row receives, as a share of the top one: of δ, or of the weight gradients where δ is not known."""
    norms = numbers["delta"] if "delta" in numbers else numbers["weight_gradient"]
    return norms / (norms[-1] or norms.max() or 1.0)


def vanishing_words(rows: tuple[Row, ...], numbers: Numbers) -> Finding | None:
    """Some layer receives little of what the top one does."""
    share = received_words(numbers)
    worst = int(np.argmin(share))
    if share[worst] >= LITTLE:
        return None
    number = f"{rows[worst].name} receives {worded_parts(share[worst])} of the top layer's gradient"
    return Finding("vanishing", number, *why_less(rows, numbers, worst))


def why_less(rows: tuple[Row, ...], numbers: Numbers, worst: int) -> tuple[str, str]:
    """What shrinks the gradient on its way down, the slopes or the weights: ``(cause, remedy)``."""
    factor, slope = layer_words(numbers, worst)
    between = slice(worst, len(rows) - 1)
    each = f"each layer passes on about {worded_parts(factor)}"
    if np.isnan(slope):
        return each, "see where it is lost: weights that are too small, or units on the flat part of their slope"
    if slope == 0:
        return "a layer whose units are all silent passes nothing down", "see the silent units first"
    each += f" (slopes {slope:.2g} times, weights {factor / slope:.2g} times)"
    if slope >= factor / slope:
        return f"{each}: the weights are small", "larger initial weights: glorot for tanh, he for ReLU"
    if numbers["saturated"][between].max() > SATURATED:
        return f"{each}: many units are on a flat part of their slope", "smaller weights, or inputs of deviation 1"
    steepest = max(row.steepest for row in rows[between])
    if steepest < 1:
        unit = next(row.units for row in rows[between] if row.steepest == steepest)
        return (f"{each}; the slope of a {unit} is at most {fraction(steepest)}",
                "tanh with glorot's weights or ReLU with he's, or pre-training layer by layer")  # fmt: skip
    return f"{each}: the slopes are small", "inputs of mean 0 and deviation 1, smaller weights, or ReLU with he's"


def exploding(rows: tuple[Row, ...], numbers: Numbers) -> Finding | None:
    """Some layer receives a multiple of what the top one does."""
    share = received_words(numbers)
    worst = int(np.argmax(share))
    if share[worst] <= MUCH:
        return None
    factor, slope = layer_words(numbers, worst)
    each = f"each layer multiplies what comes down by about {factor:.2g}"
    if slope > 0:
        each += f" (slopes {slope:.2g} times, weights {factor / slope:.2g} times)"
    number = f"{rows[worst].name} receives {share[worst]:,.0f} times the top layer's gradient"
    remedy = "smaller initial weights (glorot for tanh, he for ReLU, orthogonal); clip_norm for what is left"
    return Finding("exploding", number, f"{each}: the weights are large", remedy)


def layer_words(numbers: Numbers, worst: int) -> tuple[float, float]:
    """By how much a layer between row ``worst`` and the top multiplies the gradient, and its slopes' part of that.

    Geometric means; the slopes' part is NaN where slopes are not known, and 0 where a layer is silent.
    """
    share = received_words(numbers)[worst]
    factor = float(share ** (1 / (len(received_words(numbers)) - 1 - worst)))
    slopes = numbers["slope"][worst:-1] if "slope" in numbers else np.asarray([np.nan])
    return factor, 0.0 if slopes.min() == 0 else float(np.exp(np.mean(np.log(slopes))))


def saturated(rows: tuple[Row, ...], numbers: Numbers) -> Finding | None:
    """Some hidden layer answers mostly from the flat ends of its activation."""
    share = of_hidden(rows, numbers, "saturated", lambda row: row.bounded)
    if not (share > SATURATED).any():
        return None
    return Finding(
        "saturated",
        f"{worst_of(rows, share)} of the answers lie where the slope is below 5 % of its largest",
        "the net inputs are large: large weights, inputs that are not scaled, or steps that were too long",
        "scale the inputs to mean 0 and deviation 1, start from smaller weights, lower the learning rate",
    )


def dead(rows: tuple[Row, ...], numbers: Numbers) -> Finding | None:
    """Some hidden layer of units that can fall silent has many that never answer."""
    share = of_hidden(rows, numbers, "dead", lambda row: not row.bounded)
    if not (share > DEAD).any():
        return None
    return Finding(
        "dead",
        f"{worst_of(rows, share)} of the units answered no example at all",
        "their net inputs are below 0 for every example, so no gradient reaches them and they stay so",
        "he's weights, a lower learning rate, biases that start at 0 or a little above, or leaky_relu",
    )


def still(rows: tuple[Row, ...], numbers: Numbers) -> Finding | None:
    """No layer moves."""
    update = numbers.get("update", np.zeros(0))
    if not update.size or update.max() >= STILL or update.max() == 0:
        return None
    return Finding("still", f"a step changes no layer's weights by more than {worded_parts(update.max())}",
                   "the learning rate is small for these gradients, or training is over",
                   "a learning rate some ten or hundred times as high, or adam")  # fmt: skip


def wild(rows: tuple[Row, ...], numbers: Numbers) -> Finding | None:
    """Some layer changes too much at once."""
    update = numbers.get("update", np.zeros(0))
    if not update.size or update.max() <= WILD:
        return None
    return Finding("wild", f"a step changes the weights of {worst_of(rows, update, ' by ')}",
                   "the learning rate is high for these gradients",
                   "a learning rate some ten times as low, or clip_norm")  # fmt: skip


CHECKS: tuple[Callable[[tuple[Row, ...], Numbers], Finding | None], ...] = (
    vanishing_words, exploding, saturated, dead, still, wild,
)  # fmt: skip


def of_hidden(rows: tuple[Row, ...], numbers: Numbers, column: str, asked: Callable[[Row], bool]) -> np.ndarray:
    """A column where it is asked for, and 0 elsewhere: an output may well be saturated, if it is right."""
    values = np.nan_to_num(numbers.get(column, np.zeros(len(rows))))
    return np.where([row.hidden and asked(row) for row in rows], values, 0.0)


def worst_of(rows: tuple[Row, ...], values: np.ndarray, word: str = ": ") -> str:
    """The row with the largest share, and that share."""
    worst = int(np.argmax(values))
    return f"{rows[worst].name}{word}{worded_parts(values[worst])}"


def worded_parts(share: float) -> str:
    """A share as people say it.

    >>> worded_parts(0.5), worded_parts(0.0071), worded_parts(6.2e-6), worded_parts(0.0)
    ('50 %', '0.71 %', 'one part in 160,000', 'nothing')
    """
    if share >= 0.001:
        return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"
    return f"one part in {float(f'{1 / share:.2g}'):,.0f}" if share > 0 else "nothing"


def fraction(value: float) -> str:
    """1/4 for 0.25."""
    return f"1/{1 / value:.0f}" if 0 < value < 1 and abs(1 / value - round(1 / value)) < 1e-9 else f"{value:.3g}"


def cell(column: str, form: Callable[[float], str]) -> Callable[[Numbers, int], str]:
    """How a column is written; empty where there is no number."""

    def text(numbers: Numbers, row: int) -> str:
        return "" if column not in numbers or np.isnan(numbers[column][row]) else form(float(numbers[column][row]))

    return text


CELLS: dict[str, Callable[[Numbers, int], str]] = {
    "gradient δ": cell("delta", lambda value: f"{value:.1e}"),
    "of the top": lambda numbers, row: f"{received_words(numbers)[row]:.2g}",
    "weight gradient": cell("weight_gradient", lambda value: f"{value:.1e}"),
    "step / weights": cell("update", lambda value: f"{value:.1e}"),
    "slope": cell("slope", lambda value: f"{value:.2f}"),
    "flat": cell("saturated", lambda value: f"{value:.0%}"),
    "dead": cell("dead", lambda value: f"{value:.0%}"),
    "outputs": lambda numbers, row: (
        f"{numbers['mean'][row]:.2f} ± {numbers['deviation'][row]:.2f}" if "mean" in numbers else ""
    ),
}
