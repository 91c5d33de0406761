"""The networks, where their initial weights come from, and how they are compiled."""
