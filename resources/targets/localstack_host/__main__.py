"""LocalStack's process: ``python -m localstack_host``.

Put here what has to happen before LocalStack is imported. Keep out everything else, which is a plug-in (`plugins`).

LocalStack calls itself over its own port, with credentials that everybody knows, and marks these calls with a header.
That header gets a name that nobody knows, so that `server` can tell them from others'. It is LocalStack's one constant
that is changed; all who use it import it later.
"""

from localstack.aws import connect

from .server import OWN_CALLS

connect.INTERNAL_REQUEST_PARAMS_HEADER = OWN_CALLS

from localstack.runtime.main import main  # noqa: E402 - it reads the constant

main()
