"""The run-time type checker of the test suite: beartype, with int accepted where float is asked for (PEP 484)."""

from beartype import BeartypeConf, beartype

checker = beartype(conf=BeartypeConf(is_pep484_tower=True))
