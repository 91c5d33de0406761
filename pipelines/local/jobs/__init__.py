"""Jobs: S3 inputs, a process under the container contract, S3 outputs."""
