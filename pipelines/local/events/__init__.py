"""Events and schedules: what SageMaker tells EventBridge reaches the targets of rules, and schedules fire."""
