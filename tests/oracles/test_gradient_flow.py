"""Every recorded number against plain NumPy, finite differences or a full decomposition; every verdict by its words."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

import flambeau as fb
from flambeau.analysis import (
    Row,
    diagnose,
    diagnose_gradients,
    flow_numbers,
    gradient_flow,
    jacobian_spectrum,
    judge,
    rows_of,
)
from flambeau.analysis.jacobian_spectrum import ends_of_matrix, golub_kahan
from flambeau.monitors import FeatureMotion, GradientFlow, JacobianSpectrum, features, learning_curves
from flambeau.networks import FeedForward, mlp
from flambeau.neurons import LeakyReLU, ReLU, Softmax, Tanh
from flambeau.rules import Backpropagation, Batch, CrossEntropy
from flambeau.structures import AbstractPassage, Dense, Layer
from programs import program
from table import ACTIVATIONS, Circular, drawn, normal


class Flattened(AbstractPassage):
    """A test's own layer without weights."""

    def __call__(self, x):
        return x.reshape(x.shape[0], -1)

    def backward(self, trace, error):
        return error.reshape(trace.x.shape), self


class Scaled(AbstractPassage):
    """A test's own layer that learns and has no neurons: y = a x."""

    factor: Array

    def __call__(self, x):
        return self.factor * x

    def backward(self, trace, error):
        return error * self.factor, Scaled(jnp.sum(error * trace.x, axis=0))


SLOPES = {
    "sigmoid": lambda s: (f := 1 / (1 + np.exp(-s))) * (1 - f),
    "tanh": lambda s: 1 - np.tanh(s) ** 2,
    "relu": lambda s: (s > 0).astype(float),
    "softmax": lambda s: (p := np.exp(s) / np.exp(s).sum(1, keepdims=True)) * (1 - p),
}
OUTPUTS = {
    "sigmoid": lambda s: 1 / (1 + np.exp(-s)),
    "tanh": np.tanh,
    "relu": lambda s: np.maximum(s, 0),
    "softmax": lambda s: np.exp(s) / np.exp(s).sum(1, keepdims=True),
}
STEEPEST = {"sigmoid": 0.25, "tanh": 1.0, "relu": 1.0, "softmax": 0.25}
UNITS = ("sigmoid", "tanh", "relu", "softmax")


def four_layers(gain=1.0):
    network = drawn(mlp, (5, 7, 6, 8, 3), UNITS[:3], "softmax", initialisation="lecun", seed=3)
    biases = [normal(place, layer.bias.size) for place, layer in enumerate(network.layers)]
    return with_parameters(network, [gain * np.asarray(layer.structure.weights) for layer in network.layers], biases)


def with_parameters(network, weights, biases):
    weights, biases = (list(map(jnp.asarray, part)) for part in (weights, biases))
    network = eqx.tree_at(lambda n: [layer.structure.weights for layer in n.layers], network, weights)
    return eqx.tree_at(lambda n: [layer.bias for layer in n.layers], network, biases)


def examples(rows=9, inputs=5, classes=3, padding=2):
    generator = np.random.default_rng(0)
    targets = np.eye(classes)[generator.integers(0, classes, rows)]
    weights = np.append(generator.random(rows - padding) + 0.5, np.zeros(padding))
    return Batch(jnp.asarray(2 * generator.normal(size=(rows, inputs))), jnp.asarray(targets), jnp.asarray(weights))


