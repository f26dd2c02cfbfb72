"""How jaxtyping checks types in tests: an int is a float, as in the type system."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
