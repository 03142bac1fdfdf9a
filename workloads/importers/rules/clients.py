"""What a client is: the one function that every format's clients go through.

Put here how an address is taken out of what programs write around it. Keep out which field holds it
(`workloads.importers.formats`) and its pseudonym (`workloads.importers.rules.privacy`).
"""

import ipaddress
import re

_NOBODY = {"", "-", "unknown", "unix", "null", "none", "(null)"}
_FORWARDED = re.compile(r'(?i)(?:^|;)\s*for="?([^;"]+)')
_WITH_PORT = re.compile(r"([^:]+):\d{1,5}")
_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d{1,5})?")


def client_of(text: str | None) -> str | None:
    """Return the client that ``text`` names: an address or a name, without what is around it.

    Of a list, as X-Forwarded-For holds it, the first counts. Quotes, brackets, ports and the names of RFC 7239 are
    taken off, and an IPv6 address has one spelling. None where nobody is named (``-``, ``unknown``, ``unix:``).
    """
    if text is None:
        return None
    client = text.partition(",")[0].strip(" \t\"'")
    if "=" in client and (forwarded := _FORWARDED.search(client)):
        client = forwarded[1].strip()
    if client.lower().startswith("unix:") or client.lower() in _NOBODY:
        return None
    if client.startswith("[") and (bracketed := _BRACKETED.fullmatch(client)):
        client = bracketed[1]
    elif ":" in client and (with_port := _WITH_PORT.fullmatch(client)):
        client = with_port[1]
    if ":" not in client:
        return client
    try:
        address = ipaddress.IPv6Address(client.partition("%")[0])
    except ValueError:
        return client
    return str(address.ipv4_mapped or address)