def by_numpy(network, batch):
    """Every column of the report, one layer and one example at a time; and which units were silent."""
    x, d, w = (np.asarray(part) for part in batch)
    matrices = [(np.asarray(layer.structure.weights), np.asarray(layer.bias)) for layer in network.layers]
    nets, outputs = [], [x]
    for (weights, bias), f in zip(matrices, UNITS, strict=True):
        nets.append(outputs[-1] @ weights + bias)
        outputs.append(OUTPUTS[f](nets[-1]))
    deltas = [outputs[-1] - d]
    for place in (3, 2, 1):
        deltas.insert(0, (deltas[0] @ matrices[place][0].T) * SLOPES[UNITS[place - 1]](nets[place - 1]))
    real, rows, silent = np.flatnonzero(w), [], []
    share = w / w.sum()
    for place, (f, delta, net) in enumerate(zip(UNITS, deltas, nets, strict=True)):
        y, slope = outputs[place + 1], SLOPES[f](net)
        flat = np.abs(slope) < 0.05 * STEEPEST[f]
        mean = sum(share[b] * y[b].mean() for b in real)
        rows.append({
            "delta": np.sqrt(sum(share[b] * np.linalg.norm(delta[b]) ** 2 for b in real)),
            "bias_gradient": np.linalg.norm(sum(share[b] * delta[b] for b in real)),
            "weight_gradient": np.linalg.norm(sum(share[b] * np.outer(outputs[place][b], delta[b]) for b in real)),
            "slope": np.sqrt(sum(share[b] * (slope[b] ** 2).mean() for b in real)),
            "saturated": sum(share[b] * flat[b].mean() for b in real),
            "mean": mean,
            "deviation": np.sqrt(sum(share[b] * ((y[b] - mean) ** 2).mean() for b in real)),
        })  # fmt: skip
        silent.append(flat[real].all(axis=0))
    return {name: np.asarray([row[name] for row in rows]) for name in rows[0]}, silent


def test_every_activation_says_its_steepest_slope(x64):
    s = np.concatenate([np.linspace(-12, 12, 24_001), [np.sqrt(2), 2.3993572735925]])
    net = jnp.asarray(s[:, None] * [1.0, 0.0])  # two units, one at rest, for those that look at their neighbours
    slopes = program(lambda net: {name: f.slope(net, f(net)) for name, f in ACTIVATIONS.items()})(net)
    for name, f in ACTIVATIONS.items():
        np.testing.assert_allclose(f.steepest, np.abs(slopes[name]).max(), rtol=1e-5, err_msg=name)
    assert LeakyReLU(2.0).steepest == 2


@pytest.mark.parametrize("gain", [1.0, 6.0])
def test_every_number_of_one_batch(x64, gain):
    network, batch = four_layers(gain), examples()
    found = eqx.filter_jit(flow_numbers)(network, Backpropagation(CrossEntropy()), batch)
    expected, silent = by_numpy(network, batch)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-10, err_msg=name)
    np.testing.assert_allclose(found["dead"], [each.mean() for each in silent])
    assert gain == 1.0 or (np.asarray(found["saturated"]).min() > 0 and max(each.mean() for each in silent) > 0)


def proposed(rule, network, problem, rows):
    """A step's batch and what the rule proposes."""
    batch = problem.batch(rows, (), jax.random.key(0))
    return batch, rule.propose(network, batch, (), jax.random.key(0))[0]


def test_the_records_of_a_run_are_means_over_its_examples(x64):
    start, rule = four_layers(6.0), Backpropagation(CrossEntropy())
    batch = examples(rows=10, padding=0)
    problem = fb.problems.Examples.of(batch.inputs, batch.targets)  # batches of 4, 4 and 2 with padding
    run = fb.train(start, rule, problem, steps=9, batch_size=4, monitors=(GradientFlow(),), key=1)
    network, steps = start, []
    for rows in problem.feed(np.asarray([0, 1], np.uint32), 0, 3, 4).reshape(-1, 4):
        one, proposal = program(proposed)(rule, network, problem, rows)
        columns, silent = by_numpy(network, one)
        moved = jax.tree.map(lambda v, g: jnp.asarray(np.asarray(v) - 0.1 * g), network, proposal)
        pairs = [(np.asarray(a.structure.weights), np.asarray(b.structure.weights))
                 for a, b in zip(network.layers, moved.layers, strict=True)]  # fmt: skip
        columns["update"] = np.asarray([np.linalg.norm(b - a) / np.linalg.norm(a) for a, b in pairs])
        steps.append((columns, silent))
        network = moved
    records = run.records["gradient_flow"]
    for name in steps[0][0]:
        values = np.stack([columns[name] for columns, _ in steps]).reshape(3, 3, 4)
        if name in ("delta", "slope"):  # root mean squares
            expected = np.sqrt(np.average(values**2, axis=1, weights=[4, 4, 2]))
        elif name == "deviation":
            mean = np.stack([columns["mean"] for columns, _ in steps]).reshape(3, 3, 4)
            moment = np.average(values**2 + mean**2, axis=1, weights=[4, 4, 2])
            expected = np.sqrt(moment - np.average(mean, axis=1, weights=[4, 4, 2]) ** 2)
        else:
            expected = np.average(values, axis=1, weights=[4, 4, 2])
        np.testing.assert_allclose(records[name], expected, rtol=1e-8, err_msg=name)
    for number in range(3):
        quiet = [np.all([silent[row] for _, silent in steps[3 * number : 3 * number + 3]], axis=0) for row in range(4)]
        np.testing.assert_allclose(records["dead"][number], [each.mean() for each in quiet])


