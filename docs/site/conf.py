"""Settings of Sphinx for the documentation site. `build.py` writes its source and runs it."""

project = "jlml"
author = "the authors of jlml"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "jlml"
html_show_sphinx = False
html_copy_source = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # shapes stand in the signatures of the source, and in words in the docstrings
napoleon_google_docstring = True
default_role = "code"  # single backticks in docstrings are code, as in Markdown
suppress_warnings = ["myst.header"]  # pages that begin with the second level, and none that skip one in text
autodoc_inherit_docstrings = False  # Lightning writes its docstrings for its own pages
html_static_path = ["static"]
html_css_files = ["math.css"]
