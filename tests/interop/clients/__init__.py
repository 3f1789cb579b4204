"""Client programs that exist in the world, each behind one small adapter."""

from tests.interop.clients.adapter import Adapter, ClientError, Step, Target
from tests.interop.clients.curl import Curl
from tests.interop.clients.java import CommonsNet
from tests.interop.clients.lftp import Lftp
from tests.interop.clients.node import BasicFtp
from tests.interop.clients.perl import Perl
from tests.interop.clients.php import Php
from tests.interop.clients.python_aioftp import Aioftp
from tests.interop.clients.python_ftplib import Ftplib, ResumingFtplib
from tests.interop.clients.rclone import Rclone
from tests.interop.clients.wget import Wget

CLIENTS: tuple[Adapter, ...] = (
    Curl(),
    Lftp(),
    Wget(),
    Ftplib(),
    ResumingFtplib(),
    Aioftp(),
    Php(),
    Perl(),
    CommonsNet(),
    BasicFtp(),
    Rclone(),
)
"""All of them."""

__all__ = ["CLIENTS", "Adapter", "ClientError", "Step", "Target"]
