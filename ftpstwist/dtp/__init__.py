"""The server-DTP (RFC 959 section 2.3): data connections from listening port to last octet."""
