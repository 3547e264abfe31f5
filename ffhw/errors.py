"""Failures a user can act on: one line each, and one exit code a class.

The command line prints the message of a :class:`FfhwError` and exits with its ``exit_code``; every other exception is a
defect of ours and keeps its traceback.
"""


class FfhwError(Exception):
    """Base of every expected failure."""

    exit_code = 1


class InputError(FfhwError):
    """A file, an option or an array is not what the command takes."""

    exit_code = 2


class MismatchError(FfhwError):
    """Two implementations that must be equal are not."""

    exit_code = 3


class ToolError(FfhwError):
    """A program or a Python package that the command needs is missing, or broke."""

    exit_code = 4


class FitError(FfhwError):
    """The design does not fit the device."""

    exit_code = 5


class OutputError(FfhwError):
    """The result cannot be written."""

    exit_code = 6


class DigestError(FfhwError):
    """A bundle is incomplete, or a file in it was changed after it was written."""

    exit_code = 7
