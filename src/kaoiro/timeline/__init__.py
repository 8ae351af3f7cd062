"""What happens over time: smoothing of the measurements of one face. NumPy only."""
