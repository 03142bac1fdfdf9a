"""The columns of the judgements, as `resources/warehouse/tables.sql` declares them.

Put Arrow schemas of judgement tables here. Keep out how rows are made.
"""

import pyarrow as pa

_TEXT, _NUMBER, _COUNT = pa.string(), pa.float64(), pa.int64()


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


PAIRWISE = _schema(
    comparison_id=_TEXT,
    workload=_TEXT,
    scenario=_TEXT,
    operation=_TEXT,
    variant=_TEXT,
    arm=_TEXT,
    baseline=_TEXT,
    candidate=_TEXT,
    metric=_TEXT,
    unit=_TEXT,
    baseline_value=_NUMBER,
    candidate_value=_NUMBER,
    difference=_NUMBER,
    ci_low=_NUMBER,
    ci_high=_NUMBER,
    margin=_NUMBER,
    verdict=_TEXT,
    pairs=_COUNT,
    p_value=_NUMBER,
    p_adjusted=_NUMBER,
    method=_TEXT,
    pairs_needed=_COUNT,
    reason=_TEXT,
    target=_TEXT,
    evidence=_TEXT,
)
NOISE = _schema(
    comparison_id=_TEXT,
    workload=_TEXT,
    scenario=_TEXT,
    operation=_TEXT,
    architecture=_TEXT,
    variant=_TEXT,
    metric=_TEXT,
    unit=_TEXT,
    pairs=_COUNT,
    noise=_NUMBER,
    margin=_NUMBER,
    power_8=_NUMBER,
    power_16=_NUMBER,
    verdict=_TEXT,
    target=_TEXT,
)
HISTORY = _schema(
    comparison_id=_TEXT,
    night=_TEXT,
    workload=_TEXT,
    scenario=_TEXT,
    architecture=_TEXT,
    variant=_TEXT,
    operation=_TEXT,
    metric=_TEXT,
    unit=_TEXT,
    value=_NUMBER,
    nights=_COUNT,
    usual=_NUMBER,
    low=_NUMBER,
    high=_NUMBER,
    verdict=_TEXT,
    target=_TEXT,
)
RECOMMENDATIONS = _schema(
    comparison_id=_TEXT,
    workload=_TEXT,
    operation=_TEXT,
    architecture=_TEXT,
    sentence=_TEXT,
    because=pa.list_(_TEXT),
    would_change=pa.list_(_TEXT),
    evidence=_TEXT,
    target=_TEXT,
)
