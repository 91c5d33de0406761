"""Score the exported model on the test shards and write the report."""
