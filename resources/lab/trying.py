"""A service tried before it is replayed: each of a recording's routes once, on an instance of its own.

Put here starting what it is tried on, and reading what its functions logged. Keep out what is sent
(`resources.services.trial`).
"""

from collections.abc import Iterator

from resources.architectures import architectures
from resources.lab import observation
from resources.lab.bench import Bench, settings_for
from resources.lab.exclusive import exclusive
from resources.progress import Reporter
from resources.services.model import Deployable
from resources.services.trial import Tried, requests_of, trial
from resources.targets import Platform
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.recording import Recording
from workloads.scenarios import scenarios

_SEED = 1


def tried(
    places: Places, platform: Platform, deployable: Deployable, recording: Recording, reporter: Reporter
) -> Iterator[tuple[Tried, str]]:
    """Send one request to each of a recording's busiest routes, synchronously.

    Args:
        places: The home whose lab is used.
        platform: What it is tried on.
        deployable: The service.
        recording: Whose routes are tried.
        reporter: Reports what is waited for.

    Yields:
        What came of each, and what the handler logged meanwhile where it did not work.

    Raises:
        ArchduelError: Its functions do not run at all.
    """
    offered = requests_of(recording, _SEED)
    steady, architecture = scenarios()["steady"], architectures()["synchronous"]
    settings = settings_for(
        steady, architecture, offered, platform.target.limits, timeout_s=deployable.service.longest_timeout_s
    )
    with exclusive(places, who="a trial of a service", wait=True, reporter=reporter):
        reporter.stage(f"{deployable.name}: one request to each of {len(offered)} routes")
        bench = Bench(architecture, settings, platform, places.emulator_logs, service=deployable)
        try:
            bench.ready()
            with bench.stack.clients.explained():
                bench.stack.ensure_all()
                for one in trial(bench.api_url, offered):
                    yield one, "" if one.works else observation.last_logged(bench.stack)
            bench.check_alive()
        finally:
            bench.close()


def check(
    places: Places, platform: Platform, deployable: Deployable, recording: Recording, reporter: Reporter
) -> list[str]:
    """Try a service; arguments as `tried`.

    Returns:
        A sentence for each route whose answer may not be what is wanted.

    Raises:
        ArchduelError: A route does not work; the message has what the handler logged.
    """
    found = list(tried(places, platform, deployable, recording, reporter))  # to the end, so that its instance ends
    for one, logged in found:
        if not one.works:
            raise ArchduelError(
                f"{deployable.service.name} fails at {one.sentence()}; it logged: {logged or 'nothing'}; try it with"
                " archduel service check"
            )
    return [one.sentence() for one, _ in found if one.doubt]
