"""The benchmarks' harness and the reproductions' record: their arithmetic and their files, never a time."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="the benchmarks are not in this package")


def load(folder, name):
    """A script as a module, importing its neighbours as it does when it is run."""
    sys.path.insert(0, str(ROOT / folder))
    try:
        spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
        module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(ROOT / folder))


@pytest.fixture(scope="module")
def harness():
    return load("benchmarks", "harness")


@pytest.fixture(scope="module")
def table():
    return load("benchmarks", "run")


@pytest.fixture(scope="module")
def beside():
    return load("benchmarks", "beside")


@pytest.fixture(scope="module")
def common():
    return load("reproductions", "common")


def test_a_measure_is_the_median_with_its_spread(harness):
    measure = harness.Measure.of([3.0, 1.0, 2.0, 10.0, 2.5], "us")
    assert (measure.median, measure.low, measure.high, measure.repeats) == (2.5, 1.0, 10.0, 5)
    assert str(measure) == "2.5 us (1 .. 10)"
    assert str(harness.Measure.of([0.5])) == "0.5 s"
    assert str(harness.Measure.of([1234.5], "us")) == "1,234 us"


@pytest.mark.parametrize(("peer", "ratio", "holds"), [(16.0, 8.0, True), (15.9, 7.95, False), (160.0, 80.0, True)])
def test_faster_compares_medians_with_the_bar(harness, peer, ratio, holds):
    row = harness.faster("step", harness.Measure.of([2.0], "us"), harness.Measure.of([peer], "us"), bar=8)
    assert row.ratio == pytest.approx(ratio)
    assert row.holds is holds
    assert row.bar_text == ">= 8x"


def test_a_missed_bar_is_printed_as_missed(harness):
    row = harness.within("import", harness.Measure.of([1.4, 1.6, 1.7]), bar=1.5)
    assert (row.holds, row.verdict, row.ratio, row.bar_text) == (False, "MISSES ITS BAR", None, "<= 1.5 s")
    assert harness.within("import", harness.Measure.of([1.5]), bar=1.5).verdict == "holds"


def test_as_good_wants_at_least_the_peers_figure(harness):
    peer = harness.Measure.of([97.8], "%")
    assert harness.as_good("accuracy", harness.Measure.of([97.8], "%"), peer).holds
    assert not harness.as_good("accuracy", harness.Measure.of([97.7], "%"), peer).holds


def test_two_units_are_not_compared(harness):
    with pytest.raises(ValueError, match="one unit"):
        harness.faster("step", harness.Measure.of([1.0], "us"), harness.Measure.of([1.0], "s"), bar=1)


def test_contestants_take_turns(harness):
    order = []

    def contestant(name):
        def measure():
            order.append(name)
            return float(len(order))

        return measure

    values = harness.alternate(contestant("ours"), contestant("peer"), repeats=3, pause=0)
    assert order == ["ours", "peer"] * 3
    assert values == [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]


def test_results_survive_the_file(harness, tmp_path):
    ours, peer = harness.Measure.of([1.0, 2.0, 3.0], "us"), harness.Measure.of([30.0], "us")
    rows = [harness.faster("a step", ours, peer, bar=80), harness.within("an import", harness.Measure.of([0.5]), bar=1)]
    path = harness.write("some_script", rows, {"cores": 2}, {"compiling, seconds": 0.4}, folder=tmp_path)
    again, rest = harness.read("some_script", folder=tmp_path)
    assert again == rows
    assert rest["environment"] == {"cores": 2}
    assert rest["notes"] == {"compiling, seconds": 0.4}
    assert list(tmp_path.iterdir()) == [path]


def test_the_environment_names_no_path(harness):
    described = json.dumps(harness.environment(2))
    assert '"threads": 2' in described
    assert str(Path.home()) not in described


def test_the_table_has_one_line_per_row(harness, table, tmp_path, monkeypatch):
    row = harness.within("an import", harness.Measure.of([2.0]), bar=1)
    harness.write("import_time", [row], {"cores": 2}, {"a note": 1}, folder=tmp_path)
    monkeypatch.setattr(table, "read", lambda name: harness.read(name, folder=tmp_path))
    text = table.document(["import_time"], failed=["step_tiny"])
    assert "| an import | python benchmarks/import_time.py | 2 s |  |  | <= 1 s | MISSES ITS BAR |" in text
    assert "`step_tiny` did not run to its end" in text
    assert "- a note: 1" in text


def test_every_benchmark_of_the_list_exists(table):
    assert all((ROOT / "benchmarks" / f"{name}.py").exists() for name in table.SCRIPTS)


def test_a_reproduction_keeps_every_seed(common, tmp_path, capsys):
    result = common.over_seeds(lambda seed: {"error, %": 1.0 + seed}, seeds=(0, 1, 2), main="error, %")
    assert [kept["seed"] for kept in result["seeds"]] == [0, 1, 2]
    assert (result["mean"], result["least"], result["most"], result["standard deviation"]) == (2.0, 1.0, 3.0, 1.0)
    assert capsys.readouterr().out.count("error, %") == 3
    path = common.keep(str(tmp_path / "figure.py"), {"claim": "c"}, result)
    kept = json.loads(path.read_text())
    assert path.name == "figure.json"
    assert kept["protocol"] == {"claim": "c"}
    assert kept["result"] == result
    assert list(tmp_path.iterdir()) == [path]


def test_the_chosen_mnist_settings_are_the_best_on_validation_rows():
    folder = ROOT / "reproductions"
    choice = json.loads((folder / "mlp_mnist_choose.json").read_text())["result"]
    best = min(choice["found"], key=lambda name: choice["found"][name]["validation error, %"])
    assert best == choice["best"]
    assert f'CHOSEN = "{best}"' in (folder / "mlp_mnist.py").read_text()


def test_two_sides_are_compared_by_the_medians_of_all_turns(beside):
    before, here = [(2.0, "us"), (4.0, "us")], [(1.0, "us"), (2.0, "us")]
    assert beside.row("a step", before, here) == ("a step", "3 us (2 .. 4)", "1.5 us (1 .. 2)", "0.50")
    kept = {"name": "step", "rows": [{"claim": "a step", "ours": {"median": 2.0, "unit": "us"}}], "notes": {}}
    assert beside.figures(kept) == {"a step": (2.0, "us")}
    kept["notes"]["our first call, seconds"] = 1.5
    assert beside.figures(kept)["step, first call"] == (1.5, "s")
