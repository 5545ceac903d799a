"""The problems that need no download: what they promise is measured, not believed."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_digits, make_moons

from flambeau.errors import ConfigurationError, DataError, FileFormatError
from flambeau.problems.data.bundle import DataBundle, digits
from flambeau.problems.data.idx import read_idx
from flambeau.problems.data.logic import logic_gate, parity, xor
from flambeau.problems.data.toys import separable, two_moons, two_spirals

# ---------------------------------------------------------------------------------------------- logic

GATES = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "nand": lambda a, b: not (a and b),
    "nor": lambda a, b: not (a or b),
    "xor": lambda a, b: a != b,
    "xnor": lambda a, b: a == b,
}


@pytest.mark.parametrize("name", GATES)
def test_every_gate_is_its_truth_table(name):
    X, y = logic_gate(name)
    assert X.dtype == np.float64
    assert y.dtype == np.int64
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [int(GATES[name](bool(a), bool(b))) for a, b in X]


def test_unknown_gate_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match="and, or, nand, nor, xor, xnor"):
        logic_gate("maybe")


def test_a_gate_is_a_fresh_array_each_time():
    logic_gate("and")[1][:] = 7
    assert logic_gate("and")[1].tolist() == [0, 0, 0, 1]


def test_xor_is_parity_of_two():
    for ours, general in zip(xor(), parity(2), strict=True):
        np.testing.assert_array_equal(ours, general)


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_parity_counts_through_all_rows(bits):
    X, y = parity(bits)
    assert X.shape == (2**bits, bits)
    for number, (row, label) in enumerate(zip(X, y, strict=True)):
        assert "".join(str(int(bit)) for bit in row) == format(number, f"0{bits}b")
        assert label == number.bit_count() % 2


@pytest.mark.parametrize("bits", [0, -1, 21])
def test_parity_refuses_impossible_sizes(bits):
    with pytest.raises(ConfigurationError, match="from 1 to 20"):
        parity(bits)


# ----------------------------------------------------------------------------------------------- toys


@pytest.mark.parametrize("n_samples", [2, 7, 100])
def test_moons_are_those_of_scikit_learn(n_samples):
    X, y = two_moons(n_samples, noise=0.0)
    theirs, labels = make_moons(n_samples, shuffle=False)
    np.testing.assert_allclose(X, theirs, atol=1e-12)
    np.testing.assert_array_equal(y, labels)


def test_noise_has_the_asked_deviation():
    clean, noisy = two_moons(20_000, noise=0.0)[0], two_moons(20_000, noise=0.3, random_state=0)[0]
    assert (noisy - clean).std() == pytest.approx(0.3, rel=0.02)
    assert (noisy - clean).mean() == pytest.approx(0.0, abs=0.01)


def test_spirals_are_the_published_194_points():
    X, y = two_spirals()
    for i in range(97):
        angle, radius = i * np.pi / 16, 6.5 * (104 - i) / 104
        point = np.array([radius * np.sin(angle), radius * np.cos(angle)])
        np.testing.assert_allclose(X[2 * i], point, atol=1e-12)
        np.testing.assert_allclose(X[2 * i + 1], -point, atol=1e-12)
    assert X.shape == (194, 2)
    assert y.tolist() == [1, 0] * 97


def test_spirals_interlock():
    X, y = two_spirals()
    ray = X[np.isclose(X[:, 0], 0, atol=1e-9) & (X[:, 1] > 0)]
    labels = y[np.isclose(X[:, 0], 0, atol=1e-9) & (X[:, 1] > 0)]
    order = np.argsort(-ray[:, 1])
    np.testing.assert_allclose(ray[order, 1], [6.5, 5.5, 4.5, 3.5, 2.5, 1.5, 0.5], atol=1e-9)
    assert labels[order].tolist() == [1, 0, 1, 0, 1, 0, 1]


def test_spirals_turn_as_often_as_asked():
    X, _ = two_spirals(2000, turns=2.0)
    arm = X[::2]
    steps = np.diff(np.unwrap(np.arctan2(arm[:, 0], arm[:, 1])))
    assert steps.sum() == pytest.approx(2 * 2 * np.pi)
    assert (steps > 0).all()


@pytest.mark.parametrize(
    ("call", "setting"),
    [
        (lambda: two_moons(1), "n_samples"),
        (lambda: two_moons(10, noise=-0.1), "noise"),
        (lambda: two_spirals(195), "n_samples"),
        (lambda: two_spirals(2), "n_samples"),
        (lambda: two_spirals(turns=0.0), "turns"),
        (lambda: two_spirals(noise=float("nan")), "noise"),
        (lambda: separable(0), "n_samples"),
        (lambda: separable(n_features=0), "n_features"),
        (lambda: separable(margin=0.0), "margin"),
        (lambda: separable(margin=float("inf")), "margin"),
    ],
)
def test_impossible_settings_are_named(call, setting):
    with pytest.raises(ConfigurationError, match=setting):
        call()


GENERATORS = [
    lambda state: two_moons(20, noise=0.1, random_state=state),
    lambda state: two_spirals(20, noise=0.1, random_state=state),
    lambda state: separable(20, 3, 0.1, random_state=state),
]


@pytest.mark.parametrize("make", GENERATORS)
def test_random_state_is_all_the_randomness(make):
    before = np.random.get_state()[1].copy()
    first, again, other = make(3), make(np.random.default_rng(3)), make(4)
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(make(None)[0], make(None)[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_without_noise_nothing_is_random():
    np.testing.assert_array_equal(two_spirals(random_state=1)[0], two_spirals(random_state=2)[0])
    np.testing.assert_array_equal(two_moons(noise=0.0)[0], two_moons(noise=0.0)[0])


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 30), st.floats(1e-6, 1e3), st.integers(0, 2**32))
def test_separable_keeps_its_promise(n_samples, n_features, margin, seed):
    X, y, u = separable(n_samples, n_features, margin, random_state=seed)
    assert X.shape == (n_samples, n_features)
    assert u.shape == (n_features + 1,)
    assert set(y.tolist()) <= {-1, 1}
    assert abs(int(y.sum())) <= 1
    assert np.linalg.norm(u) == pytest.approx(1.0, abs=1e-12)
    assert (y * (np.column_stack([X, np.ones(n_samples)]) @ u)).min() >= margin


def test_separable_margin_is_tight_enough_to_matter():
    X, y, u = separable(5000, 2, 0.25, random_state=0)
    assert (y * (X @ u[:-1] + u[-1])).min() < 0.26


@pytest.mark.parametrize("seed", range(5))
def test_novikoff_bounds_the_perceptron(seed):
    X, y, _ = separable(80, 4, 0.05, random_state=seed)
    rows = np.column_stack([X, np.ones(len(X))])
    w, mistakes, clean = np.zeros(5), 0, False
    bound = (np.linalg.norm(rows, axis=1).max() / 0.05) ** 2
    while not clean and mistakes <= bound:
        clean = True
        for row, label in zip(rows, y, strict=True):
            if label * (w @ row) <= 0:
                w, mistakes, clean = w + label * row, mistakes + 1, False
    assert clean
    assert 0 < mistakes <= bound


# ------------------------------------------------------------------------------------- bundle, digits


def test_digits_are_those_of_scikit_learn():
    bundle, theirs = digits(), load_digits()
    assert bundle.data.dtype == np.float32
    assert bundle.data.min() == 0.0
    assert bundle.data.max() == 1.0
    np.testing.assert_array_equal(bundle.data * 16, theirs.data)
    np.testing.assert_array_equal(bundle.target, theirs.target)
    assert bundle.images.shape == (1797, 8, 8)
    assert np.shares_memory(bundle.images, bundle.data)
    assert bundle.test_data is bundle.test_target is bundle.test_images is None


def test_bundle_says_what_it_holds():
    X, y = np.zeros((4, 2), np.float32), np.zeros(4, np.int64)
    assert repr(DataBundle("a", X, y, test_data=X[:1], test_target=y[:1])) == (
        "DataBundle('a': data (4, 2) float32, target (4,) int64, test_data (1, 2) float32)"
    )


def test_bundle_cannot_be_changed():
    bundle = DataBundle("a", np.zeros((4, 2)), np.zeros(4))
    with pytest.raises(AttributeError):
        bundle.name = "b"


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("target", {"target": np.zeros(3)}),
        ("images", {"images": np.zeros((3, 2, 1))}),
        ("test_target", {"test_data": np.zeros((2, 2))}),
        ("test_target", {"test_data": np.zeros((2, 2)), "test_target": np.zeros(1)}),
        ("test_images", {"test_images": np.zeros((2, 2, 1))}),
    ],
)
def test_bundle_refuses_rows_that_do_not_correspond(field, fields):
    with pytest.raises(DataError, match=rf"'a'\)\.{field}: expected"):
        DataBundle(**({"name": "a", "data": np.zeros((4, 2)), "target": np.zeros(4)} | fields))


# ------------------------------------------------------------------------------------------------ IDX

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_header(code, *shape):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)


def idx_bytes(array):
    kind = array.dtype.str[1:]
    return idx_header(CODES[kind], *array.shape) + array.astype(f">{kind}").tobytes()


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "file.idx"
        path.write_bytes(content)
        return path

    return write


SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
ARRAYS = st.sampled_from(list(CODES)).flatmap(lambda kind: hnp.arrays(np.dtype(kind), SHAPES))


@settings(deadline=None)
@given(array=ARRAYS, zipped=st.booleans())
def test_idx_round_trip(tmp_path_factory, array, zipped):
    path = tmp_path_factory.getbasetemp() / "round_trip.idx"
    path.write_bytes(gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array))
    back = read_idx(path)
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array)


GOOD = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (GOOD[:3], "magic number"),
        (GOOD[:10], "3 dimensions in the header"),
        (GOOD[:-1], "got only 23"),
        (GOOD[:16], "got only 0"),
        (GOOD + b"\0", "got more"),
        (b"\x01" + GOOD[1:], "magic number"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "magic number .* got 89 50 4e 47"),
        (b"\0\0\x0a" + GOOD[3:], "of type 0x08"),
        (b"\0\0\x08\0", "1 to 4 dimensions, got 0"),
        (idx_header(8, 1, 1, 1, 1, 1) + b"\0", "1 to 4 dimensions, got 5"),
        (idx_header(8, 2**32 - 1, 2**32 - 1), "at most 1073741824 bytes"),
        (idx_header(8, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1), "at most 1073741824 bytes"),
    ],
)
def test_idx_refuses_what_is_not_its_name(written, pack, content, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        read_idx(written(pack(content)))
    assert "file.idx" in str(caught.value)


@pytest.mark.parametrize("cut", [4, 12, -9, -1])
def test_idx_refuses_a_truncated_gzip(written, cut):
    with pytest.raises(FileFormatError, match="whole gzip file"):
        read_idx(written(gzip.compress(GOOD)[:cut]))


def test_idx_refuses_a_damaged_gzip(written):
    packed = bytearray(gzip.compress(GOOD))
    packed[-8] ^= 1  # the first byte of the CRC
    with pytest.raises(FileFormatError, match="CRC"):
        read_idx(written(packed))
    with pytest.raises(FileFormatError, match="whole gzip file"):
        read_idx(written(gzip.compress(GOOD) + b"more"))


@pytest.mark.parametrize("promised", [10, 2**29], ids=["too much", "too little"])
def test_idx_spends_no_memory_on_a_lie(written, promised):
    body = bytes(1 << 26) if promised == 10 else bytes(100)
    path = written(gzip.compress(idx_header(8, promised) + body, compresslevel=1))
    del body
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=f"{promised} bytes"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def test_idx_limit_is_the_callers(written):
    path = written(GOOD)
    assert read_idx(path, max_bytes=24).shape == (2, 3, 4)
    with pytest.raises(FileFormatError, match="raise max_bytes"):
        read_idx(path, max_bytes=23)


def test_idx_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nowhere.idx")
