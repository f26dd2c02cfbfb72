"""Hyperparameter search: many runs, called trials, with values that Optuna proposes from earlier results.

<output_dir>/searches/<name>/trial-0007/  an ordinary run folder
<output_dir>/searches/<name>/results.csv  every trial: state, values, metric, epochs, seconds, folder
<output_dir>/searches/<name>/search.yaml  the settings and overrides of the search
<output_dir>/searches/<name>/journal.log  Optuna's storage, unless it is a database
"""

from jlml.errors import extra_needed

with extra_needed("search", "A search needs Optuna"):
    import optuna

from jlml.search.results import Found
from jlml.search.running import search

__all__ = ["Found", "search"]

optuna.logging.set_verbosity(optuna.logging.ERROR)  # jlml reports failed trials itself, without a traceback
