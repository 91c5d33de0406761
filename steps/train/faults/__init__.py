"""What lets an interrupted training go on as if nothing had happened."""
