"""The ``ftpstwist`` command."""