def test_how_rows_are_cut_into_steps_says_nothing_of_a_network_that_stands_still(x64):
    """9 rows as 8 and 1, and as one batch: the lone row counts once, and a row of weight 2 twice."""
    import optax

    network, batch = four_layers(6.0), examples(rows=9, padding=0)
    problem = fb.problems.Examples.of(batch.inputs, batch.targets, np.arange(1.0, 10.0), shuffle=False)
    still = {"optimizer": optax.set_to_zero(), "epochs": 1, "monitors": (GradientFlow(),)}
    cut, whole = (
        fb.train(network, Backpropagation(CrossEntropy()), problem, batch_size=size, **still).records["gradient_flow"]
        for size in (8, 9)
    )
    for name in ("delta", "slope", "saturated", "mean", "deviation", "dead"):
        np.testing.assert_allclose(cut[name], whole[name], rtol=1e-8, err_msg=name)


def convolutional():
    """Shared wiring, a layer without weights, one that learns and has no neurons, a dense top."""
    wiring = Layer(Circular(normal(1, 3, 2), 7), normal(2, 2), Tanh())
    top = Layer(Dense(normal(4, 14, 3)), normal(5, 3), Softmax())
    return FeedForward((wiring, Flattened(), Scaled(normal(3, 14)), top))


def test_shared_wiring_and_layers_without_weights_or_neurons(x64):
    network, batch, rule = convolutional(), examples(inputs=7), Backpropagation(CrossEntropy())
    proposal, _, info = program(rule.propose)(network, batch, (), jax.random.key(0))
    found = eqx.filter_jit(flow_numbers)(network, rule, batch)
    assert [row.name for row in rows_of(network)] == ["layer 1", "layer 2", "layer 3"]
    assert [row.kind for row in rows_of(network)] == ["7×2 tanh units", "Scaled", "3 softmax units"]
    net, share = np.asarray(info["traces"][0].net), np.asarray(batch.weights) / np.asarray(batch.weights).sum()
    delta = np.asarray(info["errors"][-1]) * (1 - np.tanh(net) ** 2)
    real = share > 0
    own = delta[real] / share[real, None, None]
    np.testing.assert_allclose(found["delta"][0], np.sqrt(share[real] @ (own**2).sum((1, 2))), rtol=1e-12)
    np.testing.assert_allclose(found["bias_gradient"][0], np.linalg.norm(proposal.layers[0].bias), rtol=1e-12)
    for row, place in enumerate((0, 2, 3)):
        part = proposal.layers[place]
        weights = part.factor if place == 2 else part.structure.weights
        np.testing.assert_allclose(found["weight_gradient"][row], np.linalg.norm(weights), rtol=1e-12)
    for name in ("slope", "saturated", "dead"):
        assert np.isnan(np.asarray(found[name])).tolist() == [False, True, False]
    quiet = (1 - np.tanh(net[real]) ** 2) < 0.05
    np.testing.assert_allclose(found["dead"][0], quiet.all(axis=(0, 1)).mean())  # a channel at all its places
    np.testing.assert_allclose(found["delta"][1], np.sqrt((np.asarray(info["errors"][0])[real] ** 2).sum(1)
                                                          @ (1 / share[real])), rtol=1e-12)  # fmt: skip
    assert "Scaled" in str(gradient_flow(network, rule, batch))


