"""Request policy: limits, delays and the User-Agent."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Policy:
    """Limits of every request.

    Attributes:
        contact: address in the User-Agent, so that a site's owner can reach the user.
        delay_s: minimum time between the starts of two requests to one host (robots.txt may demand more).
        connections: maximum number of requests at once per host.
        timeout_s: maximum time without a byte from the server.
        slowest_bytes_s: minimum rate; a slower transfer is abandoned after ``timeout_s`` and tried again later.
        retries: further tries after a temporary failure (connection lost, 408, 425, 429, 5xx).
        most_failures: a host is given up for this run after so many failed requests in a row, retries not counted.
        longest_wait_s: maximum wait before a retry; a longer ``Retry-After`` fails at once.
        max_page_bytes, max_file_bytes, max_source_bytes: maximum size of a page, of a file, and of all new files.
        redirects: maximum number of redirects of one request.
        private_hosts: may this machine and its private networks be contacted (for tests and own servers).
    """

    contact: str | None = None
    delay_s: float = 1.0
    connections: int = 2
    timeout_s: float = 30.0
    slowest_bytes_s: float = 1000.0
    retries: int = 4
    most_failures: int = 6
    longest_wait_s: float = 120.0
    max_page_bytes: int = 64_000_000
    max_file_bytes: int = 5_000_000_000
    max_source_bytes: int = 200_000_000_000
    redirects: int = 5
    private_hosts: bool = False

    @property
    def user_agent(self) -> str:
        """Name, version and contact, for robots.txt files and site owners."""
        try:
            release = version("cxnet-data")
        except PackageNotFoundError:
            release = "0"
        return (
            f"cxnet-data/{release} (builds chest X-ray data sets for research; contact: {self.contact or 'not given'})"
        )
