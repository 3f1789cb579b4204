"""The table ``[metrics]``: numbers for Prometheus."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ftpstwist.config.endpoint import Endpoint, endpoint
from ftpstwist.config.form import or_word, path
from ftpstwist.config.form_numbers import seconds
from ftpstwist.config.setting import setting

OptionalEndpoint = Annotated[Endpoint | None, or_word(endpoint())]


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Numbers for Prometheus, over HTTP or in a file. They name no user, address or file.

    Needs the package prometheus-client: ``pip install "ftpstwist[metrics]"``.
    """

    endpoint: OptionalEndpoint = setting(
        None,
        'Where they can be fetched: with "tcp:9121:interface=127.0.0.1" it is http://127.0.0.1:9121/metrics. '
        "There is no password.",
    )
    file: Annotated[Path | None, or_word(path())] = setting(
        None,
        "File they are written to, for the textfile collector of node_exporter; its name ends in .prom. "
        "The user that the server runs as must be able to write to its folder.",
    )
    file_interval: Annotated[float, seconds(least=1)] = setting(15.0, "Time from one writing of the file to the next.")
