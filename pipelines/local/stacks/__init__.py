"""CloudFormation: stacks whose resources are made, changed and deleted by calls to this very server."""
