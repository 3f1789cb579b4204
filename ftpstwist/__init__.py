"""An FTPS server for Twisted: FTP (RFC 959) over TLS (RFC 4217), explicit and implicit.

Start it with ``twistd ftps``, or build the same service inside another
application with :func:`ftpstwist.services.build.ftps_service`.
"""

__version__ = "0.1.0"
