"""Graded Hopfield networks against plain NumPy, finite differences, SciPy's integrator, theorems and enumeration."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array
from scipy.integrate import RK45, solve_ivp
from scipy.special import expit

from flambeau.dynamics import FLOWS, damped_map, flow
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks.graded_hopfield import graded_hopfield
from programs import program

pytestmark = pytest.mark.usefixtures("x64")
UNITS, ROWS = 8, 16
BOTH = pytest.mark.parametrize("activation", ["tanh", "sigmoid"])


def symmetric(seed=0, units=UNITS):
    W = np.random.default_rng(seed).normal(size=(units, units))
    W = (W + W.T) / 2
    np.fill_diagonal(W, 0)
    return W


def network(activation="tanh", gain=3.0, tau=0.7, seed=0):
    theta = np.random.default_rng(seed + 1).normal(size=UNITS) / 3
    return graded_hopfield(symmetric(seed), theta, activation, gain=gain, tau=tau)


def starts(seed=2, rows=ROWS, spread=1.0):
    return np.random.default_rng(seed).normal(size=(rows, UNITS)) * spread


def flowed(velocity, u0, *, method="exponential_euler", max_steps=10_000, **numbers):
    """A flow as one program, whatever its numbers."""
    numbers = {"step": 0.1, "tau": 1.0, "tolerance": 1e-5, "error_tolerance": 1e-6, **numbers}
    numbers = {name: np.asarray(number) for name, number in numbers.items()}
    return program(flow)(velocity, u0, method=method, max_steps=np.asarray(max_steps), **numbers)


def seen(net, u):
    """Everything a network says of internal states: one program, and NumPy from there on."""
    return program(said)(net, u)


def said(net, u):
    """The program."""
    v = net.output(u)
    return {
        "output": v,
        "velocity": net.velocity(u),
        "drive": net.drive(u),
        "energy": net.energy(v),
        "energy_of": net.energy_of(u),
        "energy_rate": net.energy_rate(u),
        "internal": net.internal(v),
        "respond": net.respond(v),
        "interaction": net.interaction(v),
        "jacobian": net.jacobian(u),
        "gradient": jax.grad(lambda outputs: net.energy(outputs).sum())(v),
    }


def limits(net):
    """The eigenvalues' verdicts: one program, and NumPy from there on."""
    return program(judged)(net)


def judged(net):
    """The program."""
    return {
        "critical": net.critical_gain(),
        "share": net.certified_share(),
        "euler": net.certified_step("euler"),
        "exponential_euler": net.certified_step(),
    }


def plain(net):
    """The text book, neuron by neuron: the velocity and the energy of one state, with artanh and logit."""
    W, theta, beta, tau = map(np.asarray, (net.structure.weights, net.bias, net.gain, net.tau))
    W, theta = W.T, -theta
    tanh = net.activation.low == -1
    g = np.tanh if tanh else expit

    def velocity(u):
        v = g(beta * u)
        return np.asarray([-u[i] + sum(W[i, j] * v[j] for j in range(UNITS)) - theta[i] for i in range(UNITS)]) / tau

    def energy(u):
        v = g(beta * u)
        pairs = sum(W[i, j] * v[i] * v[j] for i in range(UNITS) for j in range(UNITS))
        if tanh:
            integral = v * np.arctanh(v) + np.log1p(-(v**2)) / 2
        else:
            integral = v * np.log(v) + (1 - v) * np.log(1 - v) + np.log(2)
        return -pairs / 2 + theta @ v + integral.sum() / beta

    return velocity, energy


@BOTH
def test_velocity_and_energy_as_the_text_book_writes_them(activation):
    net, u = network(activation), starts()
    velocity, energy = plain(net)
    found = seen(net, u)
    np.testing.assert_allclose(found["velocity"], [velocity(row) for row in u], atol=1e-12)
    np.testing.assert_allclose(found["energy_of"], [energy(row) for row in u], atol=1e-12)
    np.testing.assert_allclose(found["energy"], found["energy_of"], atol=1e-12)
    np.testing.assert_allclose(found["internal"], u, atol=1e-9)
    np.testing.assert_allclose(found["respond"], seen(net, found["drive"])["output"], atol=1e-15)
    np.testing.assert_allclose((found["drive"] - u) / float(net.tau), found["velocity"], atol=1e-15)


