"""What the configuration says about data connections reaches them."""

from __future__ import annotations

from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_data import PassiveSettings, TransferSettings
from ftpstwist.services.data import data_settings


def test_time_limits_of_data_connections():
    """An operator's time limits are those that a session keeps."""
    settings = Settings(
        passive=PassiveSettings(second_chance=0.0), transfer=TransferSettings(connect_timeout=7.0, stall_timeout=8.0)
    )
    kept = data_settings(settings)
    assert (kept.second_chance_seconds, kept.open_seconds, kept.stall_seconds) == (0.0, 7.0, 8.0)
    assert data_settings(Settings()).second_chance_seconds == 2.0
