"""The version, a leaf of its own, so that whoever tells it does not import the composition root."""

__version__ = "0.1.0"
