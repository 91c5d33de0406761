"""Fetch, check and resize the catalogued images and pack them into shards."""
