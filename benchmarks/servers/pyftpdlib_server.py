"""Runs pyftpdlib; a program for its own environment: PORT HOME CERTIFICATE KEY tls|clear SESSIONS."""

import logging
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

port, home, certificate, key, mode, sessions = sys.argv[1:]
logging.basicConfig(filename="log", level=logging.INFO)
users = DummyAuthorizer()
users.add_user("bench", "octets", home, perm="elradfmwMT")
if mode == "tls":
    kind = TLS_FTPHandler
    kind.certfile, kind.keyfile = certificate, key
    kind.tls_control_required = kind.tls_data_required = True
else:
    kind = FTPHandler
kind.authorizer = users
server = FTPServer(("127.0.0.1", int(port)), kind)
server.max_cons = int(sessions) * 2
server.serve_forever()
