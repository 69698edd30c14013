"""The version, alone in a file so that reading it costs nothing; the build reads it too."""

__version__ = "0.1.0"