def test_what_is_not_learned_has_a_step_of_0(x64):
    batch = examples(padding=0)
    network, problem = four_layers(), fb.problems.Examples.of(batch.inputs, batch.targets)
    learned = jax.tree.map(lambda leaf: True, network)
    learned = eqx.tree_at(lambda n: (n.layers[0].structure.weights, n.layers[0].bias), learned, (False, False))
    run = fb.train(network, Backpropagation(CrossEntropy()), problem, steps=4, batch_size=4, trainable=learned,
                   monitors=(GradientFlow(), FeatureMotion.on(batch.inputs)))  # fmt: skip
    update = run.records["gradient_flow"]["update"]
    assert (update[:, 0] == 0).all()
    assert (update[:, 1:] > 0).all()
    assert (run.records["feature_motion"]["weights"][:, 0] == 0).all()
    curves = learning_curves(run.records["feature_motion"])
    assert np.isnan(curves[:, 0]).all()
    assert (curves[-1, 1:] == 1).all()


# Singular values

NUDGE = 1e-6


def nudged(x):
    """Every example with each of its numbers a little larger, and a little smaller."""
    moves = NUDGE * np.eye(x[0].size).reshape(-1, *x.shape[1:])
    return np.stack([x[:, None] + moves, x[:, None] - moves])


def quotients(y):
    """∂f/∂x of every example by central differences, as matrices, from the answers to :func:`nudged`."""
    above, below = y.reshape(*y.shape[:3], -1)
    return np.swapaxes(above - below, 1, 2) / (2 * NUDGE)


def outputs(network, x):
    """What goes into every layer, and what comes out at the top."""
    found = [x]
    for layer in network.layers:
        found.append(layer(found[-1]))
    return found


def answers(network, inputs):
    """What every layer makes of inputs of its own, (2, examples, moves, ...), and the whole network of the last."""
    ask = lambda f, x: f(x.reshape(-1, *x.shape[3:])).reshape(*x.shape[:3], -1)  # noqa: E731
    return [ask(f, x) for f, x in zip((*network.layers, network), inputs, strict=True)]


@pytest.mark.parametrize("network", [four_layers, convolutional], ids=["dense", "shared"])
def test_the_spectrum_is_that_of_difference_quotients(x64, network):
    network = network()
    x = np.asarray(examples(inputs=network.layers[0].structure.input_shape[0]).inputs)[:3]
    found = jacobian_spectrum(network, x)
    inputs = [nudged(each) for each in (*program(outputs)(network, x)[:-1], x)]
    learn = [bool(jax.tree.leaves(layer)) for layer in (*network.layers, network)]
    told = zip(learn, program(answers)(network, inputs), strict=True)
    expected = [np.linalg.svd(quotients(y), compute_uv=False) for learns, y in told if learns]
    for row, values in enumerate(expected):
        for name, number in {"largest": np.max, "smallest": np.min, "mean": np.mean}.items():
            wanted = np.mean([number(each) for each in values])
            np.testing.assert_allclose(found[name][row], wanted, rtol=1e-6, atol=1e-8, err_msg=f"{name} {row}")
    first = np.exp(np.mean([np.log(each.max() / each.min()) for each in expected[0]]))
    np.testing.assert_allclose(found["condition"][0], first, rtol=1e-5)


@pytest.mark.parametrize("exact", [64, 1], ids=["decomposed", "by steps"])
def test_a_deep_linear_network_of_orthogonal_weights_neither_stretches_nor_squeezes(x64, exact):
    network = drawn(mlp, (20,) * 4, "identity", initialisation="orthogonal")
    found = jacobian_spectrum(network, np.ones((2, 20)), exact=exact)
    for name, values in found.items():
        np.testing.assert_allclose(values, 1, atol=1e-12, err_msg=name)


