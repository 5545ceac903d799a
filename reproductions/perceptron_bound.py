"""Novikoff's bound: on a separable problem the perceptron makes at most (R/γ)² mistakes, whatever the order.

1,000 random separable problems: 2 to 20 inputs, 20 to 200 examples, planted margins from 0.02 to 0.5; the rule of
Rosenblatt from a zero start, one example at a time in a random order, until a pass without a mistake. R = max ‖(x, 1)‖.
γ is the exact best margin of any unit vector (the least bound there is), and the planted one beside it.
Source: A. Novikoff, *On convergence proofs for perceptrons*, 1962. Lecture: 单层感知机.
"""

import argparse
import time

import numpy as np

import flambeau as fb
from common import keep

PROBLEMS = 1_000
SHAPES = tuple((samples, features) for samples in (20, 50, 100, 200) for features in (2, 3, 5, 10, 20))  # 20 programs
MARGINS = (0.02, 0.05, 0.1, 0.2, 0.5)
PROTOCOL = {
    "claim": "mistakes <= (R/γ)² in every problem",
    "problems": PROBLEMS,
    "shapes (examples, inputs)": SHAPES,
    "planted margins": MARGINS,
    "rule": "flambeau.Perceptron: w += x (d - y), zero start, batch 1, shuffled every epoch, until no mistake",
    "seeds": "problem number n: random_state = n for the examples and for the order",
}


def main() -> None:
    """Measure, print, keep; exit status 1 if the bound was ever broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=PROBLEMS, help="how many (fewer are not kept)")
    count = parser.parse_args().problems
    started = time.perf_counter()
    rows = np.asarray([one(number) for number in range(count)])
    result = {**summary(rows), "seconds": round(time.perf_counter() - started, 2)}
    for name, value in result.items():
        print(f"{name}: {value}")
    if count == PROBLEMS:
        keep(__file__, PROTOCOL, result)
    raise SystemExit(0 if result["holds"] else 1)


def one(number: int) -> tuple[float, float, float, bool]:
    """Mistakes, the exact bound, the planted bound, and whether it converged."""
    samples, features = SHAPES[number % len(SHAPES)]
    margin = MARGINS[number // len(SHAPES) % len(MARGINS)]
    X, y, direction = fb.problems.separable(samples, features, margin=margin, random_state=number)
    model = fb.Perceptron(max_epochs=10_000, random_state=number).fit(X, y)
    planted = (y * (X @ direction[:-1] + direction[-1])).min()
    radius = np.sqrt((X**2).sum(axis=1).max() + 1)
    return model.mistakes_.sum(), model.mistake_bound_, (radius / planted) ** 2, model.converged_


def summary(rows: np.ndarray) -> dict[str, float | int | bool]:
    """How many broke a bound, and how near the nearest came."""
    mistakes, exact, planted, converged = rows.T
    share = mistakes / exact
    return {
        "problems": len(rows),
        "converged": int(converged.sum()),
        "above the exact bound": int((mistakes > exact).sum()),
        "above the planted bound": int((mistakes > planted).sum()),
        "mistakes, most": int(mistakes.max()),
        "mistakes / bound, median": float(np.median(share)),
        "mistakes / bound, most": float(share.max()),
        "holds": bool(converged.all() and (mistakes <= exact).all() and (mistakes <= planted).all()),
    }


if __name__ == "__main__":
    main()
