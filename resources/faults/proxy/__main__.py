"""The fault proxy's process: ``python -m resources.faults.proxy``.

Put here its command line. Keep out what it does (`resources.faults.proxy.server`).
"""

import argparse
import ipaddress
import os
import sys

import uvloop

from resources.faults.proxy.server import KEY_VARIABLE, LOOPBACK, serve

_THREAD_SWITCH_S = 0.001  # how long a busy event loop keeps a command waiting for the interpreter; 5 ms by default


def main() -> None:
    """Run the proxy of the command line's options."""
    parser = argparse.ArgumentParser(prog="python -m resources.faults.proxy")
    for name in ("listen", "upstream", "control"):
        parser.add_argument(f"--{name}", type=int, required=True, metavar="PORT")
    parser.add_argument("--host", type=_address, default=LOOPBACK, help="The address to listen at.")
    options = parser.parse_args()
    sys.setswitchinterval(_THREAD_SWITCH_S)
    key = os.environ[KEY_VARIABLE]
    uvloop.run(serve(options.host, options.listen, options.upstream, options.control, key))


def _address(text: str) -> str:
    """A single address: a proxy that listens on every one could be reached by the whole network."""
    if ipaddress.ip_address(text).is_unspecified:
        raise ValueError
    return text


if __name__ == "__main__":
    main()