@BOTH
def test_slopes_against_finite_differences(activation):
    """dE/dt = -τ Σ v' u'², the velocity is -∂E/∂v / τ, and the Jacobian is the velocity's."""
    net, u, small = network(activation), starts(spread=0.5), 1e-5
    found = seen(net, u)
    along = small * found["velocity"]
    rate = (seen(net, u + along)["energy_of"] - seen(net, u - along)["energy_of"]) / (2 * small)
    np.testing.assert_allclose(found["energy_rate"], rate, rtol=1e-7)
    assert (found["energy_rate"] < 0).all()
    np.testing.assert_allclose(found["velocity"], -found["gradient"] / float(net.tau), atol=1e-10)
    for unit, nudge in enumerate(small * np.eye(UNITS)):
        column = (seen(net, u + nudge)["velocity"] - seen(net, u - nudge)["velocity"]) / (2 * small)
        np.testing.assert_allclose(found["jacobian"][:, :, unit], column, atol=1e-8)


@BOTH
@pytest.mark.parametrize("method", FLOWS)
def test_the_energy_falls_along_every_method(activation, method):
    """At the largest certified step; 1e-12 is what rounding leaves."""
    net = network(activation, gain=10.0)
    step = 0.1 if method == "dormand_prince" else limits(net)[method]
    numbers = {"step": step, "tau": net.tau, "tolerance": 1e-9, "error_tolerance": 1e-9, "max_steps": 3000}
    end = flow(net.velocity, jnp.asarray(starts()), method=method, trace=net.energy_of, **numbers)
    assert end.still.all()
    times, energies = map(np.asarray, end.trace)
    steps = np.diff(energies, axis=0)
    assert np.nanmax(steps) <= 1e-12 * np.nanmax(np.abs(energies))
    assert np.nanmin(energies[0] - np.nanmin(energies, axis=0)) > 0.1
    # The trace begins at the start and is NaN after a row's end, where the state is the last one.
    np.testing.assert_allclose(energies[0], seen(net, starts())["energy_of"])
    last = (~np.isnan(times)).sum(0) - 1
    np.testing.assert_array_equal(np.isnan(times), np.isnan(energies))
    np.testing.assert_allclose(energies[last, np.arange(ROWS)], seen(net, end.states)["energy_of"], atol=1e-14)
    np.testing.assert_array_equal(times[last, np.arange(ROWS)], end.time)
    assert (last >= end.steps).all()
    assert len(set(last.tolist())) > 1


def test_far_beyond_the_certified_step_the_energy_rises():
    """Three times the share is beyond stability wherever the certificate is tight: v near 0, the lowest eigenvector."""
    net = graded_hopfield([[0.0, -1.0], [-1.0, 0.0]], gain=10.0)
    u = np.asarray([[0.01, 0.01]])
    for factor, falls in ((1.0, True), (3.0, False)):
        end = flowed(net.velocity, u, method="euler", step=factor * limits(net)["euler"], max_steps=1)
        assert (seen(net, end.states)["energy_of"] < seen(net, u)["energy_of"]).all() == falls
    np.testing.assert_allclose(limits(net)["euler"], 1 / 11)
    np.testing.assert_allclose(1 - np.exp(-limits(net)["exponential_euler"]), 1 / 11)