@functools.partial(jax.jit, static_argnums=1)
def through(matrix, steps, seed=0):
    """Golub-Kahan on a tall matrix."""
    noise = jax.random.normal(jax.random.key(seed), (steps + 1, matrix.shape[0]))
    return golub_kahan(lambda v: matrix @ v, lambda u: matrix.T @ u, matrix.shape[::-1], noise)


def test_steps_against_the_full_decomposition(x64):
    matrix = np.random.default_rng(0).normal(size=(300, 120))
    values = np.linalg.svd(matrix, compute_uv=False)
    some, all_of_them = through(matrix, 50), through(matrix, 120)
    np.testing.assert_allclose(some.largest, values[0], rtol=1e-8)
    assert values[-1] <= some.smallest <= values[-1] * 1.05
    np.testing.assert_allclose(all_of_them[:2], [values[0], values[-1]], rtol=1e-10)
    small = matrix[:60, :40]
    means = program(jax.vmap(lambda seed: through(small, 10, seed).mean))(np.arange(300))
    expected = np.linalg.svd(small, compute_uv=False).mean()
    np.testing.assert_allclose(means.mean(), expected, rtol=0.02)  # the quadrature is right on average
    np.testing.assert_allclose(program(ends_of_matrix)(matrix), [values[0], values[-1], values.mean()], rtol=1e-10)


def test_steps_go_on_where_nothing_new_is_found(x64):
    few = np.diag([3.0, 3.0, 2.0, 2.0, 2.0, 1.0])  # three distinct values: three steps say all, six are asked for
    np.testing.assert_allclose(through(few, 6)[:2], [3, 1], rtol=1e-12)
    flat = np.random.default_rng(1).normal(size=(30, 20))
    flat[:, 4:] = 0  # rank four
    found = through(flat, 20)
    np.testing.assert_allclose(found.largest, np.linalg.svd(flat, compute_uv=False)[0], rtol=1e-12)
    assert found.smallest < 1e-12


def test_large_layers_go_by_steps(x64):
    network = drawn(mlp, (60, 40), output="tanh")
    x = normal(1, 16, 60)
    exact, steps = jacobian_spectrum(network, x), jacobian_spectrum(network, x, exact=1, steps=45)
    np.testing.assert_allclose(steps["largest"], exact["largest"], rtol=1e-9)
    np.testing.assert_allclose(steps["mean"], exact["mean"], rtol=0.2)
    np.testing.assert_allclose(steps["smallest"], exact["smallest"], rtol=1e-9)  # 40 steps are all there are


def test_a_silent_layer_has_the_condition_number_of_rounding(x64):
    network = FeedForward((Layer(Dense(jnp.asarray(np.eye(3))), jnp.asarray(np.full(3, -5.0)), ReLU()),))
    found = jacobian_spectrum(network, np.ones((2, 3)))
    assert float(found["largest"][0]) == 0
    np.testing.assert_allclose(found["condition"], 1 / np.finfo(float).eps)


def test_the_monitor_records_the_network_at_the_end_of_the_round(x64):
    batch = examples(padding=0)
    problem = fb.problems.Examples.of(batch.inputs, batch.targets)
    few = np.asarray(batch.inputs)[:4]
    monitors = (JacobianSpectrum.on(few[:2]), FeatureMotion.on(few, units=5))
    start = four_layers()
    run = fb.train(start, Backpropagation(CrossEntropy()), problem, steps=9, batch_size=3, monitors=monitors)
    for name, values in jacobian_spectrum(run.network, few[:2]).items():
        found = run.records["jacobian_spectrum"][name][-1]  # softmax's least value is 0, up to rounding
        np.testing.assert_allclose(found[:3], np.asarray(values)[:3], rtol=1e-8, atol=1e-12, err_msg=name)
    motion = run.records["feature_motion"]
    for row, (before, after) in enumerate(zip(start.layers, run.network.layers, strict=True)):
        a, b = np.asarray(before.structure.weights), np.asarray(after.structure.weights)
        np.testing.assert_allclose(motion["weights"][-1, row], np.linalg.norm(b - a) / np.linalg.norm(a), rtol=1e-9)
    after, before = (program(network.layers[0])(few) for network in (run.network, start))
    moved = after - before
    np.testing.assert_allclose(motion["layer 1"][-1], moved[:, [0, 2, 3, 4, 6]], atol=1e-12)  # 5 of 7, evenly
    assert motion["layer 4"].shape == (3, 4, 3)
    assert [part.shape for part in program(features)(start, batch.inputs, units=2)] == [(9, 2)] * 4


