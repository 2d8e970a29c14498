"""The runtime type checker of the test run: beartype, for which an int is also a float, as for static checkers."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
