"""The script that says how large the package is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "sizes.py"
SMALL = '''"""Doc."""


class Small(AbstractTrained):
    def fit(self):
        """Not counted."""
        x = 1
        return x


def long():
    return (
        1
    )
'''


def run(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_sizes_of_another_checkout_stand_beside_those_of_this_one(tmp_path):
    package = tmp_path / "old" / "src" / "flambeau"
    (package / "estimators").mkdir(parents=True)
    (tmp_path / "old" / "tests").mkdir()
    (package / "estimators" / "small.py").write_text(SMALL)
    (package / "wide.py").write_text('"""Doc."""\n' + "a = 1\n" * 400)
    result = run(tmp_path / "old")
    assert result.returncode == 0, result.stderr
    rows = {
        cells[1]: cells[2:-1] for cells in ([c.strip() for c in line.split("|")] for line in result.stdout.splitlines())
    }
    assert rows[""] == ["old (before)", "here"]
    assert rows["source, lines"][0] == str(401 + SMALL.count("\n"))
    assert rows["of them code"][0] == "408"
    assert rows["of them docstrings"][0] == "3"
    assert rows["files over 400 lines"] == ["1", "0"]
    assert rows["longest file"][0] == "401 (wide.py)"
    assert rows["functions"][0] == "2"
    assert rows["function, median lines"][0] == "2.5"
    assert rows["function, longest"][0] == "3"
    assert rows["smallest estimator's class, lines"][0] == "5 (Small)"
    assert rows["an estimator's class, median lines"][0] == "5"
    assert rows["estimators, lines"][0] == str(SMALL.count("\n"))


def test_a_folder_without_the_package_is_refused(tmp_path):
    result = run(tmp_path)
    assert result.returncode == 2
    assert "no checkout" in result.stderr
