"""Numbers that know how exact they are."""

import numpy as np


class Nats(float):
    """A number of nats with the error that was achieved.

    Attributes:
        error: nats.
    """

    error: float

    def __new__(cls, value: float, error: float) -> "Nats":
        """A value with its error."""
        number = super().__new__(cls, value)
        number.error = float(error)
        return number


class NatsOfImages(np.ndarray):
    """(n,) float64 nats of n images.

    Attributes:
        errors: (n,) achieved error of each image, nats; infinite where the value is but a lower bound. error: their
            mean.
    """

    errors: np.ndarray

    def __new__(cls, values: np.ndarray, errors: np.ndarray) -> "NatsOfImages":
        """Values with their errors."""
        array = np.asarray(values, dtype=np.float64).view(cls)
        array.errors = np.asarray(errors, dtype=np.float64)
        return array

    def __array_finalize__(self, source: object) -> None:
        self.errors = getattr(source, "errors", np.zeros(0))

    @property
    def error(self) -> float:
        """Mean achieved error, nats; 0 where none is known."""
        return float(self.errors.mean()) if self.errors.size else 0.0
