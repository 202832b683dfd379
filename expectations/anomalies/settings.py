"""What may stand in `expectations/anomalies.yml`."""

from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from expectations.suite import SuiteError
from orchestration.problems import problems

#: The settings that ship with footpath.
SETTINGS = Path(__file__).parents[1] / "anomalies.yml"


class AnomalySettings(BaseModel):
    """How anomalies are judged; the defaults are those of the shipped file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: str = Field(default="data-platform", min_length=1)
    training_weeks: int = Field(default=8, ge=3, le=52)
    least_weeks: int = Field(default=4, ge=2)
    judged_days: int = Field(default=7, ge=1, le=7)
    settle_hours: int = Field(default=2, ge=0)
    late_hours: int = Field(default=24, ge=0)
    score: float = Field(default=5.0, gt=0)
    least_change: float = Field(default=0.2, ge=0, lt=1)
    holidays: tuple[date, ...] = ()


def load_settings(path: Path = SETTINGS) -> AnomalySettings:
    """Read the settings. Raises `SuiteError` when the file is not YAML or has what is not allowed."""
    try:
        return AnomalySettings.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
    except yaml.YAMLError as error:
        raise SuiteError(f"{path}: not valid YAML: {error}") from error
    except ValidationError as error:
        lines = problems(error, known=lambda place: tuple(AnomalySettings.model_fields))
        raise SuiteError("\n".join(f"{path}: {line}" for line in lines)) from error
