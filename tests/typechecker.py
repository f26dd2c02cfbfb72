"""The type checker that jaxtyping uses in tests. It accepts an int as a float, as static type checkers do."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
