"""Dense and modern associative memories against the definitions written out, enumeration, finite differences, bounds.

The table of shares is the project's own reference (shared/reference/memory.md, section 3), measured apart from this
code.
"""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.dynamics import Glauber, Greedy, settle
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks import (
    DenseMemory,
    Exponential,
    FeedForward,
    HopfieldNetwork,
    ModernMemory,
    Polynomial,
    TopSeparation,
    dense_capacity,
    hopfield_attention,
    one_step_bound,
    pattern_separation,
)
from flambeau.networks.modern_memory import seen_through
from flambeau.neurons import Bernoulli, Spin
from flambeau.problems import Examples
from flambeau.rules import Backpropagation
from flambeau.structures import Flatten, dense_layer
from flambeau.training import train
from programs import program

UNITS, PATTERNS = 7, 6
STATES = np.asarray(list(itertools.product((-1.0, 1.0), repeat=UNITS)))
INTERACTIONS = [Polynomial(3), Polynomial(4, rectified=True), Exponential()]
EACH = pytest.mark.parametrize("interaction", INTERACTIONS, ids=["z3", "relu4", "exp"])


def spins(rows, units=UNITS, seed=0):
    return np.sign(np.random.default_rng(seed).normal(size=(rows, units)))


def memory(interaction, rows=PATTERNS, seed=0):
    return DenseMemory(spins(rows, seed=seed), interaction)


def plain_energy(interaction, X, s):
    """-Σ F(x·s), pattern by pattern."""
    units = len(s)
    if isinstance(interaction, Exponential):
        return -np.log(sum(np.exp(x @ s) for x in X))
    overlaps = [max(x @ s, 0) if interaction.rectified else x @ s for x in X]
    return -units * sum((m / units) ** interaction.degree for m in overlaps)


def plain_field(interaction, X, s, i):
    """Half of what the two energies of neuron i differ by."""
    down, up = (plain_energy(interaction, X, np.where(np.arange(len(s)) == i, value, s)) for value in (-1, 1))
    return (down - up) / 2


def plain_visit(interaction, X, s, order, noise):
    s = s.copy()
    for i, extra in zip(order, noise, strict=True):
        net = plain_field(interaction, X, s, i) + extra
        s[i] = np.sign(net) if abs(net) > 1e-12 and i >= 0 else s[i]
    return s


def seen(network, states):
    return program(energy_and_net)(network, states)


def energy_and_net(network, states):
    return network.energy(states), network.net(states)


def visited(network, states, order, noise=None):
    return program(after_visits)(network, states, order, noise)


def after_visits(network, states, order, noise):
    return network.visit(states, order, noise)


@EACH
@pytest.mark.usefixtures("x64")
def test_energy_and_field_of_every_state(interaction):
    network = memory(interaction)
    energy, field = seen(network, STATES)
    X = spins(PATTERNS)
    np.testing.assert_allclose(energy, [plain_energy(interaction, X, s) for s in STATES], atol=1e-12)
    plain = [[plain_field(interaction, X, s, i) for i in range(UNITS)] for s in STATES]
    np.testing.assert_allclose(field, plain, atol=1e-12)
    assert network.unit == Spin()
    assert network.levels == (-1.0, 1.0)


@EACH
@pytest.mark.usefixtures("x64")
def test_visits_one_after_the_other(interaction):
    """A neuron may come twice, -1 is nobody, and noise is added to the net input."""
    network, rng = memory(interaction), np.random.default_rng(1)
    order = np.asarray([3, -1, 0, 6, 3, 2, 5, -1, 1, 4, 0, 2], np.int32)
    noise = rng.normal(size=(len(order), len(STATES)))
    X = spins(PATTERNS)
    for extra in (np.zeros_like(noise), noise):
        found = visited(network, STATES, order, extra)
        wanted = [plain_visit(interaction, X, STATES[row], order, extra[:, row]) for row in range(0, len(STATES), 3)]
        np.testing.assert_array_equal(found[::3], wanted)


@EACH
@pytest.mark.usefixtures("x64")
def test_sweeps_go_downhill_to_the_minima_of_the_enumerated_energy(interaction):
    network, states = memory(interaction), STATES
    order, quiet = np.random.default_rng(2).permutation(12) % (UNITS + 1) - 1, np.zeros((12, len(STATES)))
    energy, field = seen(network, states)
    minima = {tuple(s) for s in STATES[(field * STATES >= 0).all(1)]}
    for _ in range(20):
        states = visited(network, states, order.astype(np.int32), quiet)
        before, energy = energy, seen(network, states)[0]
        assert (energy <= before + 1e-12).all()
    assert {tuple(s) for s in states} == minima
    assert 1 < len(minima) < 20


