"""Lambda functions: moto keeps them; here their code runs, each invocation in a process of its own."""