@BOTH
def test_against_scipy(activation):
    """Dormand and Prince to its tolerance at its own times; exponential Euler of order one."""
    net, u0 = network(activation), starts()
    velocity, _ = plain(net)

    def truth(time, row):
        return solve_ivp(lambda t, u: velocity(u), (0, time), u0[row], rtol=1e-11, atol=1e-12).y[:, -1]

    settings = {"method": "dormand_prince", "step": 0.5, "error_tolerance": 1e-9}
    best = flowed(net.velocity, u0, tolerance=0.0, max_steps=40, **settings)
    for row in range(3):
        np.testing.assert_allclose(best.states[row], truth(float(best.time[row]), row), atol=1e-7)
    errors = []
    for count in (100, 200):
        end = flowed(net.velocity, u0, step=1.0 / count, tau=net.tau, tolerance=0.0, max_steps=count)
        np.testing.assert_allclose(end.time, 1.0)
        errors.append(max(np.abs(end.states[row] - truth(1.0, row)).max() for row in range(3)))
    assert errors[1] < 0.02
    assert 1.9 < errors[0] / errors[1] < 2.1


def test_a_leak_alone_is_solved_exactly_and_order_five_is_of_order_five():
    net, u0 = graded_hopfield(np.zeros((UNITS, UNITS)), tau=0.7), starts()
    end = flowed(net.velocity, u0, step=0.3, tau=0.7, tolerance=0.0, max_steps=5)
    np.testing.assert_allclose(end.states, u0 * np.exp(-1.5 / 0.7), rtol=1e-14)
    bend = lambda u: jnp.sin(u) + 1  # noqa: E731
    errors = []
    for step in (0.2, 0.1):  # one step whose error is accepted whatever it is
        end = flowed(bend, u0, method="dormand_prince", step=step, error_tolerance=1e9, max_steps=1)
        exact = solve_ivp(lambda t, u: np.sin(u) + 1, (0, step), u0.ravel(), rtol=1e-13, atol=1e-14).y[:, -1]
        errors.append(np.abs(np.ravel(end.states) - exact).max())
    assert errors[0] / errors[1] > 2**5.5  # 2⁶ for one step


def test_the_step_control_is_the_usual_one():
    """A step with SciPy's coefficients: the same state, and a next step of 0.9 error^(-1/5) times the last."""
    net, u, h = network(), starts(), 0.3
    f = lambda x: seen(net, x)["velocity"]  # noqa: E731
    slopes = [f(u)]
    for row in RK45.A[1:]:
        slopes.append(f(u + h * sum(a * k for a, k in zip(row, slopes, strict=False))))
    new = u + h * sum(b * k for b, k in zip(RK45.B, slopes, strict=True))
    error = np.abs(h * sum(e * k for e, k in zip(RK45.E, [*slopes, f(new)], strict=True)))
    size = (error / (1 + np.maximum(np.abs(u), np.abs(new)))).max(1)[0]  # of the first row
    for tolerance, accepted in ((10 * size, True), (size / 10, False)):
        settings = {"method": "dormand_prince", "step": h, "tau": net.tau, "error_tolerance": tolerance}
        once, twice = (flowed(net.velocity, u, max_steps=steps, **settings) for steps in (1, 2))
        following = h * 0.9 * (size / tolerance) ** -0.2
        np.testing.assert_allclose(once.time[0], h * accepted)
        np.testing.assert_allclose(twice.time[0] - once.time[0], following, rtol=1e-10)
        np.testing.assert_allclose(once.states[0], new[0] if accepted else u[0], rtol=1e-12)
        assert (int(once.steps[0]), int(twice.steps[0])) == (accepted, 1 + accepted)


def test_rows_do_not_depend_on_their_batch_and_states_may_have_any_shape():
    net = network()
    together = flowed(net.velocity, starts(), method="dormand_prince", tau=net.tau)
    alone = flowed(net.velocity, starts()[5:6], method="dormand_prince", tau=net.tau)
    np.testing.assert_allclose(together.states[5:6], alone.states, atol=1e-13)
    assert together.steps[5] == alone.steps[0]
    square = starts().reshape(ROWS, 2, 4)
    end = flowed(lambda u: 1 - u, square, step=0.1, tolerance=0.0, max_steps=7)
    np.testing.assert_allclose(end.states, 1 + (square - 1) * np.exp(-0.7), rtol=1e-13, atol=1e-15)  # differences of 1s
    none = flowed(net.velocity, starts(), max_steps=0)
    np.testing.assert_array_equal(none.states, starts())
    assert none.steps.max() == 0


