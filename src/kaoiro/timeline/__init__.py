"""What happens over time: smoothing, shares, intervals, episodes and changes of what a face shows. NumPy only."""
