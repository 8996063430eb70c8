"""Box.com storage in Jupyter: the composition root, which wires the hooks of Jupyter and IPython."""

__version__ = "0.1.0"
