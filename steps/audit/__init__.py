"""Is it what the records say? A model's counts beside the recorded quantities, the likeliest errors first."""