@BOTH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturation_does_not_overflow(activation, dtype):
    """At the levels themselves every unit's integral is ln 2."""
    net = network(activation)
    net = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), net)
    low, high = net.activation.low, net.activation.high
    u = np.where(starts() > 0, 1e4, -1e4).astype(dtype)
    found = seen(net, u)
    np.testing.assert_array_equal(found["output"], np.where(u > 0, high, low).astype(dtype))
    truth = found["interaction"] + UNITS * np.log(2) / float(net.gain)
    np.testing.assert_allclose(found["energy_of"], truth, rtol=1e-5)
    np.testing.assert_allclose(found["energy"], truth, rtol=1e-5)
    assert np.isfinite(found["energy_rate"]).all()
    assert np.isfinite(seen(net, u * dtype(1e20))["energy_of"]).all()


def test_below_the_critical_gain_there_is_one_rest_state():
    """θ = 0 and tanh: v = 0 from everywhere below 1 / λ_max, from nowhere above; with thresholds still only one."""
    W = symmetric()
    critical = float(limits(graded_hopfield(W))["critical"])
    assert critical == pytest.approx(1 / np.linalg.eigvalsh(W)[-1])
    for factor, remembers in ((0.8, False), (1.3, True)):
        net = graded_hopfield(W, gain=factor * critical)
        end = flowed(net.velocity, starts(), tolerance=1e-9, max_steps=20_000)
        assert end.still.all()
        assert (np.abs(seen(net, end.states)["output"]).max(1) > 0.1).all() == remembers
        assert (np.abs(seen(net, end.states)["output"]).max(1) > 1e-6).any() == remembers
        stable = np.linalg.eigvals(seen(net, np.zeros((ROWS, UNITS)))["jacobian"][0]).real.max() < 0
        assert stable != remembers
    tilted = network("sigmoid")
    tilted = eqx.tree_at(lambda n: n.gain, tilted, 0.8 * limits(tilted)["critical"])
    end = flowed(tilted.velocity, starts(spread=5.0), tau=tilted.tau, tolerance=1e-9, max_steps=20_000)
    np.testing.assert_allclose(end.states, np.broadcast_to(end.states[0], end.states.shape), atol=1e-7)
    assert limits(graded_hopfield(-np.eye(2)))["critical"] == np.inf


def test_at_high_gain_the_rest_states_are_the_fixed_points_of_the_discrete_network():
    """All 2⁸ corners, by enumeration."""
    for seed in (0, 3):
        net = network(gain=100.0, tau=1.0, seed=seed)
        corners = np.asarray(list(itertools.product([-1.0, 1.0], repeat=UNITS)))
        fields = corners @ np.asarray(net.structure.weights) + np.asarray(net.bias)
        discrete = {tuple(s) for s, h in zip(corners, fields, strict=True) if (s * h > 0).all()}
        inside = np.arctanh(0.99 * corners) / 100.0  # u = artanh(v) / β
        end = flowed(net.velocity, inside, step=limits(net)["exponential_euler"], max_steps=20_000)
        assert end.still.all()
        rest = np.sign(seen(net, end.states)["output"])
        assert {tuple(s) for s in rest} == discrete
        assert len(discrete) > 1
        for corner, reached in zip(corners, rest, strict=True):
            assert tuple(corner) not in discrete or (corner == reached).all()


