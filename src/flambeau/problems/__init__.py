"""Problems: where examples come from."""

from flambeau.problems.binarised import Binarised
from flambeau.problems.bundle import DataBundle
from flambeau.problems.catalogue import available, fetch_dataset, load
from flambeau.problems.digits import digits
from flambeau.problems.distortion import Distorted, Distortion
from flambeau.problems.examples import Examples
from flambeau.problems.idx import read_idx
from flambeau.problems.logic import logic_gate, parity, xor
from flambeau.problems.mnist import fashion_mnist, mnist
from flambeau.problems.table_layout import TableLayout, TableRows, plan_layout, read_rows
from flambeau.problems.tables import TableFile, open_table
from flambeau.problems.toys import separable, two_moons, two_spirals

__all__ = [
    "Binarised",
    "DataBundle",
    "Distorted",
    "Distortion",
    "Examples",
    "TableFile",
    "TableLayout",
    "TableRows",
    "available",
    "digits",
    "fashion_mnist",
    "fetch_dataset",
    "load",
    "logic_gate",
    "mnist",
    "open_table",
    "parity",
    "plan_layout",
    "read_idx",
    "read_rows",
    "separable",
    "two_moons",
    "two_spirals",
    "xor",
]
