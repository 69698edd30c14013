"""siscon: the operations console for roster synchronisation. Importing it loads nothing heavy."""

from siscon._version import __version__

__all__ = ["__version__"]