def test_the_codings_are_one_network():
    """v = (1 + s) / 2, 4 W, θ' = 2 (W1 + θ): the same outputs at the same gain; energies apart by a constant."""
    W, theta = symmetric(), np.random.default_rng(5).normal(size=UNITS)
    spin = graded_hopfield(W, theta, gain=2.0)
    bit = graded_hopfield(4 * W, 2 * (W.sum(1) + theta), "sigmoid", gain=2.0)
    s, b = (flowed(net.velocity, starts(spread=factor), max_steps=9) for net, factor in ((spin, 1.0), (bit, 2.0)))
    np.testing.assert_allclose(seen(bit, b.states)["output"], (1 + seen(spin, s.states)["output"]) / 2, atol=1e-13)
    apart = seen(bit, b.states)["energy_of"] - seen(spin, s.states)["energy_of"]
    np.testing.assert_allclose(apart, W.sum() / 2 + theta.sum(), atol=1e-12)
    np.testing.assert_allclose(limits(bit)["critical"], limits(spin)["critical"])
    np.testing.assert_allclose(limits(bit)["euler"], limits(spin)["euler"])


@BOTH
def test_the_parallel_map_swings_and_damping_stills_it(activation):
    """W = -cJ: λ_min = -c(n - 1) makes all units change together for ever, unless the share is the certified one."""
    net = graded_hopfield(-2 * (1 - np.eye(UNITS)), activation=activation, gain=4.0)
    if activation == "sigmoid":
        net = eqx.tree_at(lambda n: n.bias, net, -np.asarray(net.structure.weights).sum(1) / 2)
    v = np.full((ROWS, UNITS), net.activation.high * 0.9) * np.linspace(0.9, 1, ROWS)[:, None]

    def mapped(v, share=1.0, max_steps=10_000):
        return program(damped_map)(net.respond, v, share=np.asarray(share), max_steps=np.asarray(max_steps))

    respond = program(net.respond)
    swinging = mapped(v)
    assert swinging.cycling.all()
    assert not swinging.still.any()
    np.testing.assert_allclose(respond(respond(swinging.states)), swinging.states, atol=1e-5)
    share = limits(net)["share"]
    np.testing.assert_allclose(share, 1 / (4.0 * net.activation.steepest * 14))
    calm = mapped(v, share)
    assert calm.still.all()
    assert not calm.cycling.any()
    np.testing.assert_allclose(respond(calm.states), calm.states, atol=2e-6)
    path = [seen(net, starts())["output"]]
    for _ in range(30):
        path.append(mapped(path[-1], share, 1).states)
    assert (np.diff(program(net.energy)(np.asarray(path)), axis=0) <= 1e-13).all()


def test_one_program_for_all_numbers():
    traced = []

    class Counting(eqx.Module):
        gain: Array

        def velocity(self, u):
            traced.append(1)
            return jnp.tanh(self.gain * u) - u

    for gain, step, steps in ((1.0, 0.1, 5), (2.0, 0.2, 50)):
        flow(Counting(jnp.asarray(gain)).velocity, jnp.asarray(starts()), step=step, max_steps=steps)
        if gain == 1.0:
            first = len(traced)
    assert len(traced) == first


def test_what_is_refused():
    W = symmetric()
    for bad in ({"gain": 0.0}, {"tau": -1.0}, {"gain": np.inf}, {"gain": np.nan}, {"activation": "relu"}):
        with pytest.raises(ConfigurationError):
            graded_hopfield(W, **bad)
    for weights, theta in ((W[:3], None), (W, np.zeros(3)), (W * np.nan, None), (np.zeros((0, 0)), None)):
        with pytest.raises(DataError):
            graded_hopfield(weights, theta)
    net = graded_hopfield(W)
    for bad in ({"method": "rk4"}, {"step": 0.0}, {"max_steps": -1}, {"tau": -1.0}):
        with pytest.raises(ConfigurationError):
            flow(net.velocity, jnp.asarray(starts()), **bad)
    with pytest.raises(ConfigurationError, match="their own"):
        net.certified_step("dormand_prince")
    with pytest.raises(ConfigurationError):
        damped_map(net.respond, jnp.asarray(starts()), share=0.0)
