"""A clock for tests: time passes only while somebody sleeps."""


class Clock:
    """Call it for the time in seconds; ``slept`` has the waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
