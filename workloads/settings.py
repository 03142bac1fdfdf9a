"""Settings as models: each field has a unit, a description, bounds and, where there is one, an option.

Put here what all such models have in common. Keep out the settings themselves (`workloads.recordings.shape`,
`resources.lab.settings`).
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, TypeAdapter, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from workloads.errors import UsageError


@dataclass(frozen=True)
class Option:
    """The command line's name for a setting, and what its help says besides the description and the default.

    Attributes:
        flag: The option, such as ``--longest-pause``.
        unit: What the value counts or names, such as ``seconds``; empty for what is yes or no.
        default: What happens without the option, in words, where the field's default does not say it.
    """

    flag: str
    unit: str = ""
    default: str = ""

    @classmethod
    def of(cls, field: FieldInfo) -> Self | None:
        """The option of a model's field; None where the command line has none."""
        return next((item for item in field.metadata if isinstance(item, cls)), None)


class Settings(BaseModel):
    """Settings that never change. Values out of bounds raise a `UsageError` of one line, which names the field."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise UsageError(f"{'.'.join(map(str, first['loc']))} {_complaint(first)}") from None

    @classmethod
    def check(cls, name: str, value: Any) -> Any:
        """Return ``value`` as the field ``name`` has it.

        Raises:
            UsageError: a value out of the field's bounds, in words that go behind the name.
        """
        field = cls.model_fields[name]
        kind: Any = Annotated[(field.annotation, *field.metadata)]
        config = ConfigDict(allow_inf_nan=cls.model_config.get("allow_inf_nan", True))
        try:
            return TypeAdapter(kind, config=config).validate_python(value)
        except ValidationError as error:
            raise UsageError(_complaint(error.errors(include_url=False)[0])) from None


def _complaint(error: ErrorDetails) -> str:
    message = error["msg"].replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    bound = re.sub("^Input should be ", "must be ", message)
    return f"{bound}, not {error['input']}" if bound != message else f"is wrong: {message}"
