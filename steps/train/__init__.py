"""Train an image classifier on packed shards and export it for serving."""
