"""A bulkhead whose calls are counted: one for each dependency that is not ours."""

from tifo.kernel.bulkhead import Budget, Bulkhead
from tifo.kernel.clock import Clock
from tifo.kernel.ids import Ids
from tifo.telemetry.metrics import DEPENDENCY_CALLS, DEPENDENCY_CALLS_UNDER_WAY, DEPENDENCY_FAILING


def counted_bulkhead(dependency: str, budget: Budget, clock: Clock, ids: Ids) -> Bulkhead:
    """The bulkhead of a dependency by its name in the metrics."""
    bulkhead = Bulkhead(
        dependency, budget, clock, ids, lambda outcome: DEPENDENCY_CALLS.labels(dependency, outcome).inc()
    )
    DEPENDENCY_CALLS_UNDER_WAY.labels(dependency).set_function(lambda: bulkhead.under_way)
    DEPENDENCY_FAILING.labels(dependency).set_function(lambda: bulkhead.failing)
    return bulkhead
