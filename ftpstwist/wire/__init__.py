"""The language: octets to commands, replies to octets. Pure; standard library only."""
