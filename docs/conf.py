"""How Sphinx builds the site; what it says stands in the pages."""

from jupyter_box import __version__

project = "jupyter-box"
copyright = "The jupyter-box developers"  # noqa: A001  Sphinx's own word
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
nitpicky = False

html_theme = "furo"
html_title = "jupyter-box"
html_show_sphinx = False
html_static_path: list[str] = []
