"""System A on video: weights over a window of frames, learned without labels."""
