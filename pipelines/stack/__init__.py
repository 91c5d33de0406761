"""What the pipeline needs around it, as one CloudFormation stack: its template, its deployment, its functions."""
