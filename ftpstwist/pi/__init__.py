"""The server-PI (RFC 959 section 2.3): the control connection."""
