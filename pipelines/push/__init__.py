"""Put a folder of photos into a bucket: `python -m pipelines push FOLDER s3://bucket/prefix`."""
