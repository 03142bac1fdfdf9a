"""What AWS and botocore refuse with, in one sentence that names the cause and what to do.

Put here the wording. Keep out which refusals pass by themselves (`resources.aws.patience`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from workloads.errors import ArchduelError

_EXPIRED = "the credentials of profile {profile!r} have expired: sign in again"
_UNKNOWN = (
    "AWS does not accept the credentials of profile {profile!r} in {region}: they are wrong or withdrawn, or the"
    " account has not enabled the region"
)
_DENIED = "profile {profile!r} may not do this: {operation}: {message}"
_REFUSED = "AWS {region} refused {operation}: {code}: {message}"

# The sentence for each code that AWS answers with; the names in braces are filled in by `sentence`.
_CODES = {
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "RequestExpired"), _EXPIRED),
    **dict.fromkeys(
        (
            "AuthFailure",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        _UNKNOWN,
    ),
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"), _DENIED),
}

# The sentence for what botocore raises by itself, the special before the general.
_KINDS: tuple[tuple[tuple[type[BotoCoreError], ...], str], ...] = (
    (
        (exceptions.ProfileNotFound,),
        "there is no profile {profile!r} in the AWS config and credentials files: name another with --profile",
    ),
    (
        (exceptions.NoCredentialsError, exceptions.PartialCredentialsError),
        "profile {profile!r} has no credentials, or not all of them: aws configure --profile {profile}",
    ),
    (
        (exceptions.SSOError, exceptions.TokenRetrievalError),
        "profile {profile!r} is not signed in: aws sso login --profile {profile}",
    ),
    (
        (exceptions.ConnectionError, exceptions.HTTPClientError),
        "AWS {region} cannot be reached: is there a network? ({words})",
    ),
    ((BotoCoreError,), "profile {profile!r} cannot be used: {words}"),
)


def sentence(error: BotoCoreError | ClientError, profile: str, region: str) -> str:
    """What went wrong on AWS, for a user of ``profile`` in ``region``."""
    known = {"profile": profile, "region": region, "words": _one_line(str(error))}
    if isinstance(error, ClientError):
        refusal = error.response["Error"]
        code = refusal.get("Code", "")
        known |= {"code": code, "message": _one_line(refusal.get("Message", "")), "operation": error.operation_name}
        return _CODES.get(code, _REFUSED).format(**known)
    return next(words for kinds, words in _KINDS if isinstance(error, kinds)).format(**known)


def _one_line(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def in_one_sentence(profile: str, region: str) -> Iterator[None]:
    """A context that raises `ArchduelError` with `sentence` in place of what AWS or botocore raises."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ArchduelError(sentence(error, profile, region)) from error
