"""A request with the facts of its head by which faults choose requests.

Put here those facts. Keep out where a message ends (`resources.wire.message`).
"""

from typing import Any, ClassVar

from resources.wire import message


class Request(message.Request):
    """A request to be treated. ``operation`` is DynamoDB's name for it, such as ``PutItem``, else its method."""

    kept: ClassVar[frozenset[bytes]] = message.Request.kept | {b"x-amz-target"}
    operation: str
    to_dynamodb: bool

    def _body_after_head(self, parser: Any) -> Any:
        body = super()._body_after_head(parser)
        target = self._headers.get(b"x-amz-target", b"").decode("latin-1")
        self.to_dynamodb = target.startswith("DynamoDB_")
        self.operation = target.partition(".")[2] if self.to_dynamodb else self.method
        return body
