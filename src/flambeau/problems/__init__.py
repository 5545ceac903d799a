"""Problems: where examples come from."""

from flambeau.problems.base import AbstractMemoryless, AbstractProblem, Generated, step_numbers
from flambeau.problems.data.bundle import DataBundle, digits
from flambeau.problems.data.catalogue import available, fetch_dataset, load
from flambeau.problems.data.idx import read_idx
from flambeau.problems.data.logic import logic_gate, parity, xor
from flambeau.problems.data.mnist import fashion_mnist, mnist
from flambeau.problems.data.toys import separable, two_moons, two_spirals
from flambeau.problems.distortion import Distorted, Distortion
from flambeau.problems.examples import Binarised, Examples
from flambeau.problems.sharded import Sharded
from flambeau.problems.streamed import Streamed
from flambeau.problems.table_layout import TableLayout, TableRows, plan_layout, read_rows
from flambeau.problems.tables import TableFile, open_table

__all__ = [
    "AbstractMemoryless", "AbstractProblem", "Binarised", "DataBundle", "Distorted", "Distortion", "Examples",
    "Generated", "Sharded", "Streamed", "TableFile", "TableLayout", "TableRows", "available", "digits", "fashion_mnist",
    "fetch_dataset", "load", "logic_gate", "mnist", "open_table", "parity", "plan_layout", "read_idx", "read_rows",
    "separable", "step_numbers", "two_moons", "two_spirals", "xor",
]  # fmt: skip
