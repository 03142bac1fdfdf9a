"""What one request costs at most, for limits on spending that have to hold before anything is known of the traffic.

Put here the price of a request. Keep out what a whole comparison costs (`resources.lab.budget`) and what limits are
(`resources.targets.spending`).
"""

from resources.architectures import Architecture, architectures
from resources.prices.book import assumptions, prices
from resources.prices.model import expected_counts, total_usd
from workloads.places import Places


def max_usd_per_request(places: Places) -> float:
    """USD that one request of the dearest kind, with a body under 1 KB, costs through the dearest architecture, by the
    prices that count in the home ``places``. Fetches of its answer are requests of their own.
    """
    book, sizes = prices(places), assumptions(places)

    def usd(architecture: Architecture, *, queries: float) -> float:
        """Of one command and so many queries."""
        counts = expected_counts(
            architecture.queued,
            queries_per_command=queries,
            fetches_per_query=0,
            queueing=architecture.queueing,
            waited_for=[count for count in architecture.waited_for.values() if count],
            effects=len(architecture.effects),
        )
        return total_usd(counts, book, sizes, gateway="rest", processor="x86") / 1e6

    each = []
    for architecture in architectures().values():
        command = usd(architecture, queries=0)
        each += [command, usd(architecture, queries=1) - command]
    return max(each)
