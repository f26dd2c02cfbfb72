"""Hyperparameter search: many runs, called trials, with values that Optuna proposes from earlier results.

<output_dir>/searches/<name>/trial-0007/  an ordinary run folder
<output_dir>/searches/<name>/results.csv  every trial: state, values, metric, epochs, seconds, folder
<output_dir>/searches/<name>/search.yaml  the settings and overrides of the search
<output_dir>/searches/<name>/journal.log  Optuna's storage, unless it is a database
"""

from jlml.errors import UserError

try:
    import optuna
except ImportError as error:
    raise UserError("A search needs Optuna: pip install 'jlml[search]'.") from error

from jlml.search.results import Found
from jlml.search.running import search

__all__ = ["Found", "search"]

optuna.logging.set_verbosity(optuna.logging.ERROR)  # jlml reports failed trials itself, without a traceback
