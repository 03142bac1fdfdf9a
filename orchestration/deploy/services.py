"""Redis and PostgreSQL of Debian's packages, until Ctrl-C: ``make services``.

Put here how the two are started for workers of Celery. Keep out the workers (`orchestration.worker`).
"""

import os
import pwd
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2

from resources.machine.leash import LeashedProcess
from workloads.errors import ArchduelError
from workloads.places import Places

_REDIS_PORT, _POSTGRES_PORT = 6379, 5432
_STARTS_WITHIN_S = 60.0
_USER, _DATABASE = "archduel", "archduel"


def start(folder: Path, host: str, redis_port: int, postgres_port: int, stack: ExitStack) -> dict[str, str]:
    """Start both; they end with ``stack``, or with this process however it ends.

    Args:
        folder: Where they keep what they have to keep, and the password.
        host: The address that they listen on.
        redis_port: Redis's port.
        postgres_port: PostgreSQL's port.
        stack: Ends them.

    Returns:
        The variables for everything that is to use them.

    Raises:
        ArchduelError: One is not installed, or does not start.
    """
    redis, programs = shutil.which("redis-server"), sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if redis is None or not programs:
        raise ArchduelError("Redis or PostgreSQL is not installed: apt-get install redis-server postgresql")
    folder.mkdir(parents=True, exist_ok=True)
    password = _password(folder)
    settings = folder / "redis.conf"  # not on the command line, where every user of the machine sees it
    settings.touch(mode=0o600)
    settings.write_text(
        f'bind {host}\nport {redis_port}\nrequirepass {password}\nsave ""\nappendonly yes\ndir "{folder}"\n'
    )
    stack.enter_context(
        closing(LeashedProcess([redis, str(settings)], environment=os.environ, log=folder / "redis.log"))
    )
    data, user = folder / "postgres", _unprivileged(folder)
    if not (data / "PG_VERSION").exists():
        given = folder / "postgres.password"
        shutil.copy(folder / ".password", given)
        if user:
            os.chown(given, data.stat().st_uid, data.stat().st_gid)
        options = ["-D", str(data), "-U", _USER, "-A", "scram-sha-256", f"--pwfile={given}", "-E", "UTF8"]
        done = subprocess.run([*user, str(programs[-1]), *options], capture_output=True, text=True, check=False)
        given.unlink()
        if done.returncode:
            raise ArchduelError(f"PostgreSQL cannot be set up in {data}: {done.stderr.strip().splitlines()[-1]}")
        with (data / "pg_hba.conf").open("a") as access:
            access.write(f"host all all {'samenet' if host != '127.0.0.1' else '127.0.0.1/32'} scram-sha-256\n")
    server = [str(programs[-1].with_name("postgres")), "-D", str(data), "-h", host, "-p", str(postgres_port)]
    options = ["-c", f"unix_socket_directories={data}", "-c", "max_connections=300"]
    stack.enter_context(
        closing(LeashedProcess([*user, *server, *options], environment=os.environ, log=folder / "postgres.log"))
    )
    _make_database(host, postgres_port, password, folder)
    return {
        "ARCHDUEL_BROKER_URL": f"redis://:{password}@{host}:{redis_port}/0",
        "ARCHDUEL_POSTGRES_URL": f"postgresql+psycopg2://{_USER}:{password}@{host}:{postgres_port}/{_DATABASE}",
    }


def _password(folder: Path) -> str:
    file = folder / ".password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(16))
    return file.read_text()


def _unprivileged(folder: Path) -> Sequence[str]:
    """What runs PostgreSQL as another user than root, which it refuses; ``folder`` is made accessible to that one."""
    if os.geteuid() != 0:
        return ()
    user = pwd.getpwnam("postgres")
    data = folder / "postgres"
    data.mkdir(exist_ok=True, mode=0o700)
    os.chown(data, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _make_database(host: str, port: int, password: str, folder: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            connection = psycopg2.connect(host=host, port=port, user=_USER, password=password, dbname="postgres")
            break
        except psycopg2.OperationalError as error:
            if time.monotonic() > until:
                raise ArchduelError(
                    f"PostgreSQL does not start: {error}; its log is {folder / 'postgres.log'}"
                ) from None
            time.sleep(0.2)
    with closing(connection):
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_DATABASE])
            if not cursor.fetchall():
                cursor.execute(f"CREATE DATABASE {_DATABASE}")


def main() -> None:
    """Start both on the address that is given, by default this machine's own alone, and print the variables."""
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    with ExitStack() as stack:
        folder = Places.from_environment().home / "services"
        for name, value in start(folder, host, _REDIS_PORT, _POSTGRES_PORT, stack).items():
            sys.stdout.write(f"export {name}='{value}'\n")
        sys.stdout.write("# Ctrl-C ends both\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    try:
        main()
    except ArchduelError as error:
        sys.stderr.write(f"archduel: {error}\n")
        sys.exit(error.exit_code)
