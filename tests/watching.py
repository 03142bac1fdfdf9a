"""The network watched, and credentials that look real planted wherever there is a place for them.

Put here what a test sets in the environment of a process, and what it reads afterwards. Keep out what must not be
reached, which the tests say.
"""

from collections.abc import Mapping
from pathlib import Path

OF_THIS_MACHINE = {"127.0.0.1", "localhost", "::1", "None"}

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")

# Writes down, in every Python process that is started, where it connects to and whose address it asks for; and lets
# none of it leave this machine.
_WATCH = f"""
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        address = arguments[:1]
    else:
        return
    host = address[0] if isinstance(address, tuple) else address
    with open(FILE, "a") as file:
        file.write(f"{{host}}\\n")
    if isinstance(address, tuple) and str(host) not in {OF_THIS_MACHINE!r}:
        raise OSError(f"the test lets nothing reach {{host}}")

sys.addaudithook(watch)
"""


def with_planted_credentials(folder: Path, proxy: str | None = None) -> dict[str, str]:
    """The environment of a process that is watched, with credentials planted, and ``proxy``; ``folder`` is to
    be the test's own.
    """
    (folder / "watch").mkdir()
    # The file's name is in the program: an emulator gets no variable that is not on the list of those it needs.
    (folder / "watch" / "sitecustomize.py").write_text(f"FILE = {str(folder / 'watched')!r}\n{_WATCH}")
    profile = "aws_access_key_id = AKIAPLANTEDPLANTED00\naws_secret_access_key = planted\nregion = eu-west-3\n"
    home = folder / "planted-home"
    (home / ".aws").mkdir(parents=True)
    for path in (folder / "credentials", home / ".aws" / "credentials"):
        path.write_text(f"[default]\n{profile}[planted]\n{profile}")
    for path in (folder / "config", home / ".aws" / "config"):
        path.write_text(f"[profile planted]\n{profile}endpoint_url = https://planted.example.com\n")
    return {
        "PYTHONPATH": str(folder / "watch"),
        "WATCHED": str(folder / "watched"),
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED00",
        "AWS_SECRET_ACCESS_KEY": "planted",
        "AWS_SESSION_TOKEN": "planted",
        "AWS_PROFILE": "planted",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_DEFAULT_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL": "https://planted.example.com",
        **(dict.fromkeys(_PROXIES, proxy) if proxy else {}),
    }


def watched(environment: Mapping[str, str]) -> set[str]:
    """The addresses looked up or connected to so far."""
    file = Path(environment["WATCHED"])
    return set(file.read_text().split("\n")) - {""} if file.exists() else set()
