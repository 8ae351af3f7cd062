"""From pictures and videos to aligned faces: reading, detection, alignment, tracking, quality."""
