"""Where the octets live: back ends behind the ``Filesystem`` seam."""
