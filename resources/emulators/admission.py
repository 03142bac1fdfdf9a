"""Who may give an emulator orders: the run that started it, and the functions on it. Nobody else on this machine.

Put here the check of a request, with the standard library only: it is installed beside LocalStack, too. Keep out
servers, which ask it (the modules beside this one, `resources.targets.localstack_host`).

An emulator listens on loopback, where any page in a browser of this machine and any other user of it can reach it; it
asks for no credential, and runs functions as its user. A page cannot leave out its `Origin` where a request could do
something, and one that has its own name resolve to this machine sends that name as `Host`. Another user can send
anything, but does not know the run's key: random, in the environment of its processes alone.
"""

import hmac
import re
from collections.abc import Iterable

KEY_VARIABLE = "ARCHDUEL_RUN_KEY"
REFUSED = b"refused: this emulator takes requests of the run that started it only\n"

Header = tuple[bytes, bytes]

# Any port: what goes through a fault proxy names the proxy's.
_LOCAL = re.compile(rb"(?i)(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?")


def names_this_machine(host: bytes) -> bool:
    """Whether a `Host` is a loopback address or localhost, and not a name that somebody had resolve to one."""
    return _LOCAL.fullmatch(host) is not None


class Admission:
    """Lets requests pass that carry the run's key: as session token, which signed requests send as
    ``X-Amz-Security-Token``, or, where requests cannot be signed, as the first part of their path.

    Args:
        key: The run's: hexadecimal digits.
    """

    def __init__(self, key: str) -> None:
        if not key:
            raise ValueError(f"{KEY_VARIABLE} is empty: everybody would know that key")
        self._key = key.encode()
        self._in_path = b"/" + self._key + b"/"

    def path(self, raw_path: bytes, headers: Iterable[Header]) -> bytes | None:
        """The path of a request without the key.

        Args:
            raw_path: Its path as sent, without the query.
            headers: Its header fields. Their names may be in any case.

        Returns:
            None for a request that is refused.
        """
        known = False
        hosts = 0
        for name, value in headers:
            match name.lower():
                case b"origin":
                    return None
                case b"host":
                    hosts += 1
                    if not names_this_machine(value):
                        return None
                case b"x-amz-security-token":
                    known = known or hmac.compare_digest(value, self._key)
        if hosts != 1:
            return None
        end = len(self._in_path)
        if hmac.compare_digest(raw_path[:end], self._in_path):
            return raw_path[end - 1 :]
        return raw_path if known else None
