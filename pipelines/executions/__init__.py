"""One execution and its steps: its parameters, which jobs a step made, their logs, why it failed, how it is stopped."""
