"""Moving in: configurations of other servers become TOML, with a remark for all that does not."""
