"""Forecasting engine: data in, models, evaluation and results, without any web or queue code."""
