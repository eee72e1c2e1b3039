"""Cuts every Python process that has this folder on its PYTHONPATH off from the network.

Only this machine itself can be reached, so notebook kernels go on working. Set by
``tools/notebooks.py test``, which thereby proves that no notebook needs a network.
"""

import errno
import ipaddress
import sys


def _is_here(host: object) -> bool:
    if host is None or host in ("", b"", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


def _refuse(event: str, arguments: tuple) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) and address else None  # a Unix socket has no host
    elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        raise OSError(errno.ENETUNREACH, f"the network is cut off for this test, so no {host}")


sys.modules["rfc3987_syntax"] = None  # jsonschema can do without it, and it takes over a second to load
sys.addaudithook(_refuse)
