"""Metrics: functions of arrays, NumPy only."""
