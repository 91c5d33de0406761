"""Puts input and prediction together: InputFilter, JoinSource and OutputFilter of a batch transform job.

The source is "Associate Prediction Results with Input Records" in the SageMaker developer guide.
"""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.local.transforms.jsonpath import JsonPath, JsonPathError
from pipelines.local.transforms.records import RecordError


class Form(ABC):
    """How records are written: as CSV or as JSON."""

    @abstractmethod
    def read(self, text: str) -> Any:
        """A record as JSONPath sees it."""

    @abstractmethod
    def write(self, value: Any) -> str:
        """A record as it stands in a file."""

    @abstractmethod
    def join(self, record: Any, prediction: Any) -> Any:
        """Input and prediction in one record."""


class Csv(Form):
    """A row, which is a list of texts; the columns of a prediction come after those of the input."""

    def read(self, text: str) -> Any:
        """The row's columns."""
        return next(csv.reader([text]), [])

    def write(self, value: Any) -> str:
        """A row without its line end."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return buffer.getvalue()

    def join(self, record: Any, prediction: Any) -> Any:
        """The columns of both."""
        return [*record, *prediction]


class JsonLines(Form):
    """A JSON document, which gets the prediction as its member `SageMakerOutput`."""

    def read(self, text: str) -> Any:
        """The document."""
        return json.loads(text)

    def write(self, value: Any) -> str:
        """The document on one line."""
        return json.dumps(value, ensure_ascii=False)

    def join(self, record: Any, prediction: Any) -> Any:
        """An object with both; an input that is no object becomes its member `SageMakerInput`."""
        whole = record if isinstance(record, dict) else {"SageMakerInput": record}
        return {**whole, "SageMakerOutput": prediction}


FORMS: dict[str, Form] = {"text/csv": Csv(), "application/json": JsonLines(), "application/jsonlines": JsonLines()}


@dataclass(frozen=True)
class Association:
    """What of each record goes to the model, and what of it comes back beside the prediction.

    Attributes:
        form: of input and output.
        input_filter: selects what the model gets.
        joins: whether the input is joined to the prediction.
        output_filter: selects what is stored of the result.
    """

    form: Form
    input_filter: JsonPath
    joins: bool
    output_filter: JsonPath

    def filtered(self, records: Sequence[bytes]) -> list[bytes]:
        """What the model gets of each record.

        Raises:
            RecordError: a record is not of the form, or lacks what is selected.
        """
        if self.input_filter.is_everything:
            return list(records)
        return [self.form.write(self._find(self.input_filter, self._read(record))).encode() for record in records]

    def associated(self, records: Sequence[bytes], answer: bytes) -> bytes:
        """What is stored for a batch of records: a line for each.

        Raises:
            RecordError: the answer has not one prediction for each record, or one is not of the form.
        """
        predictions = [answer] if len(records) == 1 else answer.rstrip(b"\n").split(b"\n")
        if len(predictions) != len(records):
            raise RecordError(
                f"ClientError: {len(records)} records were sent and {len(predictions)} predictions came back; "
                "they cannot be associated"
            )
        results = []
        for record, prediction in zip(records, predictions, strict=True):
            value = self._read(prediction.strip())
            joined = self.form.join(self._read(record), value) if self.joins else value
            results.append(self.form.write(self._find(self.output_filter, joined)))
        return "\n".join(results).encode() + b"\n"

    def _read(self, record: bytes) -> Any:
        try:
            return self.form.read(record.decode())
        except (ValueError, RecursionError, csv.Error) as error:
            raise RecordError(f"ClientError: a record cannot be read: {error}") from error

    def _find(self, path: JsonPath, value: Any) -> Any:
        try:
            return path.find(value)
        except JsonPathError as error:
            raise RecordError(f"ClientError: {error}") from error
