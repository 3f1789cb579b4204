"""Client programs that exist in the world, each behind one small adapter."""
