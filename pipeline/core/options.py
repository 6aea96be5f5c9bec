"""What the options of all stages share: the base class, and the types of single options."""

from collections.abc import Collection, Hashable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Entries = TypeVar("Entries", bound=Collection[Hashable])


def without_duplicates(entries: Entries) -> Entries:
    """The same entries; refuses a list with an entry twice."""
    if len(set(entries)) < len(entries):
        raise ValueError("list should not contain duplicates")
    return entries


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
SourceNames = Annotated[tuple[str, ...], AfterValidator(without_duplicates)]


class Options(BaseModel):
    """A group of options: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
