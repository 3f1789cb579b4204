"""Worker processes: sessions and their transfers in as many processes as the operator wants.

How it works: one process, the *front*, has the ports, the accounts, and all that is
counted over all sessions (connections, bans, attempts to log in, sessions of a user). It accepts control
connections, judges them, and hands each to the *worker* with the fewest
(``doors``, ``reception``). A worker does everything else of a session by itself:
TLS, commands, files, data connections on passive ports of its own. It asks the front one thing, whether
a client may log in (``clerk``, ``logins``), and tells it when a session is over. Quotas are in
books that all processes share (``storage.shared``). The front starts the workers and, when one
dies, another (``crew``); it answers the operator for all of them (``desk``).

A control connection and its data connections never leave their worker: so the
TLS session that proves whose a data connection is is known there (``tls.binding``).
"""