@pytest.mark.usefixtures("x64")
def test_the_settling_loop_takes_it_as_a_network():
    """Greedily: the neuron that gains most, until none gains anything."""
    found = program(settle)(memory(Exponential()), STATES, Greedy())
    X, s = spins(PATTERNS), STATES.copy()
    for row in s:
        for _ in range(2 * UNITS):
            gains = [-row[i] * plain_field(Exponential(), X, row, i) for i in range(UNITS)]
            row[np.argmax(gains)] *= 1 if max(gains) <= 1e-12 else -1
    np.testing.assert_array_equal(found.states, s)
    assert found.fixed.all()


@pytest.mark.usefixtures("x64")
def test_degree_two_is_hebb_s_rule():
    X = spins(PATTERNS)
    hebb = HopfieldNetwork(X.T @ X - PATTERNS * np.eye(UNITS))
    energy, field = seen(memory(Polynomial(2)), STATES)
    plain_energies, plain_fields = seen(hebb, STATES)
    np.testing.assert_allclose(energy, 2 * plain_energies / UNITS - PATTERNS, atol=1e-12)
    np.testing.assert_allclose(field, 2 * plain_fields / UNITS, atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_at_a_temperature_it_samples_boltzmann_s_distribution():
    """χ² of 20,000 chains' last states; 1 of 1,000 seeds would fail."""
    interaction = Exponential()
    X, chains, temperature = spins(3, 4), 20_000, 2.0
    states = np.asarray(list(itertools.product((-1.0, 1.0), repeat=4)))
    chance = np.exp([-plain_energy(interaction, X, s) / temperature for s in states])
    expected = chains * chance / chance.sum()
    network, starts = DenseMemory(X, interaction), spins(chains, 4, seed=5)
    ends = program(settle)(network, starts, Glauber(temperature), key=jax.random.key(0), max_sweeps=20).states
    number = ((ends > 0) @ [8, 4, 2, 1]).astype(int)
    assert ((np.bincount(number, minlength=16) - expected) ** 2 / expected).sum() < 37.7  # 15 degrees of freedom


@pytest.mark.parametrize("interaction", [Polynomial(20), Exponential()], ids=["z20", "exp"])
def test_single_precision_never_overflows(interaction):
    """1,000 neurons: e^1000 and 1000^20 are far beyond float32."""
    X = np.float32(spins(16, 1000))
    network, states = DenseMemory(X, interaction), X * np.where(np.arange(1000) < 100, np.float32(-1), 1)
    energy, field = seen(network, states)
    assert np.isfinite(energy).all()
    assert np.isfinite(field).all()
    assert {energy.dtype, field.dtype} == {np.dtype(np.float32)}
    for ends in (visited(network, states, np.arange(1000)), np.sign(field)):
        np.testing.assert_array_equal(ends, X)


@pytest.mark.parametrize("interaction", [Polynomial(3), Exponential()], ids=["z3", "exp"])
def test_a_tie_is_no_reason_to_change(interaction):
    """Two patterns of each kind differ in neuron 0 only: whatever the rest says, it has no choice."""
    rest = spins(100, 29, seed=3)
    order = np.random.default_rng(4).permutation(200)
    X = np.block([[np.ones((100, 1)), rest], [-np.ones((100, 1)), rest]])[order]
    network, states = DenseMemory(np.float32(X), interaction), np.float32(spins(128, 30, seed=6))
    assert (seen(network, states)[1][:, 0] == 0).all()
    np.testing.assert_array_equal(visited(network, states, np.zeros(1, np.int32)), states)


TABLE = [
    (Polynomial(2), 7, 0.886, 20),
    (Polynomial(2), 20, 0.07, 10),
    (Polynomial(3), 100, 0.884, 4),
    (Polynomial(4), 1500, 0.585, 1),
    (Exponential(), 5000, 1.0, 1),
]


def fields(X, interaction, states):
    return DenseMemory(X, interaction).net(states)


@pytest.mark.parametrize(("interaction", "rows", "share", "draws"), TABLE)
def test_the_shares_of_stable_patterns_are_those_of_the_table(interaction, rows, share, draws):
    """N = 50, within 4 binomial errors of both counts: the table's 20 draws and these (1,000 patterns of each)."""
    stable, asked = 0, min(rows, 1_000)
    for seed in range(draws):
        X = np.float32(spins(rows, 50, seed=seed))
        field = program(fields)(X, interaction, X[:asked])
        stable += int((field * X[:asked] >= 0).all(1).sum())
    error = np.sqrt(max(share * (1 - share), 1e-4) * (1 / (asked * draws) + 1 / (rows * 20)))
    assert abs(stable / (asked * draws) - share) < 4 * error


def test_capacity_formulas():
    assert [Polynomial(n).capacity(50) for n in (2, 3, 4)] == [dense_capacity(n, 50) for n in (2, 3, 4)]
    assert dense_capacity(2, 100) == pytest.approx(100 / (2 * np.log(100)))
    assert dense_capacity(4, 50) == pytest.approx(50**3 / (2 * 15 * np.log(50)))
    assert Exponential().capacity(20) == 1024
    for degree, units in ((1, 50), (3, 0)):
        with pytest.raises(ConfigurationError, match="dense_capacity"):
            dense_capacity(degree, units)
    for degree in (1, 65):
        with pytest.raises(ConfigurationError, match="degree"):
            Polynomial(degree)


KINDS = ["softmax", "sparsemax", TopSeparation(3)]
KIND = pytest.mark.parametrize("kind", KINDS, ids=["softmax", "sparsemax", "top3"])
BETA = 1.3


def real(rows, columns, seed, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(rows, columns))


def modern(kind, beta=BETA, values=None):
    return ModernMemory(real(PATTERNS, UNITS, 0), beta, values, kind)


def plain_shares(kind, z):
    """By definition: exponentials, or the threshold found by halving an interval."""
    if kind == "sparsemax":
        low, high = z.max() - 1, z.max()
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if np.maximum(z - middle, 0).sum() > 1 else (low, middle)
        return np.maximum(z - low, 0)
    kept = z >= (z.min() if kind == "softmax" else np.sort(z)[-kind.count])
    p = np.where(kept, np.exp(z - z.max()), 0)
    return p / p.sum()


def plain_modern_energy(kind, X, q, beta):
    """½|q|² + ½M² + (C - max_p [β p'Xq - ψ(p)]) / β, with ψ written out at the best p."""
    p = plain_shares(kind, beta * X @ q)
    if kind == "sparsemax":
        psi, flattest = (p @ p - 1) / 2, (1 - 1 / len(X)) / 2
    else:
        psi, flattest = sum(share * np.log(share) for share in p if share), np.log(len(X) if kind == "softmax" else 3)
    return q @ q / 2 + (X**2).sum(1).max() / 2 + (flattest - beta * p @ X @ q + psi) / beta


def looked_at(network, q):
    return program(attention_and_energy)(network, q)


def attention_and_energy(network, q):
    slope = jax.grad(lambda q: network.energy(q).sum())(q)
    return network.attention(q), network.energy(q), network.update(q), slope


@KIND
@pytest.mark.usefixtures("x64")
def test_shares_energy_and_gradient(kind):
    network, q = modern(kind), real(40, UNITS, 1)
    X = real(PATTERNS, UNITS, 0)
    shares, energy, update, slope = looked_at(network, q)
    np.testing.assert_allclose(shares, [plain_shares(kind, BETA * X @ row) for row in q], atol=1e-12)
    np.testing.assert_allclose(energy, [plain_modern_energy(kind, X, row, BETA) for row in q], atol=1e-12)
    np.testing.assert_allclose(update, shares @ X, atol=1e-12)
    np.testing.assert_allclose(slope, q - update, atol=1e-10)
    along = slope * 1e-6
    change = looked_at(network, q + along)[1] - looked_at(network, q - along)[1]
    np.testing.assert_allclose(change / 2e-6, (slope**2).sum(1), rtol=1e-4)
    assert (shares == 0).any() == (kind != "softmax")


@KIND
@pytest.mark.usefixtures("x64")
def test_the_energy_is_bounded_and_never_rises(kind):
    network = modern(kind)
    largest = np.linalg.norm(real(PATTERNS, UNITS, 0), axis=1).max()
    q = real(40, UNITS, 2)
    q = q * largest / np.linalg.norm(q, axis=1, keepdims=True) * np.linspace(0, 1, 40)[:, None]
    before = None
    for _ in range(30):
        _, energy, update, _ = looked_at(network, q)
        assert (energy >= 0).all()
        assert (energy <= 2 * largest**2).all()
        assert before is None or (energy <= before + 1e-12).all()
        before, q = energy, update


@pytest.mark.usefixtures("x64")
def test_the_extremes_of_beta():
    q, X = real(40, UNITS, 1), real(PATTERNS, UNITS, 0)
    cold, hot = (looked_at(modern("softmax", beta), q)[2] for beta in (1e4, 1e-9))
    np.testing.assert_allclose(cold, X[np.argmax(q @ X.T, axis=1)], atol=1e-9)
    np.testing.assert_allclose(hot, np.broadcast_to(X.mean(0), q.shape), atol=1e-7)


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def asked(network, q):
    alone = ModernMemory(network.patterns)
    peer = jax.nn.dot_product_attention(*(part[:, None] for part in (q, network.patterns, network.patterns)))[:, 0]
    return network.retrieve(q, 3), network.retrieve(q), network.read(q), alone.retrieve(q), alone.retrieve(q[0]), peer


@pytest.mark.usefixtures("x64")
def test_retrieval_is_scaled_dot_product_attention():
    """Steps among the keys, the last of them reading the values; one step is JAX's own attention."""
    X, Y, q = real(PATTERNS, UNITS, 0), real(PATTERNS, 3, 4), real(5, UNITS, 1)
    network = ModernMemory(X, None, Y)
    assert float(network.beta) == pytest.approx(1 / np.sqrt(UNITS))
    three, one, read, alone, single, peer = program(asked)(network, q)
    wanted = q
    for _ in range(2):
        wanted = softmax(wanted @ X.T / np.sqrt(UNITS)) @ X
    np.testing.assert_allclose(three, softmax(wanted @ X.T / np.sqrt(UNITS)) @ Y, atol=1e-12)
    np.testing.assert_allclose(one, softmax(q @ X.T / np.sqrt(UNITS)) @ Y, atol=1e-12)
    np.testing.assert_allclose(read, one, atol=1e-12)
    np.testing.assert_allclose(alone, peer, atol=1e-6)
    np.testing.assert_allclose(single, alone[0], atol=1e-12)


def separation_and_bound(X, beta, distance):
    return pattern_separation(X), one_step_bound(X, beta, distance)


@pytest.mark.usefixtures("x64")
def test_one_step_errors_stay_below_the_bound():
    X = 5 * real(PATTERNS, UNITS, 0) / np.linalg.norm(real(PATTERNS, UNITS, 0), axis=1, keepdims=True)
    products = X @ X.T
    gaps = [products[i, i] - max(np.delete(products[i], i)) for i in range(PATTERNS)]
    run = program(ModernMemory(X, 1.0).come_to_rest)
    fixed, _, still = run(X, np.asarray(200), 1e-12)
    assert still.all()
    q = X + real(PATTERNS, UNITS, 5, scale=0.02)
    away, moved = np.linalg.norm(q - X, axis=1), np.linalg.norm(fixed - X, axis=1)
    once = run(q, np.asarray(1), 1e-12)[0]
    errors = [np.linalg.norm(once - target, axis=1) for target in (X, fixed)]
    separation, bound = program(separation_and_bound)(X, 1.0, np.maximum(away, moved))
    np.testing.assert_allclose(separation, gaps, atol=1e-12)
    plain = 2 * 5 * np.exp(-(np.asarray(gaps) - 2 * np.maximum(away, moved) * 5)) * 5
    np.testing.assert_allclose(bound, plain, rtol=1e-9)
    assert (errors[0] < bound).all()
    assert (errors[1] < bound).all()
    assert (bound < 0.2 * np.linalg.norm(X[0] - X[1])).any(), "a bound that says something"


@pytest.mark.usefixtures("x64")
def test_coming_to_rest():
    """A row that rests keeps its state while others move."""
    network, q = modern("softmax", 2.0), real(40, UNITS, 1)
    run = program(network.come_to_rest)
    states, steps, still = run(q, np.asarray(200))
    assert still.all()
    assert len(set(steps.tolist())) > 1
    reach = 1e-5 * np.abs(real(PATTERNS, UNITS, 0)).max()
    np.testing.assert_allclose(looked_at(network, states)[2], states, atol=reach)
    step = q
    for number in range(6):
        alone, few = run(q, np.asarray(number)), steps >= number
        np.testing.assert_allclose(alone[0][few], step[few], atol=1e-12)
        step = looked_at(network, step)[2]
    assert not alone[2].all()
    assert (alone[1] <= 5).all()
    number = int(np.median(steps))
    early = steps < number
    assert early.any()
    np.testing.assert_array_equal(run(q, np.asarray(number))[0][early], states[early])


def answered(layer, rows, stored, mask):
    """Answers, and the slopes of their squares."""
    found, pull = eqx.filter_vjp(lambda layer: layer(rows, stored, mask), layer)
    return found, pull(2 * found)[0]


@pytest.mark.usefixtures("x64")
def test_the_layer_head_by_head():
    layer = program(hopfield_attention)(UNITS, 4, heads=2, outputs=3, steps=2, key=jax.random.key(0))
    rows, stored = real(2 * 5, UNITS, 1).reshape(2, 5, UNITS), real(2 * 6, UNITS, 2).reshape(2, 6, UNITS)
    mask = np.arange(6) != np.asarray([1, 4])[:, None, None] + np.zeros((1, 5, 1), int)
    found, slopes = program(answered)(layer, rows, stored, mask)
    W = {name: getattr(layer, name) for name in ("queries", "keys", "values", "output")}
    wanted = np.zeros((2, 5, 3))
    for batch, head in itertools.product(range(2), range(2)):
        seen = np.delete(stored[batch], [1, 4][batch], axis=0)
        q, K, V = (
            part @ W[name][:, head] for part, name in ((rows[batch], "queries"), (seen, "keys"), (seen, "values"))
        )
        wanted[batch] += softmax(softmax(q @ K.T / 2) @ K @ K.T / 2) @ V @ W["output"][head]
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(slopes))


