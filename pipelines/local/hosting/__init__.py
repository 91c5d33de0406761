"""Hosting: models, endpoint configurations, and endpoints with real serving processes behind them."""
