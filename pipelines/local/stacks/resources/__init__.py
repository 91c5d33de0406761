"""The types of resources that are made real, a file for each group of services."""
