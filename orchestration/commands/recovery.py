"""What commands do about recordings that a killed import or recorder left behind.

Put here how their recovery is reported. Keep the recovery out (`workloads.live.recovery`).
"""

from orchestration.commands.accounts import account_lines
from orchestration.commands.errors import warn
from workloads.live.recovery import recover
from workloads.places import Places
from workloads.recordings.library import Library


def recover_recordings(places: Places) -> None:
    """Recover what killed imports and recorders left behind, and report on the standard error.

    A recording that cannot be recovered is reported too, and hinders no command.
    """
    recovery = recover(Library(places))
    for failure in recovery.failures.values():
        warn(failure)
    for account in recovery.accounts.values():
        warn(f"recovered what a recorder left behind: {account_lines(account)[0]}")
