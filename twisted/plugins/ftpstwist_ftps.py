"""Makes ``twistd ftps`` known; names the code without importing it."""

from twisted.application.service import ServiceMaker

ftps = ServiceMaker("ftpstwist", "ftpstwist.tap", "An FTPS server (explicit and implicit FTP over TLS).", "ftps")
