"""Logs made of audit events."""
