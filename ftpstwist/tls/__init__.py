"""TLS (RFC 4217, RFC 8446): the only room that imports OpenSSL."""