def test_learning_curves_are_distances_to_the_end():
    generator = np.random.default_rng(0)
    way = np.cumsum(generator.normal(size=(6, 4, 3)), axis=0)
    curves = learning_curves({"weights": np.zeros((6, 1)), "layer 1": way})
    whole = [np.zeros((4, 3)), *way]
    expected = [1 - np.linalg.norm(at - way[-1]) / np.linalg.norm(way[-1]) for at in whole]
    np.testing.assert_allclose(curves[:, 0], expected)
    assert curves[0, 0] == 0
    assert curves[-1, 0] == 1


# Verdicts


@functools.cache
def digits():
    bundle = fb.problems.load("digits")
    rows, targets, weights = bundle.data[:200], np.eye(10)[bundle.target[:200]], np.ones(200)
    return Batch(*(jnp.asarray(part, np.float32) for part in (rows, targets, weights)))


def watched(hidden, initialisation="glorot", gain=1.0, shift=0.0, depth=6):
    """A network on the digits, the weights below its top multiplied and their biases moved, and the verdict on it."""
    network = mlp((64, *(32,) * depth, 10), hidden, "softmax", initialisation=initialisation, key=jax.random.key(0))
    gains, shifts = [gain] * depth + [1.0], [shift] * depth + [0.0]
    weights = [
        np.float32(by) * np.asarray(layer.structure.weights) for by, layer in zip(gains, network.layers, strict=True)
    ]
    biases = [np.float32(by) + np.asarray(layer.bias) for by, layer in zip(shifts, network.layers, strict=True)]
    return gradient_flow(with_parameters(network, weights, biases), Backpropagation(CrossEntropy()), digits())


def test_vanishing_is_said_with_its_cause():
    verdict = watched("sigmoid")
    assert verdict.kinds == ("vanishing",)
    (finding,) = verdict.findings
    share = verdict.numbers["delta"][0] / verdict.numbers["delta"][-1]
    assert finding.number.startswith("layer 1 receives one part in ")
    assert abs(float(finding.number.split()[6].replace(",", "")) * share - 1) < 0.05
    assert "the slope of a sigmoid is at most 1/4" in finding.cause
    assert "ReLU with he's" in finding.remedy
    text = str(verdict)
    assert text.count("\n") == 7 + 3
    assert text.splitlines()[1].startswith("layer 7  10 softmax units")
    assert "Vanishing: layer 1 receives" in text
    small = watched("tanh", gain=0.45)
    assert small.kinds == ("vanishing",)
    assert small.findings[0].cause.endswith("the weights are small")


def test_exploding_saturated_and_dead_are_said():
    large = watched("tanh", gain=20.0)
    assert large.kinds == ("exploding", "saturated")
    assert "times the top layer's gradient" in large.findings[0].number
    assert "the weights are large" in large.findings[0].cause
    assert "smaller initial weights" in large.findings[0].remedy
    assert "the slope is below 5 %" in large.findings[1].number
    assert watched("relu", "he", gain=3.0).kinds == ("exploding",)
    silent = watched("relu", "he", shift=-0.6)
    assert "dead" in silent.kinds
    assert "answered no example at all" in silent.findings[-1].number
    gone = watched("relu", "he", shift=-50.0)
    assert gone.kinds == ("vanishing", "dead")
    assert "receives nothing" in gone.findings[0].number
    assert "silent" in gone.findings[0].cause


