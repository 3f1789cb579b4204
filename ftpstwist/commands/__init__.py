"""The verbs: one coroutine each, grouped as RFC 959 section 4.1 groups them."""
