"""What a pipeline costs: an estimate before it runs, and what AWS billed after it ran."""
