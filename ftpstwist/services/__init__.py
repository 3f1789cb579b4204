"""The composition root: Twisted services made of all departments."""
