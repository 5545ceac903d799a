"""How many instructions a trainer's compiled step has: what XLA's runtime charges for, one by one, on a CPU."""

import re

import equinox as eqx
import jax
import numpy as np

import flambeau as fb
from flambeau import networks, rules, training
from flambeau.training import feeding
from flambeau.training.rounds import advance_rounds
from flambeau.training.session import LAST, Session

FREE = {"parameter", "get-tuple-element", "tuple", "constant", "bitcast", "iota", "after-all"}
CALLED = re.compile(r"(?:body|to_apply|true_computation|false_computation)=%?([\w.\-]+)")
BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")


def computations(text):
    """Name -> lines of instructions."""
    found, name = {}, None
    for line in text.splitlines():
        opened = (
            re.match(r"(?:ENTRY )?%?([\w.\-]+) \(.*\{$", line.strip()) if line and not line.startswith(" ") else None
        )
        if opened:
            name = opened.group(1)
            found[name] = []
        elif name and " = " in line:
            found[name].append(line.strip())
    return found


def operation(line):
    """The name of what an instruction does."""
    return re.search(r"(?:\}|\)|\]|^) ?([a-z][a-z\-]*)\(", line.split(" = ", 1)[1]).group(1)


def counted(all_of, name):
    """Instructions of a computation and of what it calls or repeats (not of what it fuses)."""
    number = 0
    for line in all_of[name]:
        kind = operation(line)
        number += kind not in FREE
        if kind in ("while", "conditional", "call"):
            inner = CALLED.findall(line) + [
                part.strip().lstrip("%") for group in BRANCHES.findall(line) for part in group.split(",")
            ]
            number += sum(counted(all_of, each) for each in inner if each in all_of)
    return number


def step_instructions(network, rule, problem, *, optimizer="adam", batch_size=4, keep=LAST, stopping=None):
    """Instructions of the innermost loop of a run: the scan of steps within the loop of rounds."""
    session = Session(
        network, rule, problem, optimizer, None, 2, batch_size, keep, stopping, (), 0, eqx.is_inexact_array, None
    )
    fed = next(feeding.fed_chunks(problem, session.seed, (0, 0), batch_size, session.steps, 2))
    text = (
        eqx.filter_jit(advance_rounds)
        .lower(*session.call(fed), np.int32(2), np.int32(fed.each))
        .compile()
        .compiled.as_text()
    )
    all_of = computations(text)
    entry = next(
        re.match(r"ENTRY %?([\w.\-]+)", line).group(1) for line in text.splitlines() if line.startswith("ENTRY")
    )

    def loops(name):
        """The loops of a computation, also within what it calls."""
        found = []
        for line in all_of[name]:
            if operation(line) == "while":
                found.append(re.search(r"body=%?([\w.\-]+)", line).group(1))
            elif operation(line) == "call":
                found += loops(CALLED.search(line).group(1))
        return found

    (rounds,) = loops(entry)
    return max(counted(all_of, steps) for steps in loops(rounds) or [rounds])


def families():
    """Name -> (network, rule, problem, settings) of one trainer for every family of rules, small."""
    numbers = np.random.default_rng(0)
    bits = (numbers.random((8, 6)) < 0.5).astype(np.float32)
    labelled = fb.problems.Examples.of(bits, np.eye(3)[numbers.integers(0, 3, 8)])
    flat, spins = (fb.problems.Examples.of(x, np.zeros(8)) for x in (bits, 2 * bits - 1))
    one_column = fb.problems.Examples.of(bits, bits[:, :1])
    key, classify = jax.random.key(0), rules.Backpropagation(rules.CrossEntropy())
    stopping = training.Patience(rules.Evaluation(rules.CrossEntropy()), labelled.everything())
    plain, noisy = (networks.mlp((6, 5, 3), "tanh", "softmax", dropout=dropout, key=key) for dropout in (0.0, 0.2))
    chains = rules.ContrastiveDivergence(fb.dynamics.Persistent(4))
    deep = rules.DeepBoltzmannLearning(fb.dynamics.Persistent(4, 1), 2)
    return {
        "back-propagation": (plain, classify, labelled, {}),
        "back-propagation, dropout, early stopping": (
            noisy, classify, labelled, {"stopping": stopping, "keep": training.Best()}
        ),
        "perceptron, averaged": (
            networks.perceptron(6, 1), rules.PerceptronRule(), one_column,
            {"optimizer": "sgd", "batch_size": 1, "keep": training.Average()},
        ),
        "contrastive divergence": (networks.rbm(6, 5, key=key), chains, flat, {"optimizer": "momentum"}),
        "deep Boltzmann machine": (networks.dbm((6, 5, 4), key=key), deep, flat, {"optimizer": "sgd"}),
        "minimum probability flow": (networks.hopfield(6), rules.ProbabilityFlow(), spins, {"optimizer": "sgd"}),
    }  # fmt: skip
