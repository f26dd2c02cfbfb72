"""The explorer: a page in which a pointer decodes any place of the latent space of a finished run."""

from jlml.evaluation.explorer.page import NAME, explorer_page
from jlml.evaluation.explorer.several import write_explorer

__all__ = ["NAME", "explorer_page", "write_explorer"]
