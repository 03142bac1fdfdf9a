"""What DynamoDB does with writes and reads: conditions, counters, consistency, capacity.

Put here behaviours of tables. Keep out those of other services (their modules in `resources.conformance.behaviours`).
"""

from botocore.exceptions import ClientError

from resources.conformance.bench import ProbeBench
from resources.conformance.probes import Observation, absent, different, not_provocable, probe, reproduced

_GUIDE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide"
_CONDITIONS = f"{_GUIDE}/Expressions.ConditionExpressions.html"
_UPDATES = f"{_GUIDE}/Expressions.UpdateExpressions.html"
_CONSISTENCY = f"{_GUIDE}/HowItWorks.ReadConsistency.html"

_KEY = {"id": {"S": "order"}}
_FAILED = "ConditionalCheckFailedException"


@probe(
    "a put on condition that the item is new",
    expected=f"the second one fails: {_FAILED}",
    documented_at=_CONDITIONS,
    affects=("S2", "E10", "E13"),
)
def conditional_put(bench: ProbeBench) -> Observation:
    put = {"TableName": bench.table(), "Item": _KEY, "ConditionExpression": "attribute_not_exists(id)"}
    bench.clients.dynamodb.put_item(**put)
    try:
        bench.clients.dynamodb.put_item(**put)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return reproduced(code) if code == _FAILED else different(code)
    return absent("the second one is stored as well")


@probe(
    "an update that adds to a number",
    expected="counts from 0, atomically",
    documented_at=_UPDATES,
    affects=("E10", "E13"),
)
def update_that_adds(bench: ProbeBench) -> Observation:
    table = bench.table()
    for _ in range(3):
        bench.clients.dynamodb.update_item(
            TableName=table,
            Key=_KEY,
            UpdateExpression="SET #s = if_not_exists(#s, :stamp) ADD #c :one",
            ExpressionAttributeNames={"#s": "stamp", "#c": "commits"},
            ExpressionAttributeValues={":stamp": {"N": "7"}, ":one": {"N": "1"}},
        )
    item = bench.clients.dynamodb.get_item(TableName=table, Key=_KEY, ConsistentRead=True).get("Item", {})
    words = f"{item.get('commits', {}).get('N')} after three updates that add 1"
    return reproduced(words) if item.get("commits") == {"N": "3"} else different(words)


@probe(
    "an update on condition that an attribute is absent",
    expected=f"the second one fails and changes nothing: {_FAILED}",
    documented_at=_CONDITIONS,
    affects=("E10", "E13"),
)
def conditional_update(bench: ProbeBench) -> Observation:
    table = bench.table()
    update = {
        "TableName": table,
        "Key": _KEY,
        "UpdateExpression": "ADD commits :one SET done_by = :me",
        "ConditionExpression": "attribute_not_exists(done_by)",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":me": {"S": "probe"}},
    }
    bench.clients.dynamodb.update_item(**update)
    try:
        bench.clients.dynamodb.update_item(**update)
    except ClientError as error:
        code = error.response["Error"]["Code"]
    else:
        return absent("the second one is done as well")
    item = bench.clients.dynamodb.get_item(TableName=table, Key=_KEY, ConsistentRead=True).get("Item", {})
    written = item.get("commits", {}).get("N")
    words = f"{code}, written {written} times"
    return reproduced(words) if (code, written) == (_FAILED, "1") else different(words)


def _misses(bench: ProbeBench, reads: int, *, consistent: bool) -> int:
    """How many of ``reads`` right after a write did not find what was written."""
    table = bench.table()
    missed = 0
    for number in range(reads):
        key = {"id": {"S": str(number)}}
        bench.clients.dynamodb.put_item(TableName=table, Item=key)
        missed += "Item" not in bench.clients.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=consistent)
    return missed


@probe(
    "a strongly consistent read after a write",
    expected="finds what was written",
    documented_at=_CONSISTENCY,
    affects=("S2", "T1", "T2"),
)
def consistent_read(bench: ProbeBench) -> Observation:
    missed = _misses(bench, 100, consistent=True)
    return different(f"{missed} of 100 did not") if missed else reproduced("100 of 100")


@probe(
    "an eventually consistent read after a write",
    expected="may not find what was just written",
    documented_at=_CONSISTENCY,
    affects=(),
)
def eventually_consistent_read(bench: ProbeBench) -> Observation:
    missed = _misses(bench, 200, consistent=False)
    return reproduced(f"{missed} of 200 did not") if missed else not_provocable("never in 200 reads")


@probe(
    "provisioned write capacity",
    expected="ProvisionedThroughputExceededException or unprocessed items beyond it and its burst",
    documented_at=f"{_GUIDE}/provisioned-capacity-mode.html",
    affects=("S11", "S14"),
)
def provisioned_capacity(bench: ProbeBench) -> Observation:
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    table = bench.table(BillingMode="PROVISIONED", ProvisionedThroughput=capacity)
    ten_kilobytes = "x" * 10_000
    stored = 0
    for batch in range(4):  # 100 items of 10 units each, where a unit a second keeps 300 of burst at most
        puts = [
            {"PutRequest": {"Item": {"id": {"S": f"{batch}/{number}"}, "details": {"S": ten_kilobytes}}}}
            for number in range(25)
        ]
        try:
            left = bench.clients.dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]
        except ClientError as error:
            return reproduced(f"{error.response['Error']['Code']} after {stored} items of 10 units, at 1 unit a second")
        if left:
            return reproduced(f"{len(left[table])} items unprocessed after {stored}, 10 units each, at 1 a second")
        stored += len(puts)
    return absent(f"{stored} items of 10 units stored at once, at 1 unit a second")
