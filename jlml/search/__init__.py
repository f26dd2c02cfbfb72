"""Hyperparameter search: many runs, each a trial whose values Optuna proposes from how the others did.

<output_dir>/searches/<name>/trial-0007/  an ordinary run folder
<output_dir>/searches/<name>/results.csv  every trial: state, values, metric, epochs, seconds, folder
<output_dir>/searches/<name>/search.yaml  what is searched, and by which overrides
<output_dir>/searches/<name>/journal.log  Optuna's record, unless it is in a database
"""

from jlml.errors import UserError

try:
    import optuna
except ImportError as error:
    raise UserError("A search needs Optuna: pip install 'jlml[search]'.") from error

from jlml.search.results import Found
from jlml.search.running import search

__all__ = ["Found", "search"]

optuna.logging.set_verbosity(optuna.logging.ERROR)  # a failed trial has its line, and needs no traceback
