"""From a TOML file to settings that can not be wrong."""