@pytest.mark.parametrize(("hidden", "initialisation"), [("tanh", "glorot"), ("relu", "he")])
def test_the_usual_cures_are_found_healthy(hidden, initialisation):
    verdict = watched(hidden, initialisation)
    assert verdict.healthy
    assert verdict.kinds == ("healthy",)
    assert str(verdict).endswith("Healthy: every layer receives its share and moves.")


def test_steps_that_are_too_small_or_too_large_are_said_of_a_run():
    X, y = fb.problems.two_moons(40, noise=0.1, random_state=0)
    problem, rule = fb.problems.Examples.of(X, y), Backpropagation()

    def run(rate):
        network = drawn(mlp, (2, 5, 1), "tanh", "sigmoid")
        return fb.train(network, rule, problem, optimizer=fb.optimiser("sgd", rate), steps=6, batch_size=20,
                        monitors=(GradientFlow(),))  # fmt: skip

    assert diagnose(run(1e-7)).kinds == ("still",)
    assert diagnose(run(0.3)).kinds == ("healthy",)
    assert "wild" in diagnose(run(100.0), at=0).kinds
    well = run(0.3)
    np.testing.assert_allclose(diagnose(well, at=0).numbers["delta"], well.records["gradient_flow"]["delta"][0])
    with pytest.raises(fb.errors.ConfigurationError, match="watched by nothing"):
        diagnose(fb.train(drawn(mlp, (2, 1)), rule, problem, steps=2))
    with pytest.raises(fb.errors.ConfigurationError, match="a round from 0 to 2"):
        diagnose(run(0.3), at=3)


def test_gradients_from_anywhere():
    pytree = {"a": {"kernel": np.full((2, 3), 1e-7), "bias": np.ones(3)}, "b": [np.ones((3, 2)), np.full((2, 1), 3.0)]}
    verdict = diagnose_gradients(pytree, weights=jax.tree.map(np.ones_like, pytree), learning_rate=0.5)
    assert [row.name for row in verdict.rows] == ["a.kernel", "b.0", "b.1"]
    norms = np.asarray([1e-7 * np.sqrt(6), np.sqrt(6), 3 * np.sqrt(2)])
    np.testing.assert_allclose(verdict.numbers["weight_gradient"], norms)
    np.testing.assert_allclose(verdict.numbers["update"], 0.5 * norms / np.sqrt([6, 6, 2]))
    assert verdict.kinds == ("vanishing", "wild")
    with pytest.raises(fb.errors.ConfigurationError, match="arrays of two axes"):
        diagnose_gradients({"bias": np.ones(3)})


def test_gradients_that_are_not_finite_are_refused_by_layer():
    rows = (Row("layer 1"), Row("layer 2"))
    with pytest.raises(fb.errors.DataError, match="layer 2: expected finite gradients"):
        judge(rows, {"delta": np.asarray([1.0, np.nan])})
    assert judge(rows, {"delta": np.zeros(2)}).numbers["delta"].tolist() == [0, 0]


def test_rules_and_networks_that_tell_nothing_are_refused():
    batch = Batch(*(jnp.asarray(np.ones(shape, np.float32)) for shape in ((4, 2), (4, 1), 4)))
    with pytest.raises(fb.errors.ConfigurationError, match="DeltaRule"):
        program(flow_numbers)(drawn(mlp, (2, 1), output="sigmoid"), fb.rules.DeltaRule(), batch)
    with pytest.raises(fb.errors.ConfigurationError, match="a layer that learns"):
        rows_of(FeedForward((Flattened(),)))


def test_every_column_is_drawn():
    from flambeau.pictures.gradient_flow import flow_figure

    network = drawn(mlp, (2, 3, 1), "relu", "sigmoid")
    problem = fb.problems.Examples.of(*fb.problems.xor())
    run = fb.train(network, Backpropagation(), problem, steps=3, batch_size=4, monitors=(GradientFlow(),))
    for column in run.records["gradient_flow"]:
        assert flow_figure(run, column).startswith(b"\x89PNG")
    with pytest.raises(fb.errors.ConfigurationError, match="a record of 'nothing'"):
        flow_figure(run, "nothing")