def ask_layer(layer, rows, stored, mask=None):
    return layer(rows, stored, mask)


@pytest.mark.usefixtures("x64")
def test_masks_of_booleans_and_masks_that_are_added_say_the_same():
    layer = eqx.filter_jit(hopfield_attention)(UNITS, 4, heads=2, outputs=3, key=jax.random.key(1))
    rows, stored = real(5, UNITS, 3), real(6, UNITS, 4)
    seen = np.random.default_rng(5).random((5, 6)) < 0.5
    seen[2], seen[0] = False, True
    ask = program(ask_layer)
    found = ask(layer, rows, stored, seen)
    for hidden in (-np.inf, -1e9, np.finfo(float).min):
        added = np.where(seen, 0.0, hidden)
        np.testing.assert_allclose(ask(layer, rows, stored, added), found, atol=1e-12)
        np.testing.assert_array_equal(seen_through(jnp.asarray(added))[0], seen)  # its numbers known, and looked at
    np.testing.assert_array_equal(found[2], 0)  # it may see nothing
    np.testing.assert_allclose(found[0], ask(layer, rows[:1], stored)[0], atol=1e-12)
    moved = np.concatenate([np.full((1, UNITS), 50.0), stored[1:]])
    same = ask(layer, rows, moved, seen)
    np.testing.assert_allclose(same[~seen[:, 0]], found[~seen[:, 0]], atol=1e-12)
    for wrong in (seen.astype(int), seen.astype(float), np.where(seen, np.nan, 0.0)):
        with pytest.raises(DataError, match="attention, mask"):
            layer(jnp.asarray(rows), jnp.asarray(stored), jnp.asarray(wrong))


def test_attention_learns_by_back_propagation():
    """Which of four rows is marked? Told by its values; a layer like any other between others."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(64, 4, 3)).astype(np.float32)
    marked, y = rng.integers(0, 4, 64), rng.integers(0, 2, 64)
    x[:, :, 0], x[np.arange(64), marked, 0] = 0, 3
    x[np.arange(64), marked, 1] = 2 * y - 1
    attention = program(hopfield_attention)(3, 4, heads=2, outputs=4, key=jax.random.key(0))
    top = dense_layer(jnp.asarray(rng.random((16, 1)), jnp.float32), "sigmoid")
    network = FeedForward(jax.tree.map(jnp.asarray, (attention, Flatten(), top)))
    problem = Examples.of(x, y[:, None].astype(np.float32))
    run = train(network, Backpropagation(), problem, optimizer="adam", epochs=60, batch_size=64, key=0)
    assert run.history["loss"][-1] < 0.2 * run.history["loss"][0]
    assert np.abs(np.asarray(run.network.layers[0].keys) - attention.keys).max() > 0.01


def test_what_is_refused():
    with pytest.raises(ConfigurationError, match="separation"):
        modern("hardmax")
    with pytest.raises(ConfigurationError, match="beta"):
        modern("softmax", -1.0)
    with pytest.raises(ConfigurationError, match="count"):
        TopSeparation(0)
    with pytest.raises(ConfigurationError, match=r"DenseMemory\.unit: .* got Bernoulli"):
        DenseMemory(np.ones((1, 3)), Polynomial(3), Bernoulli())
    for values in (np.zeros((PATTERNS + 1, 2)), np.zeros(PATTERNS)):
        with pytest.raises(DataError, match="values"):
            modern("softmax", values=values)
    with pytest.raises(DataError, match="patterns"):
        ModernMemory(np.zeros((0, 3)))
    with pytest.raises(ConfigurationError, match="hopfield_attention"):
        hopfield_attention(4, 0, key=jax.random.key(0))
